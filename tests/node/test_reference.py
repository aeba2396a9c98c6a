"""Topics and regions: the lists that reporters choose from, and the names that officers read."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from node.reference import regions, topics
from node.reference.regions import UnknownRegionError
from node.reference.topics import UnknownTopicError

#: Left out on purpose: the pandemic's, and what belonged to one programme of 2021.
LEFT_OUT = {"CORONA VIRUS", "PEMULIHAN EKONOMI NASIONAL", "PENIADAAN MUDIK", "TOPIK KHUSUS"}


def every_topic() -> list[topics.Topic]:
    return [each for category, found in topics.tree() for each in (category, *found)]


def test_every_code_is_short_stable_text_and_stands_once() -> None:
    codes = [each.code for each in every_topic()]
    assert len(codes) == len(set(codes)) > 700
    assert all(re.fullmatch(r"[a-z0-9-]+(/[a-z0-9-]+)?", code) for code in codes)


def test_every_topic_lies_in_its_category_and_every_group_is_a_topic_beside_it() -> None:
    for each in every_topic():
        if each.parent is not None:
            assert each.code.startswith(f"{each.parent}/")
            assert topics.topic(each.parent).parent is None
        if each.group is not None:
            group = topics.topic(each.group)
            assert group.parent == each.parent
            assert group.group is None


def test_no_reporter_has_to_read_more_than_twenty_topics_at_once() -> None:
    assert len(topics.categories()) < 40
    assert max(len(topics.choices(category.code)) for category in topics.categories()) <= 20


@pytest.mark.parametrize(
    "code",
    ["kartu-prakerja", "bantuan-sosial", "bantuan-sosial/pkh", "kesehatan/stunting", "makan-bergizi-gratis",
     "kependudukan/ktp", "ketenagakerjaan/gaji-pekerja"],
)  # fmt: skip
def test_the_national_programmes_and_what_others_rely_on_are_there(code: str) -> None:
    assert topics.topic(code).code == code


def test_nothing_of_the_pandemic_and_no_test_entry_is_left() -> None:
    for each in every_topic():
        assert not re.search(r"covid|corona|mudik|psbb|rapid|pcr|\btest\b|uji coba", each.name, re.IGNORECASE), (
            each.name
        )


def test_acronyms_stay_and_shouting_does_not() -> None:
    assert topics.name_of("kependudukan/ktp") == "Kependudukan: KTP (Kartu Tanda Penduduk)"
    assert topics.topic("kesehatan/administrasi-bpjs-kesehatan").name == "Administrasi BPJS Kesehatan"
    assert topics.topic("netralitas-asn").name == "Netralitas ASN"
    assert not [each.name for each in every_topic() if len(each.name) > 12 and each.name.isupper()]


def test_every_name_of_the_public_list_is_there(shared_data: Callable[[str], Path]) -> None:
    """Names are LAPOR!'s own; where a typing error was mended, `source` keeps its spelling."""

    def plain(name: str) -> str:
        return re.sub(r"[^a-z0-9]", "", name.lower())

    ours = {plain(each.source or each.name) for each in every_topic()} | {plain(each.name) for each in every_topic()}
    listed = json.loads(shared_data("lapor_categories.json").read_text())
    wanted = [entry for entry in listed if " ".join(entry["name"].split()) not in LEFT_OUT]
    missing = [name for entry in wanted for name in (entry["name"], *entry["subcategories"]) if plain(name) not in ours]
    assert missing == []


def test_unknown_topics_are_errors_or_read_as_they_are() -> None:
    with pytest.raises(UnknownTopicError):
        topics.topic("apa/saja")
    assert topics.name_of("apa/saja") == topics.short_name_of("apa/saja") == "apa/saja"
    assert topics.name_of("") == topics.short_name_of("") == "Belum ditentukan"


def test_the_country_has_thirty_eight_provinces_and_five_hundred_fourteen_regencies() -> None:
    provinces = regions.provinces()
    assert len(provinces) == 38
    assert sum(len(regions.regencies(each.code)) for each in provinces) == 514


def test_a_region_is_named_with_what_it_lies_in() -> None:
    assert regions.name_of("32.73") == "Kota Bandung, Jawa Barat"
    assert regions.name_of("32.73.02") == "Kecamatan Coblong, Kota Bandung, Jawa Barat"
    assert regions.short_name_of("32.73.02") == "Coblong"
    assert regions.name_of("") == regions.short_name_of("") == "Belum ditentukan"
    assert regions.name_of("99") == regions.short_name_of("99") == "99"


@pytest.mark.parametrize("code", ["", "3273", "32.73.02.1001", "99", "32.99", "x", "32.73 "])
def test_a_code_has_one_form_and_ends_at_the_district(code: str) -> None:
    with pytest.raises(UnknownRegionError):
        regions.region(code)


def test_only_a_province_has_regencies() -> None:
    with pytest.raises(UnknownRegionError):
        regions.regencies("32.73")


@pytest.mark.parametrize(
    ("typed", "code"),
    [("bandung", "32.73"), ("Kec. Coblong", "32.73.02"), ("  JOGJA ", "34.71"), ("jaksel", "31.74"), ("DKI", "31.71")],
)
def test_a_place_is_found_by_what_people_call_it(typed: str, code: str) -> None:
    assert code in [each.code for each in regions.search(typed)]


@pytest.mark.parametrize("typed", ["", "   ", "%", "qqqq", "x" * 10_000])
def test_what_is_no_place_finds_nothing(typed: str) -> None:
    assert regions.search(typed) == ()

"""A hub that is down and a node that dies: what was acknowledged is there, and everything arrives later."""

from dataclasses import replace
from typing import Final

from demo.citizen import Citizen
from demo.complaints import Identity, Place, Report, Story
from demo.walk import Walk
from tests.story.conftest import Country
from tests.support.filing import file

STORY: Final = Story(
    id="genangan",
    report=Report(
        "complaint",
        "Jalan di depan pasar tergenang sejak selokannya tertutup cor.",
        "pekerjaan-umum-dan-penataan-ruang/drainase",
        Place("32.73"),
        "open",
        Identity("Lilis Karlina Suhendar"),
    ),
    path=("jabar", "kota-bandung"),
    reasons=("Jalan dan selokan itu urusan kota.",),
    reply="Selokan sudah dibuka hari ini.",
)


def file_at_origin(country: Country, text: str) -> Walk:
    story = replace(STORY, report=replace(STORY.report, text=text))
    return Walk(story, file(country.walker.node("jabar").url, story.report))


def test_while_the_hub_is_down_cases_are_filed_and_handed_over_and_arrive_when_it_is_back(country: Country) -> None:
    walker, hub = country.walker, country.federation.hub
    hub.stop()
    walk = file_at_origin(country, "Pusat sedang mati, tetapi laporan ini tersimpan dan mendapat tanda terima.")
    page = Citizen(walker.node("jabar").url).track(walk.receipt.code)
    assert (page.text, page.state) == (walk.story.report.text, "○ Diterima")
    walker.send_on([walk])
    assert Citizen(walker.node("jabar").url).track(walk.receipt.code).handler == "Pemerintah Provinsi Jawa Barat"
    hub.start()
    walker.arrive([walk])
    walker.answer([walk])
    walker.track([walk])


def test_a_node_killed_right_after_the_receipt_still_has_the_case(country: Country) -> None:
    walker = country.walker
    server = walker.node("jabar").server
    walk = file_at_origin(country, "Simpul mati listrik tepat setelah tanda terima tampil.")
    server.kill()
    server.start()
    assert Citizen(walker.node("jabar").url).track(walk.receipt.code).text == walk.story.report.text
    walker.read_whole(walk, "jabar")


def test_a_node_killed_right_after_a_hand_over_still_hands_over(country: Country) -> None:
    """Killed at once after the officer's page, and the recipient too; each comes back and goes on where it was."""
    walker = country.walker
    walk = file_at_origin(country, "Kedua simpul mati di tengah serah terima.")
    walker.send_on([walk])
    servers = [walker.node(party).server for party in walk.story.path]
    for server in servers:
        server.kill()
    for server in servers:
        server.start()
    walker.arrive([walk])
    walker.erased([walk])


def test_a_hub_killed_in_the_middle_loses_nothing(country: Country) -> None:
    walker, hub = country.walker, country.federation.hub
    walks = [file_at_origin(country, f"Pusat mati mendadak, laporan ke-{number} tetap sampai.") for number in range(3)]
    walker.send_on(walks)
    hub.kill()
    hub.start()
    walker.arrive(walks)
    walker.erased(walks)

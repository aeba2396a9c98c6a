"""Two hundred messages as people write them, filed at three offices, are found at their handlers, byte for byte."""

import csv
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.citizen import Receipt
from demo.complaints import Identity, Place, Report
from demo.together import at_once
from demo.waiting import wait_for
from demo.walk import Walker
from tests.story.conftest import Country
from tests.support.filing import file

COUNT: Final = 200
ORIGINS: Final = ("jabar", "kemnaker", "kota-bandung")
#: Region, topic and who answers for them, by row number; several regions of the province and one outside it.
MATTERS: Final = (
    ("32.73", "pekerjaan-umum-dan-penataan-ruang/infrastruktur-jalan", "kota-bandung"),
    ("32.16", "ketenagakerjaan/gaji-pekerja", "kemnaker"),
    ("32.05", "bantuan-sosial/pkh", "jabar"),
    ("32.73.11", "kesehatan/pelayanan-kesehatan", "kota-bandung"),
    ("73.71", "kartu-prakerja/keluhan-pra-kerja", "kemnaker"),
    ("", "ketenagakerjaan/hak-pekerja", "kemnaker"),
    ("32.02.19", "perhubungan/parkir-liar", "jabar"),
)
#: What is not in the data but on keyboards: line ends of both kinds, blanks at the edges, marks of HTML, bytes of four.
HARD: Final = (
    "\n  baris pertama kosong\r\nlalu dua jenis akhir baris\n\ndan tab\tdi sini  \n",
    "<script>alert('&amp;')</script> \"kutip\" 'tunggal' `x` </textarea></p> %00 \\n {{ 7 * 7 }} {% raw %}",
    "🇮🇩👨‍👩‍👧‍👦 Ñandú\u0301 \u202eterbalik\u202c ꦲꦏ꧀ꦱꦫ 𐀀 \ufeff akhir",
)
_ARRIVAL_SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class Message:
    """A message with the office where it is filed and the one that answers for its matter."""

    text: str
    place: Place | None
    topic: str
    origin: str
    handler: str

    @property
    def report(self) -> Report:
        return Report("complaint", self.text, self.topic, self.place, "anonymous", Identity())


def message(row: int, text: str) -> Message:
    region, topic, handler = MATTERS[row % len(MATTERS)]
    return Message(text, Place(region) if region else None, topic, ORIGINS[row % len(ORIGINS)], handler)


def send_on(walker: Walker, each: tuple[Message, Receipt]) -> None:
    """What the origin's officer does: read, and follow the suggestion of the directory."""
    said, receipt = each
    page = walker.admin(said.origin).read(receipt.number)
    assert page.text == said.text
    assert (page.suggested or said.origin) == said.handler
    if said.handler != said.origin:
        walker.admin(said.origin).hand_over(receipt.number, page.suggested, "Bukan wewenang kantor kami.")


def arrived(walker: Walker, filed: list[tuple[Message, Receipt]]) -> bool:
    here = {
        party: {number for number, is_here in walker.admin(party).numbers().items() if is_here} for party in ORIGINS
    }
    return all(receipt.number in here[said.handler] for said, receipt in filed)


def test_every_message_is_found_at_its_handler_byte_for_byte(
    country: Country, shared_data: Callable[[str], Path]
) -> None:
    with shared_data("social_messages.csv").open(newline="", encoding="utf-8") as rows:
        texts = [row["text"] for row in csv.DictReader(rows)][:COUNT]
    messages = [message(row, text) for row, text in enumerate([*texts, *HARD])]
    assert len(messages) == COUNT + len(HARD)
    assert min(Counter(each.handler for each in messages).values()) > COUNT // 5
    walker = country.walker
    receipts = at_once(lambda each: file(walker.node(each.origin).url, each.report), messages)
    assert len({receipt.number for receipt in receipts}) == len(messages)
    filed = list(zip(messages, receipts, strict=True))
    at_once(lambda each: send_on(walker, each), filed)
    wait_for("every message at its handler", lambda: arrived(walker, filed), _ARRIVAL_SECONDS)
    for said, text in zip(
        messages,
        at_once(lambda each: walker.admin(each[0].handler).read(each[1].number).text, filed),
        strict=True,
    ):
        assert text == said.text

"""A stick between offices and a hub: what is written, answered and taken in, by the code of the commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.carried.desk import Answered, Desk
from keys.receipt import ReceiptCode
from node.carried.export import Exported, export_requests
from node.carried.take import Taken, find_answers, take_file
from node.cases import attachments, intake
from node.cases.intake import blank_form
from node.files.intake import accept
from protocol.carried import CarriedFile, CarriedKind, CarriedMember, encode_head, member_of
from service import stick
from tests.support.nodes import REPORTER_NAME, WORDS, Country, Office


@dataclass(frozen=True, slots=True)
class Stick:
    """A folder that is carried about."""

    land: Country
    folder: Path

    def export(self, office: Office) -> list[Exported]:
        return list(export_requests(office.node, self.folder, office.clock.now()))

    def answer(self) -> list[Answered]:
        hub = self.land.founded
        desk = Desk(hub.settings, hub.federation, hub.keys, hub.database)
        return list(desk.answer(self.folder, self.land.clock.now()))

    def take(self, office: Office) -> list[Taken]:
        found = find_answers(office.node, self.folder)
        return [take_file(office.node, self.folder, name, office.clock.now) for name in found]

    def take_well(self, office: Office) -> list[Taken]:
        done = self.take(office)
        assert done
        assert [each.trouble for each in done] == [None] * len(done)
        return done

    def round(self, *offices: Office) -> None:
        """There and back again, all well."""
        for office in offices:
            self.export(office)
        for done in self.answer():
            assert (done.trouble, done.refused) == (None, None)
        for office in offices:
            self.take_well(office)
        self.wipe()

    def wipe(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()

    def names(self) -> list[str]:
        return stick.names(self.folder)

    def path(self, ending: str) -> Path:
        """The one file of a kind."""
        (found,) = self.folder.glob(f"*.{ending}")
        return found


def make_stick(land: Country, name: str = "stick") -> Stick:
    folder = land.folder / name
    folder.mkdir()
    return Stick(land, folder)


def members_of(path: Path) -> dict[str, bytes]:
    """Every member of a carried file."""
    raw = path.read_bytes()
    file = CarriedFile(len(raw), lambda offset, length: raw[offset : offset + length])
    return {name: b"".join(file.chunks(name)) for name in file.members}


def rewrite(path: Path, contents: dict[str, bytes], kind: CarriedKind | None = None) -> None:
    """A well-formed file with these members under a name that is there already, or under a new one."""
    members: list[CarriedMember] = [member_of(name, content) for name, content in contents.items()]
    head = encode_head(kind or CarriedKind(path.suffix[1:]), members)
    path.write_bytes(head + b"".join(contents.values()))


def file_with(office: Office, files: Sequence[tuple[str, bytes]]) -> str:
    """File a report with files; returns its number."""
    form = blank_form(office.node, office.clock.now())
    receipt = ReceiptCode.parse(form.receipt)
    prepared = intake.prepare_plain(office.node, form.form_id, receipt, WORDS, REPORTER_NAME, accept(files))
    with office.node.database.transaction() as session:
        return intake.store_filing(session, office.node, prepared, office.clock.now())[0]


def files_of(office: Office, number: str) -> dict[str, bytes]:
    """Every attachment of a case by its name, as an officer gets it."""
    found = {}
    for each in office.page(number).attachments:
        with office.node.database.reading() as session:
            found[each.name] = b"".join(attachments.of_case(session, office.node, number, each.id).content)
    return found

"""Attachments from a report to the office that handles it: byte for byte, under fresh keys, or not at all."""

import base64
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from hub.parts.collect import collect
from hub.parts.store import PartStore
from keys import b64u
from keys.errors import KeyDestroyedError
from keys.receipt import ReceiptCode
from node.cases import attachments, intake
from node.cases.desk import find_case
from node.cases.intake import blank_form
from node.cases.views import NoSuchCaseError
from node.files import outgoing, shelf, transfer
from node.files.intake import accept
from node.files.transfer import fetch_waiting
from node.models.cases import Case
from node.models.files import OutboxFile, StoredFile
from node.models.sync import InboxEntry, OutboxEntry
from node.sync.client import HubRefusedError, HubUnreachableError, PartProgress, Sink
from protocol.attachment import Attachment
from protocol.bundle import read_bundle
from protocol.content import read_case_file, read_filing
from protocol.custody import Stance
from protocol.entry import read_entry
from protocol.errors import RemoteError
from protocol.seal import SealContext, open_part
from tests.support.federation import NOW, sealing
from tests.support.files import Made, PartsLine, made_file
from tests.support.hub import Said
from tests.support.nodes import CROOK, REPORTER_NAME, WORDS, Carrier, Clock, Country, Crook, Office, case_file
from tests.support.photos import photo

SMALL = ("kecil.jpg", photo(20_000, 1))
LARGE = ("besar.jpg", photo(300_000, 2))
MARK = b"SANGAT RAHASIA: nomor rekening 0123456789 atas nama Siti Rahayu"


@dataclass(frozen=True, slots=True)
class FiledWith:
    number: str
    receipt: str
    case_id: str


def file_with(office: Office, *files: tuple[str, bytes]) -> FiledWith:
    """File a report with files, as the API does."""
    form = blank_form(office.node, office.clock.now())
    receipt = ReceiptCode.parse(form.receipt)
    prepared = intake.prepare_plain(office.node, form.form_id, receipt, WORDS, REPORTER_NAME, accept(files))
    with office.node.database.transaction() as session:
        number, _, _ = intake.store_filing(session, office.node, prepared, office.clock.now())
    return FiledWith(number, receipt.text, form.form_id)


def seen_by_officer(office: Office, number: str) -> dict[str, bytes]:
    """Every attachment of a case by its name, as an officer gets it."""
    found = {}
    for each in office.page(number).attachments:
        with office.node.database.reading() as session:
            download = attachments.of_case(session, office.node, number, each.id)
        found[each.name] = b"".join(download.content)
        assert len(found[each.name]) == each.size
    return found


def seen_by_reporter(office: Office, receipt: str) -> dict[str, bytes]:
    """Every attachment of a report by its name, as the holder of the receipt gets it."""
    found = {}
    for each in office.track(receipt).attachments:
        with office.node.database.reading() as session:
            download = attachments.of_receipt(session, office.node, receipt, each.id)
        found[each.name] = b"".join(download.content)
    return found


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def on_disk(office: Office) -> list[str]:
    """The ids of the ciphertexts that an office keeps."""
    return sorted(office.node.files.names())


# The way of a file.


def test_twenty_megabytes_cross_the_hub_byte_for_byte(land: Country) -> None:
    """The whole allowance of a case, from one node over the hub to another, in a bounded memory."""
    name, content = "rekaman.mp3", photo(20 * 1024 * 1024, 3, "audio/mpeg")
    tracemalloc.start()
    filed = file_with(land.jabar, (name, content))
    land.jabar.hand_over(filed.number, "kemnaker")
    land.settle()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert land.kemnaker.case(filed.number).stance == Stance.HELD
    assert seen_by_officer(land.kemnaker, filed.number) == {name: content}
    assert seen_by_reporter(land.jabar, filed.receipt) == {name: content}
    assert peak < 40_000_000, "files go through in chunks and pieces"


@pytest.mark.parametrize(
    "files", [[SMALL], [LARGE], [SMALL, LARGE, ("surat.pdf", photo(70_000, 4, "application/pdf"))]]
)
def test_files_go_where_the_case_goes_and_its_sender_cannot_read_them_any_more(
    land: Country, files: Sequence[tuple[str, bytes]]
) -> None:
    filed = file_with(land.jabar, *files)
    assert seen_by_officer(land.jabar, filed.number) == dict(files)
    land.jabar.hand_over(filed.number, "kemnaker")
    land.settle()
    assert seen_by_officer(land.kemnaker, filed.number) == dict(files)
    assert land.jabar.case(filed.number).stance == Stance.ERASED
    assert land.jabar.page(filed.number).attachments == ()
    (kept, *_) = land.jabar.track(filed.receipt).attachments
    with land.jabar.node.database.reading() as session, pytest.raises(NoSuchCaseError):
        attachments.of_case(session, land.jabar.node, filed.number, kept.id)
    # The reporter's own copies stay, and only the receipt opens them.
    assert seen_by_reporter(land.jabar, filed.receipt) == dict(files)
    assert {row.case_id for row in land.jabar.rows(StoredFile)} == {None}
    for office in (land.jabar, land.kemnaker):
        assert files_below(office.node.settings.outgoing_dir) == []
        assert files_below(office.node.settings.incoming_dir) == []


def test_files_of_a_case_that_is_handed_on_twice_are_gone_from_the_office_between(land: Country) -> None:
    filed = file_with(land.jabar, SMALL, LARGE)
    land.jabar.hand_over(filed.number, "kemnaker")
    land.settle()
    land.kemnaker.hand_over(filed.number, "jateng")
    land.settle()
    assert seen_by_officer(land.jateng, filed.number) == dict([SMALL, LARGE])
    assert on_disk(land.kemnaker) == []
    assert land.kemnaker.rows(StoredFile) == []
    assert len(on_disk(land.jateng)) == 2


def test_a_case_that_comes_home_brings_its_files_with_it(land: Country) -> None:
    filed = file_with(land.jabar, LARGE)
    for office, to in ((land.jabar, "kemnaker"), (land.kemnaker, "jabar")):
        office.hand_over(filed.number, to)
        land.settle()
    assert seen_by_officer(land.jabar, filed.number) == dict([LARGE])
    assert seen_by_reporter(land.jabar, filed.receipt) == dict([LARGE])
    assert len(on_disk(land.jabar)) == 2, "one for the case, one for the reporter"


def test_every_hop_has_keys_and_ciphertexts_of_its_own(land: Country) -> None:
    """Whoever could open a file once has nothing with which to open it elsewhere."""
    filed = file_with(land.jabar, SMALL, LARGE)
    told = [_told(land.jabar, filed.number)]
    offered = []
    for office, to in ((land.jabar, land.kemnaker), (land.kemnaker, land.jateng)):
        office.hand_over(filed.number, to.node.member_id)
        offered.append(_offered(land, office, to))
        land.settle()
        told.append(_told(to, filed.number))
    everything = [each for files in (*told, *offered) for each in files]
    assert len({each.id for each in everything}) == len(everything) == 10
    assert len({each.key for each in everything}) == 10


def _told(office: Office, number: str) -> tuple[Attachment, ...]:
    case = office.case(number)
    content = office.node.case_keys.get(case.case_id, "content").open(case.content or b"", "content")
    return tuple(read_filing(content).attachments)


def _offered(land: Country, office: Office, to: Office) -> tuple[Attachment, ...]:
    """What the seal of the newest offer tells, opened with the recipient's key."""
    carrier = Carrier(land.line)
    office.sync(carrier)
    entry = read_entry(office.rows(OutboxEntry, OutboxEntry.kind == "offer")[-1].raw).entry
    name = entry.parts["case"]
    context = SealContext(entry.sender, entry.recipient, entry.id, entry.ref or "", name.kid, "case", entry.epoch)
    sealed = next(found[name.id] for found in map(_parts_in, carrier.posts) if name.id in found)
    return tuple(read_case_file(open_part(sealed, sealing(to.node.member_id), context)).attachments)


def _parts_in(post: bytes) -> Mapping[str, bytes]:
    return read_bundle(post).parts


def test_nothing_of_a_file_stands_in_the_clear_on_any_disk(land: Country) -> None:
    """Neither its content nor its name, in either office or at the hub, at any step of the way."""
    large = photo(200_000, 5)
    large = large[:100_000] + MARK + large[100_000:]
    filed = file_with(land.jabar, ("buku-tabungan.jpg", photo(900) + MARK), ("rekening.jpg", large))
    folders = (land.jabar.node.settings.data_dir, land.kemnaker.node.settings.data_dir, land.founded.settings.data_dir)
    looked = 0
    steps: list[Callable[[], None]] = [
        lambda: None,
        lambda: land.jabar.hand_over(filed.number, "kemnaker"),
        land.settle,
    ]
    for step in steps:
        step()
        for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
            content = path.read_bytes()
            looked += 1
            for secret in (MARK, large[:64], b"buku-tabungan", b"rekening.jpg"):
                for form in (
                    secret,
                    base64.b64encode(secret)[:-4],
                    secret.hex().encode(),
                    secret.decode("latin-1").encode("utf-16-le"),
                ):
                    assert form not in content, path
    assert looked > 20
    assert seen_by_officer(land.kemnaker, filed.number)["rekening.jpg"] == large


# A network and a hub that fail.


@dataclass(slots=True)
class CutsUploads(Carrier):
    """Lets some pieces through; then the line is dead."""

    pieces: int = 0

    def put_part(self, part: str, shown: str, start: int, total: int, piece: bytes) -> PartProgress:
        if not self.pieces:
            raise HubUnreachableError("ConnectionError")
        self.pieces -= 1
        return Carrier.put_part(self, part, shown, start, total, piece)


@dataclass(slots=True)
class CutsDownloads(Carrier):
    """Lets some bytes through; then the line is dead. Remembers from where a part was asked for."""

    bytes_left: int = 0
    starts: list[int] = field(default_factory=list)

    def get_part(self, part: str, shown: str, start: int, sink: Sink) -> None:
        self.starts.append(start)
        Carrier.get_part(self, part, shown, start, _Cut(sink, self.bytes_left))


@dataclass(slots=True)
class _Cut:
    sink: Sink
    left: int

    def begin(self, at: int) -> None:
        self.sink.begin(at)

    def write(self, chunk: bytes) -> None:
        self.sink.write(chunk[: self.left])
        self.left -= min(self.left, len(chunk))
        if not self.left:
            raise HubUnreachableError("ConnectionError")


@dataclass(slots=True)
class RefusesParts(Carrier):
    """Carries bundles, and refuses the endpoint for parts with a status."""

    status: int = 507

    def part_progress(self, part: str, shown: str) -> PartProgress:
        raise HubRefusedError(self.status, f"{part} {shown}".encode(), "5")

    def get_part(self, part: str, shown: str, start: int, sink: Sink) -> None:
        del start, sink
        raise HubRefusedError(self.status, f"{part} {shown}".encode(), "5")


def test_an_upload_goes_on_where_the_line_was_cut(land: Country) -> None:
    filed = file_with(land.jabar, ("rekaman.wav", photo(9_000_000, 6, "audio/wav")))
    land.jabar.hand_over(filed.number, "kemnaker")
    done = land.jabar.sync(CutsUploads(land.line, pieces=2))
    assert done.trouble == "unreachable:ConnectionError"
    assert land.jabar.queued() == ["offer"]
    store = PartStore(land.founded.settings.parts_dir, 0)
    assert list(store.unfinished("jabar").values()) == [2 * 4_194_304]
    rest = CutsUploads(land.line, pieces=4)
    assert land.jabar.sync(rest).trouble is None
    assert rest.pieces == 1, "of five pieces three were left to send"
    land.settle()
    assert list(seen_by_officer(land.kemnaker, filed.number)) == ["rekaman.wav"]


def test_a_download_goes_on_where_the_line_was_cut(land: Country) -> None:
    filed = file_with(land.jabar, LARGE)
    land.jabar.hand_over(filed.number, "kemnaker")
    land.jabar.sync_well()
    first, second = CutsDownloads(land.line, bytes_left=100_000), CutsDownloads(land.line, bytes_left=10_000_000)
    assert land.kemnaker.sync(first).trouble == "unreachable:ConnectionError"
    assert land.kemnaker.sync(second).trouble is None
    assert second.starts[-1] == 100_000
    land.settle()
    assert seen_by_officer(land.kemnaker, filed.number) == dict([LARGE])


@pytest.mark.parametrize("status", [404, 429, 503, 507])
def test_an_offer_whose_files_cannot_be_fetched_waits_and_is_not_refused(land: Country, status: int) -> None:
    """What comes after it on the same link is acted on; nothing of it is confirmed, so the hub keeps its files."""
    filed = file_with(land.jabar, LARGE)
    land.jabar.hand_over(filed.number, "kemnaker")
    other = land.jabar.file().number
    land.jabar.hand_over(other, "kemnaker")
    land.jabar.sync_well()
    for _ in range(3):
        assert land.kemnaker.sync(RefusesParts(land.line, status=status)).trouble is None
    first, second = land.kemnaker.rows(InboxEntry, InboxEntry.kind == "offer")
    assert (first.waiting, first.rule, second.waiting) == (True, None, False)
    assert [row.number for row in land.kemnaker.rows(Case)] == [other]
    assert set(land.kemnaker.alarms()) == {"part-missing"}
    assert [row.kind for row in land.kemnaker.rows(OutboxEntry)] == ["accept", "progress"], "no receipt, no reject"
    land.settle()
    land.kemnaker.sync_well()
    land.settle()
    assert seen_by_officer(land.kemnaker, filed.number) == dict([LARGE])
    assert land.jabar.case(filed.number).stance == Stance.ERASED


def test_an_offer_waits_for_its_upload_and_holds_up_its_own_link_alone(land: Country) -> None:
    filed = file_with(land.jabar, LARGE)
    land.jabar.hand_over(filed.number, "kemnaker")
    behind, elsewhere = land.jabar.file().number, land.jabar.file().number
    land.jabar.hand_over(behind, "kemnaker")
    land.jabar.hand_over(elsewhere, "jateng")
    done = land.jabar.sync(RefusesParts(land.line))
    assert (done.trouble, done.rounds) == (None, 1), "and it does not go round in circles"
    assert [row.recipient for row in land.jabar.rows(OutboxEntry, OutboxEntry.state == "queued")] == ["kemnaker"] * 2
    assert set(land.jabar.alarms()) == {"part-missing"}
    land.settle()
    assert {land.jabar.case(each).stance for each in (filed.number, behind, elsewhere)} == {Stance.ERASED}


def test_a_file_that_the_hub_has_collected_meanwhile_is_put_there_again(land: Country) -> None:
    """The line was dead for two days between the upload and the push."""
    filed = file_with(land.jabar, LARGE)
    land.jabar.hand_over(filed.number, "kemnaker")
    transfer.upload_waiting(land.jabar.node, land.line, land.clock.now)
    store = PartStore(land.founded.settings.parts_dir, 0)
    assert collect(land.founded.database, store, NOW + 2 * 86_400) == 1
    assert land.jabar.sync().trouble is None
    assert land.jabar.queued() == ["offer"]
    assert [row.uploaded for row in land.jabar.rows(OutboxFile)] == [False]
    land.settle()
    land.jabar.sync_well()
    land.settle()
    assert seen_by_officer(land.kemnaker, filed.number) == dict([LARGE])


def test_a_pass_of_a_node_whose_clock_is_wrong_holds_up_what_needs_it_and_nothing_else(land: Country) -> None:
    filed = file_with(land.jabar, LARGE)
    land.jabar.hand_over(filed.number, "kemnaker")
    elsewhere = land.jabar.file().number
    land.jabar.hand_over(elsewhere, "jateng")
    right, land.jabar.clock = land.jabar.clock, Clock(NOW + 400)
    land.jabar.sync_well()
    assert land.jabar.queued() == ["offer"]
    land.jabar.clock = right
    land.settle()
    assert seen_by_officer(land.kemnaker, filed.number) == dict([LARGE])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("other bytes", lambda raw: bytes(len(raw))),
        ("too many bytes", lambda raw: raw + b"x"),
        ("too few bytes", lambda raw: raw[:-1]),
    ],
)
def test_a_hub_that_gives_other_bytes_is_not_believed(
    land: Country, name: str, change: Callable[[bytes], bytes]
) -> None:
    """The offer waits: it is not the sender's fault, and the next answer may be the right one."""
    assert name
    filed = file_with(land.jabar, LARGE)
    land.jabar.hand_over(filed.number, "kemnaker")
    land.jabar.sync_well()
    (path,) = (path for path in land.founded.settings.parts_dir.rglob("*") if path.is_file())
    good = path.read_bytes()
    path.write_bytes(change(good))
    land.kemnaker.sync()
    (row,) = land.kemnaker.rows(InboxEntry)
    assert (row.waiting, row.rule) == (True, None)
    assert land.kemnaker.rows(OutboxEntry) == []
    path.write_bytes(good)
    land.kemnaker.sync_well()
    land.settle()
    assert seen_by_officer(land.kemnaker, filed.number) == dict([LARGE])


# Dishonest members.


def offered(crook: Crook, *files: Made, told: Sequence[Attachment] | None = None) -> Said:
    """An offer of the crook that names files, whose seal may tell of others."""
    line = PartsLine(crook.url, CROOK)
    for file in files:
        if not file.told.outside.bundled:
            assert line.upload(file).status_code == 201
    case = case_file(CROOK, attachments=tuple(file.told for file in files) if told is None else tuple(told))
    return crook.tell("offer", "kemnaker", {"case": case.encode()}, files=tuple(f.told.outside for f in files))


def forged_key(made: Made) -> Attachment:
    return replace(made.told, key=bytes(32))


@pytest.mark.parametrize("size", [700, 70_000])
@pytest.mark.parametrize(
    ("name", "told", "rule"),
    [
        ("none of them", lambda _: [], "part-form"),
        ("another one", lambda file: [replace(file.told, id=b64u.encode(bytes(32)))], "part-form"),
        ("one more", lambda file: [file.told, file.told], "part-form"),
        ("a key that does not open it", lambda file: [forged_key(file)], "seal"),
        (
            "a size that leaves something in the padding",
            lambda file: [replace(file.told, size=file.told.size - 1)],
            "seal",
        ),
    ],
)
def test_an_offer_whose_seal_and_files_do_not_fit_is_refused_and_leaves_nothing(
    land: Country, size: int, name: str, told: Callable[[Made], list[Attachment]], rule: str
) -> None:
    assert name
    crook, file = land.crook(), made_file(size)
    said = offered(crook, file, told=told(file))
    parts = {part.name.id: part.ciphertext for part in said.parts}
    if file.told.outside.bundled:
        parts[file.id] = file.ciphertext
    assert crook.sync(said, parts=parts).verdict(said).state == "ok"
    land.kemnaker.sync_well()
    (row,) = land.kemnaker.rows(InboxEntry)
    assert (row.rule, row.waiting) == (rule, False)
    assert [each.kind for each in land.kemnaker.rows(OutboxEntry)] == ["reject", "receipt"]
    assert land.kemnaker.rows(Case) == []
    assert land.kemnaker.rows(StoredFile) == []
    assert on_disk(land.kemnaker) == []
    assert files_below(land.kemnaker.node.settings.incoming_dir) == []


def test_files_with_a_kind_that_this_version_takes_none_with_are_an_alarm_and_stop_nothing(land: Country) -> None:
    crook, file = land.crook(), made_file(70_000)
    assert PartsLine(crook.url, CROOK).upload(file).status_code == 201
    said = crook.tell("reply", "jabar", {"reply": b"x"}, ref=b64u.encode(bytes(16)), files=(file.told.outside,))
    crook.push(said)
    land.jabar.sync_well()
    (row,) = land.jabar.rows(InboxEntry)
    assert (row.rule, row.waiting) == ("part-form", False)


# Disks.


def test_a_report_whose_files_cannot_be_stored_is_not_stored_at_all(land: Country) -> None:
    land.jabar.node.settings.files_dir.write_text("a file where the folder should be")
    with pytest.raises(OSError, match=r"exists|directory"):
        file_with(land.jabar, SMALL, LARGE)
    assert land.jabar.rows(Case) == []


def test_files_of_a_report_that_fails_after_them_are_removed_again(land: Country) -> None:
    form = blank_form(land.jabar.node, NOW)
    files = accept([("a" * 90 + ".jpg", photo(900, n)) for n in range(10)])
    long = replace(WORDS, text="\x01" * 11_000)
    with pytest.raises(Exception, match="seal holds"):
        intake.prepare_plain(land.jabar.node, form.form_id, ReceiptCode.parse(form.receipt), long, REPORTER_NAME, files)
    assert on_disk(land.jabar) == []


def test_what_a_crash_left_goes_at_a_later_start(land: Country) -> None:
    kept = file_with(land.jabar, SMALL)
    with shelf.keeping(land.jabar.node) as found:
        found.extend(shelf.keep_all(land.jabar.node, accept([LARGE])))
        resealed = outgoing.reseal(land.jabar.node, found)
    incoming = land.jabar.node.incoming.folder("partial") / found[0].id
    incoming.write_bytes(b"half")
    unfinished = land.jabar.node.files.folder("unfinished") / "x"
    unfinished.write_bytes(b"half")
    assert len(on_disk(land.jabar)) == 2
    with land.jabar.node.database.transaction() as session:
        for module in (shelf, outgoing, transfer):
            module.sweep(session, land.jabar.node, NOW - 86_400)
    assert len(on_disk(land.jabar)) == 2, "they are young: somebody may be storing them"
    later = int(incoming.stat().st_mtime) + 10
    with land.jabar.node.database.transaction() as session:
        for module in (shelf, outgoing, transfer):
            module.sweep(session, land.jabar.node, later)
    assert len(on_disk(land.jabar)) == 1
    assert list(land.jabar.node.outgoing.names()) == []
    assert resealed[0].small is None
    assert not incoming.exists()
    assert not unfinished.exists()
    assert seen_by_reporter(land.jabar, kept.receipt) == dict([SMALL])


def test_a_damaged_file_is_not_given_out_as_if_it_were_whole(land: Country) -> None:
    filed = file_with(land.jabar, LARGE)
    (name,) = on_disk(land.jabar)
    path = land.jabar.node.files.path(name)
    raw = bytearray(path.read_bytes())
    raw[100_000] ^= 1
    path.write_bytes(raw)
    with pytest.raises(RemoteError, match="does not open"):
        seen_by_officer(land.jabar, filed.number)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        seen_by_officer(land.jabar, filed.number)


def test_an_erased_case_gives_no_file_although_its_ciphertext_is_still_there(land: Country) -> None:
    filed = file_with(land.jabar, LARGE)
    for use in ("content", "identity"):
        land.jabar.node.case_keys.destroy(filed.case_id, use)
    (known,) = land.jabar.track(filed.receipt).attachments
    with land.jabar.node.database.reading() as session, pytest.raises(KeyDestroyedError):
        attachments.of_case(session, land.jabar.node, filed.number, known.id)
    assert seen_by_reporter(land.jabar, filed.receipt) == dict([LARGE])


def test_an_attachment_of_another_case_is_not_found_under_this_one(land: Country) -> None:
    mine, other = file_with(land.jabar, SMALL), file_with(land.jabar, LARGE)
    (theirs,) = land.jabar.page(other.number).attachments
    with land.jabar.node.database.reading() as session:
        find_case(session, mine.number)
        with pytest.raises(NoSuchCaseError):
            attachments.of_case(session, land.jabar.node, mine.number, theirs.id)
        with pytest.raises(NoSuchCaseError):
            attachments.of_receipt(session, land.jabar.node, mine.receipt, theirs.id)


def test_nothing_is_fetched_twice_and_nothing_waits_when_all_is_there(land: Country) -> None:
    filed = file_with(land.jabar, LARGE)
    land.jabar.hand_over(filed.number, "kemnaker")
    land.settle()
    counting = CutsDownloads(land.line, bytes_left=1 << 30)
    fetch_waiting(land.kemnaker.node, counting, land.clock.now)
    assert counting.starts == []

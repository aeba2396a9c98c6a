"""A hub that was set back is given back what it signed: the very same log, and nothing is lost or signed twice."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from audit.cli import main as audit
from hub.export import export_folder
from hub.log.tree import read_head
from hub.models import LoggedEntry, StoredPart
from keys import b64u
from keys.receipt import ReceiptCode
from keys.signing import SigningKey
from node.cases import attachments, intake
from node.cases.intake import blank_form
from node.cases.views import Filed
from node.files.intake import accept
from node.sync.client import HubRefusedError, HubUnreachableError
from node.sync.giveback import answer_notice
from node.sync.log import read_log
from protocol import jws
from protocol.custody import Stance
from protocol.entry import new_id, read_entry
from protocol.errors import RemoteError
from protocol.recovery import Given, Recovering, Span, read_piece
from tests.support.databases import Databases
from tests.support.federation import HUB, member, seed, signing
from tests.support.nodes import (
    CROOK,
    REPORTER_NAME,
    WORDS,
    Carrier,
    Country,
    GoesDark,
    LosesTheAnswer,
    Office,
    open_node,
)
from tests.support.photos import photo
from tests.support.setback import SetBack

#: What a recovery may change while it goes on: what was given back, beside the log.
STAGED = (
    "directory_file",
    "hub_state",
    "member_state",
    "recovery_checkpoint",
    "recovery_leaf",
    "recovery_member",
    "recovery_part",
)


def busy(land: Country) -> tuple[Filed, Filed]:
    """Much of what a log may hold: hand-overs one after the other, a reply, a directory version, an open offer."""
    first = land.jabar.file()
    land.jabar.hand_over(first.number, "kemnaker")
    land.settle()
    land.kemnaker.hand_over(first.number, "kemensos")
    land.settle()
    land.kemensos.reply(first.number, "Kami periksa besok.")
    land.settle()
    with land.founded.database.transaction() as session:
        land.founded.registrar.renew(session, land.clock.now())
    land.settle()
    second = land.jateng.file()
    land.jateng.hand_over(second.number, "kemnaker")
    land.jateng.sync_well()
    # Everybody has read it but the one to whom it was offered.
    for office in (land.jabar, land.kemensos, land.triase):
        office.sync_well()
    return first, second


def evidence(land: Country) -> dict[str, list[tuple[object, ...]]]:
    """What the hub holds of its log; when it received an entry is not part of that."""
    found = land.founded.dump()
    at = list(LoggedEntry.__table__.columns).index(LoggedEntry.__table__.c.received_at)
    found["entry"] = [row[:at] + row[at + 1 :] for row in found["entry"]]
    names = ("entry", "log_leaf", "log_tile", "box_head", "link_head", "directory_version", "directory_file")
    return {name: found[name] for name in names}


def audited(land: Country, folder: Path) -> str:
    """Export everything, and let an auditor verify it; return the newest checkpoint."""
    with land.founded.database.reading() as session:
        export_folder(session, land.founded.federation, folder, entries=True)
    result = CliRunner().invoke(audit, ["verify", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return (folder / "checkpoint").read_text()


def test_the_offices_give_the_hub_its_log_again(land: Country, databases: Databases, tmp_path: Path) -> None:
    earlier = land.handed_to(land.kemnaker)
    hub = SetBack.saved(land, databases)
    first, second = busy(land)
    signed, held, size = hub.checkpoint(), evidence(land), land.log_size()
    assert audited(land, tmp_path / "before").encode() == signed
    land.clock.advance(3_600)
    hub.restore()
    before = land.founded.dump(without=STAGED)
    short = land.log_size()
    assert short < size
    # Nothing is logged, signed or handed out before everybody was heard.
    assert hub.all_sync() == ["refused:503"] * 5
    assert hub.recovers()
    assert (land.log_size(), land.founded.dump(without=STAGED)) == (short, before)
    hub.without(CROOK)
    land.crook().sync()
    assert not hub.recovers()
    assert hub.checkpoint() == signed
    assert evidence(land) == held
    # Custody goes on where it stood.
    assert hub.all_sync() == [None] * 5
    land.settle()
    assert land.kemnaker.case(second.number).stance == Stance.HELD
    assert land.kemensos.open_identity(first.number) == REPORTER_NAME
    land.kemnaker.reply(earlier.number)
    land.kemensos.close(first.number)
    land.settle()
    assert [message.text for message in land.jabar.track(first.receipt).messages][:1] == ["Kami periksa besok."]
    for office in land.offices:
        assert (office.alarms(), office.queued()) == ([], [])
    # An auditor who saw the log before sees that it only grew.
    shutil.copytree(tmp_path / "before", tmp_path / "after")
    assert audited(land, tmp_path / "after").encode() != signed


def test_a_database_that_is_put_back_in_silence_is_noticed_by_the_first_member_that_read_further(
    land: Country, databases: Databases
) -> None:
    hub = SetBack.saved(land, databases)
    busy(land)
    signed = hub.checkpoint()
    hub.restore(marked=False)
    assert not hub.recovers()
    # It is believed only with a checkpoint that the hub signed, and then at once.
    assert land.triase.sync().trouble == "refused:422"
    assert hub.recovers()
    hub.without(CROOK)
    assert hub.all_sync(land.jabar, land.kemnaker, land.kemensos) == ["refused:503"] * 3
    land.jateng.sync(GoesDark(land.line, after=1))
    assert hub.checkpoint() == signed
    assert hub.all_sync() == [None] * 5


def test_the_last_one_to_be_heard_goes_on_in_the_same_sync(land: Country, databases: Databases) -> None:
    hub = SetBack.saved(land, databases)
    hub.restore()
    hub.without(CROOK)
    assert hub.all_sync() == ["refused:503"] * 4 + [None]


def test_an_entry_whose_acknowledgement_was_lost_comes_from_the_outbox(land: Country, databases: Databases) -> None:
    """Its sender does not know that it was logged, its recipient never pulled it, and a third one has read its leaf."""
    filed = land.jabar.file()
    hub = SetBack.saved(land, databases)
    land.jabar.hand_over(filed.number, "kemnaker")
    assert land.jabar.sync(LosesTheAnswer(land.line)).trouble == "unreachable:ReadTimeout"
    land.triase.sync_well()
    signed = hub.checkpoint()
    hub.restore()
    hub.without(CROOK)
    hub.all_sync()
    # The sender was heard before anybody told of the leaf; it is asked again.
    assert hub.recovers()
    land.jabar.sync(GoesDark(land.line, after=1))
    assert hub.checkpoint() == signed
    land.settle()
    assert land.kemnaker.open_identity(filed.number) == REPORTER_NAME
    assert [office.alarms() for office in land.offices] == [[]] * 5


def test_what_was_queued_and_never_logged_is_logged_after_the_recovery(land: Country, databases: Databases) -> None:
    filed = land.jabar.file()
    hub = SetBack.saved(land, databases)
    busy(land)
    signed = hub.checkpoint()
    hub.restore()
    land.jabar.hand_over(filed.number, "kemnaker")
    hub.without(CROOK)
    hub.all_sync()
    land.crook().sync()
    assert hub.checkpoint() == signed
    land.settle()
    assert land.kemnaker.open_identity(filed.number) == REPORTER_NAME


@pytest.mark.parametrize("disk", ["kept", "lost"])
def test_a_large_file_that_its_recipient_did_not_fetch_is_put_there_again(
    land: Country, databases: Databases, disk: str
) -> None:
    """Uploads lie in a folder beside the database: it may be newer than the backup, or be gone with the disk."""
    name, content = "bukti.pdf", photo(300_000, 2, "application/pdf")
    form = blank_form(land.jabar.node, land.clock.now())
    code = ReceiptCode.parse(form.receipt)
    files = accept([(name, content)])
    prepared = intake.prepare_plain(land.jabar.node, form.form_id, code, WORDS, REPORTER_NAME, files)
    with land.jabar.node.database.transaction() as session:
        number, _, _ = intake.store_filing(session, land.jabar.node, prepared, land.clock.now())
    hub = SetBack.saved(land, databases)
    land.jabar.hand_over(number, "kemnaker")
    land.jabar.sync_well()
    signed = hub.checkpoint()
    hub.restore()
    if disk == "lost":
        shutil.rmtree(land.founded.settings.parts_dir)
    hub.without(CROOK)
    assert hub.all_sync(*land.offices[:-1]) == ["refused:503"] * 4
    land.triase.sync(GoesDark(land.line, after=1))
    assert hub.checkpoint() == signed
    land.settle()
    (told,) = land.kemnaker.page(number).attachments
    with land.kemnaker.node.database.reading() as session:
        download = attachments.of_case(session, land.kemnaker.node, number, told.id)
    assert b"".join(download.content) == content
    assert list(land.jabar.node.outgoing.names()) == []


def test_the_recipient_alone_can_bring_an_entry_back(land: Country, databases: Databases) -> None:
    """Its sender does not come any more, and the operator goes on without it."""
    filed = land.jabar.file()
    hub = SetBack.saved(land, databases)
    land.jabar.hand_over(filed.number, "kemnaker")
    land.settle()
    signed = hub.checkpoint()
    hub.restore()
    hub.without(CROOK, "jabar")
    assert hub.all_sync(land.jateng, land.kemensos, land.triase) == ["refused:503"] * 3
    assert land.log_size() < len(signed)
    land.kemnaker.sync()
    land.crook().sync()
    # What the sender said came from the other side, without the parts, which that side had confirmed.
    assert not hub.recovers()
    assert hub.checkpoint() == signed
    with land.founded.database.reading() as session:
        assert session.query(LoggedEntry).filter_by(sender="jabar").count() >= 2
        assert session.query(StoredPart).join(LoggedEntry).filter(LoggedEntry.sender == "jabar").count() == 0
    assert hub.all_sync() == [None] * 5


@dataclass(slots=True)
class BreaksOff(Carrier):
    """Carries so many pieces, and then nothing."""

    pieces: int = 0
    given: list[bytes] = field(default_factory=list)

    def post_recovery(self, piece: bytes) -> bytes:
        if len(self.given) == self.pieces:
            raise HubUnreachableError("ConnectionError")
        self.given.append(piece)
        return self.hub.post_recovery(piece)


def test_a_give_back_that_breaks_off_anywhere_is_done_again(land: Country, databases: Databases) -> None:
    hub = SetBack.saved(land, databases)
    busy(land)
    signed = hub.checkpoint()
    hub.restore()
    hub.without(CROOK)
    for pieces in range(3):
        for office in land.offices[1:]:
            assert office.sync(BreaksOff(land.line, pieces=pieces)).trouble is not None
    hub.all_sync(*land.offices[1:])
    assert hub.recovers()
    land.jabar.sync(GoesDark(land.line, after=1))
    assert hub.checkpoint() == signed


def test_pieces_may_come_twice_and_in_any_order(land: Country, databases: Databases) -> None:
    hub = SetBack.saved(land, databases)
    busy(land)
    signed = hub.checkpoint()
    hub.restore()
    hub.without(CROOK)
    lines = [BreaksOff(land.line, pieces=99) for _ in land.offices]
    for office, line in zip(land.offices[:-1], lines, strict=False):
        office.sync(line)
    for line in reversed(lines):
        for piece in reversed(line.given):
            land.line.post_recovery(piece)
    assert hub.recovers()
    assert hub.all_sync(*land.offices[1:]) == ["refused:503"] * 4
    land.jabar.sync(GoesDark(land.line, after=1))
    assert hub.checkpoint() == signed


def test_an_old_answer_does_not_count_as_having_been_heard(land: Country, databases: Databases) -> None:
    """Somebody recorded a give-back of an earlier recovery, and sends it in place of a member that has read further."""
    hub = SetBack.saved(land, databases)
    hub.restore()
    line = BreaksOff(land.line, pieces=99)
    land.jabar.sync(line)
    hub.restore()
    for piece in line.given:
        land.line.post_recovery(piece)
    assert "jabar" not in {row[0] for row in land.founded.dump()["recovery_member"]}
    land.jabar.sync()
    assert "jabar" in {row[0] for row in land.founded.dump()["recovery_member"]}


def test_an_office_of_which_the_backup_knows_nothing_is_heard_once_its_enrolment_is_back(
    land: Country, databases: Databases
) -> None:
    hub = SetBack.saved(land, databases)
    with land.founded.database.transaction() as session:
        land.founded.registrar.enrol(session, member("papua", regions=("91",)), land.clock.now())
    node = open_node(land.folder / "papua", "papua", land.founded)
    node.database.migrate()
    papua = Office(node, land.clock, land.line)
    papua.sync_well()
    filed = papua.file()
    papua.hand_over(filed.number, "kemnaker")
    papua.sync_well()
    land.settle()
    signed = hub.checkpoint()
    hub.restore()
    hub.without(CROOK)
    # Nobody who is unknown is told anything: until somebody else brings the directory that says who it is.
    assert papua.sync().trouble == "refused:503"
    assert "papua" not in {row[0] for row in land.founded.dump()["recovery_member"]}
    assert hub.all_sync() == ["refused:503"] * 5
    assert hub.recovers()
    assert papua.sync(GoesDark(land.line, after=1)).trouble == "unreachable:ConnectionError"
    assert hub.checkpoint() == signed
    land.settle(*land.offices, papua)
    assert land.kemnaker.open_identity(filed.number) == REPORTER_NAME
    node.database.close()


def asked_by(land: Country, **changes: object) -> bytes:
    """A problem document with a notice of the hub to jabar's last request, with members changed."""
    state = land.jabar.state()
    with land.founded.database.reading() as session:
        head = read_head(session)
    notice = Recovering(
        hub=HUB,
        node="jabar",
        req=b64u.decode(state.request_h or ""),
        recovery=new_id(),
        serving=False,
        size=head.size,
        root=head.root,
        proven=head.size,
        target=head.size,
        entries=(),
        parts=(),
        upto=head.size,
    )
    key = changes.pop("key", land.founded.keys.hub)
    assert isinstance(key, SigningKey)
    changed = replace(notice, **changes)  # type: ignore[arg-type]  # a test names the members it changes
    return orjson.dumps({"recovering": changed.sign(key)})


@dataclass(slots=True)
class Listening(Carrier):
    """Answers every piece as a test says, and keeps what was given."""

    reply: Callable[[bytes], bytes] | None = None
    given: list[bytes] = field(default_factory=list)

    def post_recovery(self, piece: bytes) -> bytes:
        self.given.append(piece)
        return self.hub.post_recovery(piece) if self.reply is None else self.reply(piece)


def tell(land: Country, problem: bytes, line: Listening) -> bool:
    return answer_notice(land.jabar.node, line, HubRefusedError(503, problem, None), land.clock.now())


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        pytest.param({"key": signing("kemnaker")}, "party", id="another member's signature"),
        pytest.param({"key": signing("nobody")}, "unknown-key", id="nobody's signature"),
        pytest.param({"node": "jateng"}, "addressed", id="to somebody else"),
        pytest.param({"hub": "lain"}, "addressed", id="of another hub"),
        pytest.param({"req": seed("another")}, "addressed", id="of another request"),
    ],
)
def test_a_notice_that_is_not_the_hubs_gets_nothing(land: Country, changes: dict[str, object], rule: str) -> None:
    land.handed_to(land.kemnaker)
    line = Listening(land.line)
    with pytest.raises(RemoteError, match=rule):
        tell(land, asked_by(land, **changes), line)
    assert line.given == []


@pytest.mark.parametrize("problem", [b"", b"{}", b"[]", b'{"recovering":1}', b'{"rule":"recovering"}'])
def test_a_refusal_without_a_notice_is_a_refusal(land: Country, problem: bytes) -> None:
    line = Listening(land.line)
    assert not tell(land, problem, line)
    assert line.given == []


def test_a_hub_with_another_log_is_shown_so_and_given_nothing(land: Country) -> None:
    """What it asks for may be anything: it gets our root and the proof that it signed what we read, and an alarm."""
    land.handed_to(land.kemnaker)
    everything = (Span(0, 5),)
    line = Listening(land.line)
    with pytest.raises(RemoteError, match="tree"):
        tell(land, asked_by(land, root=seed("fork"), size=5, proven=5, entries=everything, upto=5), line)
    (piece,) = line.given
    manifest, _, given = read_piece(piece)
    assert (given, manifest.start, manifest.done) == (Given(), 5, False)
    with land.jabar.node.database.reading() as session:
        assert manifest.root == read_log(session).root_at(5)


def test_a_hub_that_asks_for_the_same_again_is_left(land: Country) -> None:
    land.handed_to(land.kemnaker)
    size = land.log_size()
    wanted = {"entries": (Span(1, 3),), "upto": 3, "proven": size}

    def same(piece: bytes) -> bytes:
        digest = jws.digest(read_piece(piece)[1].raw)
        return asked_by(land, req=digest, **wanted)

    line = Listening(land.line, reply=same)
    with pytest.raises(RemoteError, match="recovering"):
        tell(land, asked_by(land, **wanted), line)
    assert len(line.given) < 5
    assert land.jabar.queued() == []


def test_a_node_gives_only_what_it_was_party_to_and_no_words(land: Country, databases: Databases) -> None:
    """Jateng has no part in the case between jabar and kemnaker: it gives hashes, and the directory."""
    hub = SetBack.saved(land, databases)
    busy(land)
    hub.restore()
    line = Listening(land.line)
    land.jateng.sync(line)
    given = [read_piece(piece)[2] for piece in line.given]
    assert sum(len(each.hashes) for each in given) > 0
    entries = [read_entry(raw).entry for each in given for raw in each.entries]
    assert entries
    assert all("jateng" in {each.sender, each.recipient} for each in entries)
    assert [each.targets for each in given if each.targets]
    assert not any(REPORTER_NAME.name.encode() in piece or b"Upah kami" in piece for piece in line.given)

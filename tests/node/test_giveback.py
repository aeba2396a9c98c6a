"""A hub that was set back is given back what it signed: the very same log, and nothing is lost or signed twice."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from click.testing import CliRunner

from audit.cli import main as audit
from hub.export import export_folder
from hub.models import LoggedEntry, StoredPart
from node.cases.views import Filed
from node.sync.client import HubUnreachableError
from protocol.custody import Stance
from tests.support.databases import Databases
from tests.support.federation import member
from tests.support.nodes import (
    CROOK,
    REPORTER_NAME,
    Carrier,
    Country,
    GoesDark,
    LosesTheAnswer,
    Office,
    open_node,
)
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

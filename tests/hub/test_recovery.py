"""A hub that was set back takes what leads to its own signature, from whoever brings it, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from click.testing import CliRunner

from hub.cli import main
from hub.errors import LogError, RecoveringError
from hub.members.online import Online, fresh_timestamp
from hub.recovery.head_note import HeadNote
from hub.recovery.state import is_recovering, mark_restored
from keys.keyring import Keyring
from protocol.directory import Status
from protocol.entry import TreeHead
from protocol.metadata import read_timestamp
from protocol.recovery import Given, Span
from tests.hub.conftest import Town
from tests.support.databases import Databases
from tests.support.federation import DAY, NOW, seed
from tests.support.hub import HubProcess, node_of
from tests.support.memory import Giver, Memory

#: Who must be heard; bandung and tutup are suspended or silent, and may have read as far all the same.
EVERYBODY = ("bandung", "jabar", "jateng", "kemensos", "kemnaker", "triase", "tutup")


@dataclass(slots=True)
class Back:
    """A hub that was set back, and what its members remember of the time since."""

    town: Town
    memory: Memory
    short: Memory
    databases: Databases

    def giver(self, party: str, memory: Memory | None = None) -> Giver:
        hub = self.town.hub
        return Giver(party, self.town.url, hub.keys.hub.public, memory or self.memory)

    def hear(self, *members: str) -> None:
        """Let members say that they have nothing more."""
        for party in members:
            giver = self.giver(party)
            giver.recovery = self.recovery
            giver.give(done=True)

    @property
    def recovery(self) -> str:
        return str(self.town.hub.dump()["hub_state"][0][3])

    def recovers(self) -> bool:
        with self.town.hub.database.reading() as session:
            return is_recovering(session)

    def evidence(self) -> dict[str, list[tuple[object, ...]]]:
        found = self.town.hub.dump()
        return {name: found[name] for name in ("log_leaf", "log_head", "entry", "log_tile")}

    @property
    def since(self) -> list[int]:
        """The leaves that the hub lost, those of entries first."""
        return [index for index in range(self.short.size, self.memory.size) if index in self.memory.entries]

    def give_all(self) -> None:
        """Give everything, by whoever is party to it."""
        sender = self.giver("jabar")
        sender.give_leaves(self.short.size)
        sender.give(sender.versions([i for i in self.memory.targets if i >= self.short.size]))
        sender.give(sender.entries(*self.since))


def lived(town: Town) -> None:
    """A while in which jabar speaks: offers, an answer to one, a version of the directory."""
    offers = [town.jabar.offer("kemnaker") for _ in range(3)]
    town.jabar.sync(*offers)
    accept = town.kemnaker.answer("accept", offers[0])
    town.kemnaker.sync(accept)
    town.hub.set_status("kemensos", Status.SUSPENDED)
    town.jabar.sync(town.jabar.grant(offers[0], accept), town.jabar.receipt("kemnaker"))


@pytest.fixture
def back(town: Town, databases: Databases) -> Back:
    """Set back, and marked as `simpul-hub restore` does."""
    found = silent(town, databases)
    with town.hub.database.transaction() as session:
        mark_restored(session, NOW, NOW - DAY)
    return found


def silent(town: Town, databases: Databases) -> Back:
    """Set back by somebody who put the disk in place, and nothing more."""
    hub = town.hub
    town.logged_offer()
    short = Memory.of(hub)
    databases.save(hub.settings.database_url)
    lived(town)
    memory = Memory.of(hub)
    hub.database.close()
    databases.restore(hub.settings.database_url)
    return Back(town, memory, short, databases)


def test_nothing_is_logged_or_signed_while_it_recovers(back: Back) -> None:
    town, before = back.town, back.evidence()
    response = town.jabar.post(town.jabar.bundle(town.jabar.receipt("jateng"), seen=tree_of(back.short)))
    problem = response.json()
    assert (response.status_code, problem["rule"], problem["type"]) == (503, "recovering", "urn:simpul:rule:recovering")
    assert response.headers["Retry-After"] == "5"
    assert problem["recovering"]
    with pytest.raises(RecoveringError, match="simpul-hub status"):
        town.hub.set_status("jateng", Status.SUSPENDED)
    assert back.evidence() == before
    # What is published is served as it is, and nothing of it is renewed.
    online = Online(town.hub.keys.online, town.hub.federation)
    old = fresh_timestamp(town.hub.database, online, NOW)
    assert fresh_timestamp(town.hub.database, online, NOW + DAY) == old


def tree_of(memory: Memory) -> TreeHead:
    return TreeHead(memory.size, memory.root_at(memory.size))


def test_it_signs_the_same_checkpoint_again_once_all_is_back_and_everybody_was_heard(back: Back) -> None:
    back.give_all()
    back.hear(*EVERYBODY[:-1])
    assert back.recovers()
    assert Memory.of(back.town.hub).size == back.short.size
    back.hear(EVERYBODY[-1])
    assert not back.recovers()
    assert Memory.of(back.town.hub) == back.memory
    # No reader of the directory takes it for a rollback.
    root = back.town.hub.federation.roots().newest
    online = Online(back.town.hub.keys.online, back.town.hub.federation)
    assert read_timestamp(fresh_timestamp(back.town.hub.database, online, NOW), root).version > 1_000
    # And it goes on: the members' own proofs of growth are those of the log before.
    assert back.town.jabar.sync().answer.push == ()
    said = back.town.jabar.receipt("jateng")
    assert back.town.jabar.sync(said).verdict(said).state == "ok"
    dump = back.town.hub.dump()
    assert [dump[name] for name in ("recovery_leaf", "recovery_part", "recovery_checkpoint")] == [[], [], []]


def test_hashes_come_in_pieces_and_overlap(back: Back) -> None:
    giver, start = back.giver("jabar"), back.short.size
    middle = start + 3
    assert giver.give_leaves(start, middle).proven == middle
    assert giver.give_leaves(start, middle - 1).proven == middle
    notice = giver.give_leaves(start + 1)
    assert (notice.proven, notice.target, notice.size) == (back.memory.size, back.memory.size, start)
    assert notice.entries == (Span(start, back.memory.size),)


def test_the_notice_tells_what_is_lacking_and_of_whom(back: Back) -> None:
    giver, start = back.giver("jabar"), back.short.size
    giver.give_leaves(start)
    first, *_, last = back.since
    raw = back.memory.entries[first]
    notice = giver.give(Given(entries=(raw,)))
    assert notice.parts == (Span(first, first + 1),)
    assert back.giver("kemnaker").give().parts == ()
    assert notice.entries[0].first == first + 1
    assert giver.give(giver.entries(first)).parts == ()
    assert giver.give(after=last).entries == (Span(last, last + 1),)


Lie = Callable[[Back], tuple[Giver, bytes]]


def forged_note(back: Back) -> tuple[Giver, bytes]:
    forged = back.memory.forked(
        replace(back.town.hub, keys=replace(back.town.hub.keys, log=Keyring.for_signer().signing)), 2
    )
    giver = back.giver("jabar", forged)
    return giver, giver.piece(Given(hashes=forged.hashes[back.short.size :]), start=back.short.size)


def wrong_leaf(back: Back) -> tuple[Giver, bytes]:
    giver, start = back.giver("jabar"), back.short.size
    hashes = list(back.memory.hashes[start:])
    hashes[1] = seed("leaf")
    return giver, giver.piece(Given(hashes=tuple(hashes)), start=start)


def hashes_without_note(back: Back) -> tuple[Giver, bytes]:
    giver, start = back.giver("jabar"), back.short.size
    return giver, giver.piece(Given(hashes=back.memory.hashes[start:]), start=start, checkpoint=None)


def hashes_beyond(back: Back) -> tuple[Giver, bytes]:
    giver, start = back.giver("jabar"), back.short.size
    return giver, giver.piece(Given(hashes=(*back.memory.hashes[start:], seed("more"))), start=start, consistency=())


def hashes_with_a_gap(back: Back) -> tuple[Giver, bytes]:
    giver, start = back.giver("jabar"), back.short.size + 1
    return giver, giver.piece(Given(hashes=back.memory.hashes[start:]), start=start)


def entry_of_others(back: Back) -> tuple[Giver, bytes]:
    giver = back.giver("jateng")
    return giver, giver.piece(giver.entries(back.since[0]))


def anothers_name(back: Back) -> tuple[Giver, bytes]:
    giver = back.giver("jabar")
    return giver, giver.piece(giver.entries(back.since[0]), signer="jateng")


def other_hub(back: Back) -> tuple[Giver, bytes]:
    giver = back.giver("jabar")
    return giver, giver.piece(hub="lain")


def altered(back: Back) -> tuple[Giver, bytes]:
    giver = back.giver("jabar")
    return giver, giver.piece(giver.entries(back.since[0])).replace(b'"parts":{"', b'"parts":{"A', 1)


def no_entry(back: Back) -> tuple[Giver, bytes]:
    giver = back.giver("jabar")
    return giver, giver.piece(Given(entries=("a.b.c",)))


def foreign_root(back: Back) -> tuple[Giver, bytes]:
    giver = back.giver("jabar")
    return giver, giver.piece(Given(roots=(back.town.hub.federation.root + b" ",)))


def huge(back: Back) -> tuple[Giver, bytes]:
    return back.giver("jabar"), b"{" * (8 * 1024 * 1024 + 1)


@pytest.mark.parametrize(
    ("lie", "rule"),
    [
        (forged_note, "note"),
        (wrong_leaf, "tree"),
        (hashes_without_note, "tree"),
        (hashes_beyond, "tree"),
        (hashes_with_a_gap, "tree"),
        (entry_of_others, "party"),
        (anothers_name, "party"),
        (other_hub, "addressed"),
        (altered, "part-id"),
        (no_entry, "base64url"),
        (foreign_root, "canonical"),
        (huge, "too-large"),
    ],
)
def test_a_lie_is_refused_by_name_and_changes_nothing(back: Back, lie: Lie, rule: str) -> None:
    honest = back.giver("jabar")
    if lie in {entry_of_others, anothers_name, no_entry, foreign_root}:
        honest.give_leaves(back.short.size)
    giver, raw = lie(back)
    before = back.town.hub.dump()
    response = giver.post(raw)
    assert response.json()["rule"] == rule, response.text
    assert back.town.hub.dump() == before


def test_what_was_never_logged_is_passed_over(back: Back) -> None:
    """A member cannot know whether an entry was logged of which it never heard again."""
    giver = back.giver("jabar")
    giver.give_leaves(back.short.size)
    back.town.jabar.links["kemensos"] = 0
    stray = back.town.jabar.say("consult", "kemensos")
    before = back.town.hub.dump(without=("recovery_member",))
    parts = {part.name.id: part.ciphertext for part in stray.parts}
    giver.give(Given(entries=(stray.signed.raw,), parts=parts, files=(b"nobody's",)))
    assert back.town.hub.dump(without=("recovery_member",)) == before


def test_a_missing_leaf_holds_everything_up_whatever_the_operator_says(back: Back) -> None:
    """Going on without it would be the fork: somebody holds the checkpoint that covers it."""
    giver = back.giver("jabar")
    giver.give_leaves(back.short.size)
    giver.give(giver.versions([i for i in back.memory.targets if i >= back.short.size]))
    giver.give(giver.entries(*back.since[1:]))
    back.hear(*EVERYBODY)
    shown = command(back, "status")
    assert back.recovers()
    assert f"{back.since[0]}: everybody was heard and nobody has them" in shown
    assert command(back, "resume", "--all-heard", "--yes")
    back.town.triase.post(back.town.triase.bundle())
    assert back.recovers()


def command(back: Back, *arguments: str, code: int = 0, words: str = "") -> str:
    data = str(back.town.hub.settings.data_dir)
    result = CliRunner().invoke(main, ["--data", data, *arguments], input=words, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def test_the_operator_goes_on_without_a_member_after_a_warning(back: Back) -> None:
    back.give_all()
    back.hear(*EVERYBODY[:-2])
    shown = command(back, "status")
    assert "recovering since" in shown
    assert [line.split()[-1] for line in shown.splitlines() if line.startswith("not heard")] == ["triase", "tutup"]
    refused = command(back, "resume", "--without", "triase", "--without", "tutup", code=1, words="n\n")
    assert "! without triase, never heard before the backup" in refused
    assert "this hub will sign a log" in refused
    assert back.recovers()
    assert "was heard already" in command(back, "resume", "--without", "jabar", "--yes", code=1)
    command(back, "resume", "--without", "triase", words="y\n")
    back.town.jabar.post(back.town.jabar.bundle())
    assert back.recovers()
    assert "goes on with the next request" in command(back, "resume", "--all-heard", "--yes")
    back.town.jabar.seen = tree_of(back.memory)
    back.town.jabar.sync()
    assert not back.recovers()
    assert Memory.of(back.town.hub) == back.memory
    assert "serving; it last had to recover" in command(back, "status")


def test_without_a_member_that_vanished_while_it_gave_the_rest_goes_on(back: Back) -> None:
    """It alone had read so far, and its entries are nowhere: the operator lets go of what only it knew."""
    giver = back.giver("jabar")
    giver.give_leaves(back.short.size, back.short.size + 2)
    for party in EVERYBODY[:1] + EVERYBODY[2:]:
        other = back.giver(party, back.short)
        other.recovery = back.recovery
        other.give(done=True)
    assert back.recovers()
    command(back, "resume", "--without", "jabar", "--yes")
    assert back.town.triase.post(back.town.triase.bundle()).status_code == 200
    assert not back.recovers()
    assert Memory.of(back.town.hub).note == back.short.note
    # It comes back after all, before anything else was logged: then it is heard, and all of it is taken up again.
    assert giver.give_leaves(back.short.size).serving is False
    assert back.recovers()


class TestSetBackInSilence:
    @pytest.fixture
    def quiet(self, town: Town, databases: Databases) -> Back:
        return silent(town, databases)

    def test_a_member_with_our_signature_stops_it(self, quiet: Back) -> None:
        town = quiet.town
        response = town.jabar.post(town.jabar.bundle())
        assert (response.status_code, response.json()["rule"]) == (422, "tree")
        assert not quiet.recovers()
        giver = quiet.giver("jabar")
        notice = giver.give_leaves(quiet.short.size)
        assert (notice.serving, notice.proven) == (False, quiet.memory.size)
        assert quiet.recovers()
        quiet.give_all()
        quiet.hear(*EVERYBODY)
        assert Memory.of(town.hub) == quiet.memory

    def test_a_member_without_it_stops_nothing(self, quiet: Back) -> None:
        giver, raw = forged_note(quiet)
        assert giver.post(raw).json()["rule"] == "note"
        assert quiet.giver("jabar", quiet.short).give(done=True).serving
        assert not quiet.recovers()

    def test_a_checkpoint_of_another_log_with_our_signature_stops_it_for_good(self, quiet: Back) -> None:
        """Then it was set back unnoticed before, and has signed a fork since: only people can say what to do."""
        forked = quiet.memory.forked(quiet.town.hub, 2)
        giver = quiet.giver("jabar", forked)
        size = quiet.short.size
        response = giver.post(giver.piece(start=size))
        assert (response.status_code, response.json()["rule"]) == (422, "tree")
        assert quiet.recovers()
        for party in EVERYBODY[:1] + EVERYBODY[2:]:
            other = quiet.giver(party, quiet.short)
            other.recovery = quiet.recovery
            other.give(done=True)
        shown = command(quiet, "status")
        assert "jabar has a checkpoint of another log with our signature" in shown
        assert quiet.recovers()
        command(quiet, "resume", "--without", "jabar", "--yes")
        assert quiet.town.triase.post(quiet.town.triase.bundle()).status_code == 200
        assert not quiet.recovers()
        # The same again is no news, and stops nothing.
        assert giver.post(giver.piece(start=size)).json()["rule"] == "tree"
        assert not quiet.recovers()


class TestHeadNote:
    def test_it_is_written_as_the_log_grows_and_never_back(self, town: Town) -> None:
        note = HeadNote(town.hub.settings.head_note_file, town.hub.federation)
        note.write(town.hub.database)
        first = town.hub.settings.head_note_file.read_text()
        town.logged_offer()
        note.write(town.hub.database)
        second = town.hub.settings.head_note_file.read_text()
        assert first != second == Memory.of(town.hub).note
        assert [path.name for path in town.hub.settings.data_dir.glob("head.note*")] == ["head.note"]

    def test_a_database_behind_it_starts_in_recovery(self, town: Town, databases: Databases) -> None:
        note = HeadNote(town.hub.settings.head_note_file, town.hub.federation)
        quiet = silent(town, databases)
        town.hub.settings.head_note_file.write_text(quiet.memory.note)
        note.check(town.hub.database, NOW)
        assert quiet.recovers()
        note.write(town.hub.database)
        assert town.hub.settings.head_note_file.read_text() == quiet.memory.note
        quiet.give_all()
        quiet.hear(*EVERYBODY)
        assert Memory.of(town.hub) == quiet.memory
        note.check(town.hub.database, NOW)
        assert not quiet.recovers()

    def test_a_tail_that_nobody_read_is_let_go_by_the_operator(self, town: Town, databases: Databases) -> None:
        quiet = silent(town, databases)
        town.hub.settings.head_note_file.write_text(quiet.memory.note)
        HeadNote(town.hub.settings.head_note_file, town.hub.federation).check(town.hub.database, NOW)
        for party in EVERYBODY:
            other = quiet.giver(party, quiet.short)
            other.recovery = quiet.recovery
            other.give(done=True)
        assert quiet.recovers()
        assert "missing      not yet seen" in command(quiet, "status")
        command(quiet, "resume", "--without", "head.note", "--yes")
        assert not town.hub.settings.head_note_file.exists()
        town.triase.post(town.triase.bundle())
        assert not quiet.recovers()

    def test_another_root_at_its_size_stops_it_as_well(self, town: Town) -> None:
        town.logged_offer()
        forked = Memory.of(town.hub).forked(town.hub, 2)
        town.hub.settings.head_note_file.write_text(forked.note)
        HeadNote(town.hub.settings.head_note_file, town.hub.federation).check(town.hub.database, NOW)
        with town.hub.database.reading() as session:
            assert is_recovering(session)

    def test_what_is_no_checkpoint_of_ours_is_not_passed_over(self, town: Town) -> None:
        file = town.hub.settings.head_note_file
        file.write_text("pusat/log1\n7\n")
        with pytest.raises(LogError, match=r"head[.]note is no checkpoint of this log"):
            HeadNote(file, town.hub.federation).check(town.hub.database, NOW)

    @pytest.mark.database("sqlite")
    def test_a_process_writes_it_at_its_end_and_looks_at_it_at_its_start(
        self, town: Town, databases: Databases
    ) -> None:
        settings = town.hub.settings
        quiet = silent(town, databases)
        with HubProcess(settings.data_dir) as process:
            assert node_of(town.hub, "triase", process.url).sync().answer.push == ()
        assert settings.head_note_file.read_text() == quiet.short.note
        settings.head_note_file.write_text(quiet.memory.note)
        process = HubProcess(settings.data_dir).start()
        triase = node_of(town.hub, "triase", process.url)
        assert triase.post(triase.bundle()).json()["rule"] == "recovering"
        assert "this hub was set back" in process.stop()

"""Changing the directory: the registrar signs the next version, which is stored and logged in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import orjson
from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from hub.errors import EnrolmentError, FoundingError
from hub.log.tree import LogWriter, read_head
from hub.members.online import Online
from hub.members.retirement import check_untied
from hub.members.roster import Roster, Rosters
from hub.members.store import add_metadata, add_version, latest_version, read_version, stored_roots
from hub.models import BoxHead, LoggedEntry, MemberState
from keys.signing import SigningKey, VerifyKey
from protocol.directory import (
    Competence,
    Directory,
    DirectoryHistory,
    Kind,
    Member,
    Status,
    directory_digest,
    publish,
    signing_record,
)
from protocol.enrol import EnrolRequest, Federation
from protocol.errors import RemoteError
from protocol.leaf import Leaf
from protocol.metadata import Roots
from protocol.party import PARTY_ID, REPORTER


@dataclass(frozen=True, slots=True)
class Registrar:
    """Who may change the directory: the registrar's key, the hub's for what stands around it, and the log."""

    key: SigningKey
    online: SigningKey
    log: LogWriter
    federation: Federation

    def found(self, session: Session, hub_key: VerifyKey, now: int) -> None:
        """Store the root, and store and log the first version: the hub, and no member."""
        roots = self.federation.roots()
        add_metadata(session, "root", roots.newest.version, roots.newest.expires, self.federation.root)
        first = Directory(1, now, self.federation.hub, (signing_record(hub_key),), {}, roots.newest.version)
        self._store(session, first, roots, now)

    def enrol(self, session: Session, member: Member, now: int) -> Directory:
        """Add a member; raise EnrolmentError if one has its id or a key of its."""

        def change(directory: Directory) -> Directory:
            check_new(directory, member)
            return directory.with_member(member, now)

        return self._change(session, change, now)

    def set_status(self, session: Session, party: str, status: Status, now: int) -> Directory:
        """Suspend or activate a member; raise EnrolmentError if there is none or it has that status."""

        def change(directory: Directory) -> Directory:
            member = directory.members.get(party)
            if member is None:
                raise EnrolmentError(f"no member {party}: see `simpul-hub members`")
            if member.status is status:
                raise EnrolmentError(f"{party} is {status} already")
            return directory.with_member(replace(member, status=status), now)

        return self._change(session, change, now)

    def retire(self, session: Session, party: str, now: int) -> Directory:
        """Retire a member; raise EnrolmentError as above, or while the log shows that a case is left with it."""
        # Whoever pushes waits here, so that nothing is accepted or offered in between.
        read_head(session, lock=True)
        check_untied(session, party)
        return self.set_status(session, party, Status.RETIRED, now)

    def renew(self, session: Session, now: int) -> Directory:
        """Say the same again, good for another thirty days, and under the newest root."""
        return self._change(session, lambda directory: directory.renewed(now, directory.root), now)

    def _change(self, session: Session, change: Callable[[Directory], Directory], now: int) -> Directory:
        head = read_head(session, lock=True)
        roots = stored_roots(session, self.federation)
        if self.key.public not in roots.newest.keys("targets").keys:
            raise EnrolmentError("this is another key than the registrar's of this federation")
        current = latest_version(session)
        directory = read_version(session, current, roots)
        changed = replace(change(directory), root=roots.newest.version)
        # The reader's own check of a successor, before anything is signed.
        DirectoryHistory(((current.index, directory),)).added(head.size, changed)
        self._store(session, changed, roots, now)
        return changed

    def _store(self, session: Session, directory: Directory, roots: Roots, now: int) -> None:
        made = publish(directory, [self.key])
        head = read_head(session, lock=True)
        self.log.append(session, head, [Leaf(directory_digest(made.targets), directory=directory.version)], now)
        # Nothing is published that a reader would refuse.
        row = add_version(session, made, head.size, roots)
        Online(self.online, self.federation).vouch(session, row, now, first=directory.version == 1)


def member_of(
    request: EnrolRequest,
    *,
    kind: Kind,
    region: str = "",
    competence: Sequence[Competence] = (),
    parent: str | None = None,
    inspectorate: str | None = None,
) -> Member:
    """Return the member that a request asks to become, with what the registrar says of it."""
    return Member(
        id=request.id,
        name=request.name,
        kind=kind,
        region=region,
        competence=tuple(competence),
        keys=request.keys,
        parent=parent,
        inspectorate=inspectorate,
    )


def check_new(directory: Directory, member: Member) -> None:
    """Raise EnrolmentError if the member cannot join: its id or a key is taken, or one that it names is missing."""
    if member.id in directory.members or member.id in (directory.hub, REPORTER):
        raise EnrolmentError(f"the id {member.id} is taken")
    taken = {record.kid for other in directory.members.values() for record in other.keys}
    taken |= {record.kid for record in directory.hub_keys}
    if any(record.kid in taken for record in member.keys):
        raise EnrolmentError("a key of this request belongs to another party already")
    for named in (member.parent, member.inspectorate):
        if named is not None and named not in directory.members:
            raise EnrolmentError(f"{named} is no member beside this one: enrol it first")


def read_competence_file(raw: bytes) -> tuple[Competence, ...]:
    """Parse `[{"regions":["32"],"topics":["ketenagakerjaan"]}]`; raise EnrolmentError."""
    try:
        rules = orjson.loads(raw)
        found = tuple(Competence(_strings(rule["regions"]), _strings(rule["topics"])) for rule in rules)
    except (orjson.JSONDecodeError, TypeError, KeyError) as error:
        raise EnrolmentError('the competence file is a JSON list of {"regions":[…],"topics":[…]}') from error
    return found


def check_party(party: str) -> str:
    """Return a party id; raise FoundingError for what is none."""
    if PARTY_ID.fullmatch(party) is None or party == REPORTER:
        raise FoundingError("a name is 2 to 63 of a-z, 0-9 and -")
    return party


@dataclass(frozen=True, slots=True)
class Standing:
    """One line of `simpul-hub members`: last contact in seconds since 1970 (None: never), entries not yet pulled.

    `waiting_since` is when the oldest of them was logged (None: there is none).
    """

    member: Member
    last_contact: int | None
    queued: int
    waiting_since: int | None


def standings(session: Session, rosters: Rosters) -> list[Standing]:
    """Return every member with its last contact and queue, by id.

    A member that is in contact and leaves its inbox alone withholds something, or is shown another hub's.
    """
    roster: Roster = rosters.current(session)
    states = {state.member: state for state in session.scalars(select(MemberState))}
    boxes = {box.party: box.inbox for box in session.scalars(select(BoxHead))}
    oldest = _oldest_waiting(session)
    found = []
    for party, member in sorted(roster.directory.members.items()):
        state = states.get(party)
        queued = boxes.get(party, 0) - (state.inbox if state else 0)
        contact = state.last_contact if state else None
        found.append(Standing(member, contact, max(queued, 0), oldest.get(party)))
    return found


def _oldest_waiting(session: Session) -> dict[str, int]:
    """Return for each party when the first entry beyond what it has stored was logged."""
    query = (
        select(BoxHead.party, LoggedEntry.received_at)
        .outerjoin(MemberState, MemberState.member == BoxHead.party)
        .join(
            LoggedEntry,
            and_(
                LoggedEntry.recipient == BoxHead.party,
                LoggedEntry.inbox_pos == func.coalesce(MemberState.inbox, 0) + 1,
            ),
        )
    )
    return dict(session.execute(query).all())


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError("a list of strings")
    return tuple(value)


def remote_as_enrolment(error: RemoteError) -> EnrolmentError:
    """Return a refused request file as an error of the command line."""
    return EnrolmentError(f"this is no enrolment request: {error.detail}")

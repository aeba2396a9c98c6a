"""The recovery of a hub that was set back: what it asks of members, what it takes, and when it goes on."""

import logging
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.errors import RecoveringError
from hub.log.tree import LogWriter, read_head
from hub.members.online import Online
from hub.members.roster import Roster, Rosters, roster_of
from hub.models import RecoveryLeaf, RecoveryMember
from hub.parts.store import PartStore
from hub.recovery.again import Sources, log_again
from hub.recovery.missing import any_missing, listed_to, missing_entries, missing_parts, unheard
from hub.recovery.proof import ContradictionError, claim, contradictions, is_ours, prove, proven_size, target_of
from hub.recovery.staging import stage, staged_history
from hub.recovery.state import enter, is_recovering, last_recovery, leave, recovery_of
from keys.signing import SigningKey
from protocol import checkpoint as checkpoints
from protocol import jws
from protocol.bundle import Request
from protocol.checkpoint import Verified
from protocol.entry import new_id
from protocol.errors import RemoteError
from protocol.recovery import MAX_SPANS, GiveBack, Given, Recovering, read_piece
from service.database import Database

_LOGGER: Final = logging.getLogger(__name__)


class Recovery:
    """The hub's side of `POST /recover/v1`. Several threads and processes may use one database through it."""

    def __init__(
        self,
        database: Database,
        log: LogWriter,
        rosters: Rosters,
        key: SigningKey,
        online: Online,
        store: PartStore,
    ) -> None:
        """`key` signs the notices, `log` what was logged before, `online` that the directory is still the newest.

        `store` holds uploads; those of a time after the backup may be there still.
        """
        self._database: Final = database
        self._log: Final = log
        self._rosters: Final = rosters
        self._federation: Final = online.federation
        self._key: Final = key
        self._online: Final = online
        self._store: Final = store
        self._known: tuple[tuple[str, tuple[bytes, ...]], Roster] | None = None

    def turn_away(self, request: Request, token: jws.Unverified, digest: bytes, now: int) -> None:
        """Raise RecoveringError with what is asked of this member, unless this hub serves (or just began to).

        Raises RemoteError for a request that is not a member's.
        """
        with self._database.reading() as session:
            if not is_recovering(session):
                return
            self._admit(session, request.hub, request.node, token)
        if self.advance(now):
            return
        with self._database.reading() as session:
            notice = self.notice(session, request.node, digest)
        raise RecoveringError(notice)

    def ask(self, session: Session, request: Request, digest: bytes) -> str | None:
        """Return the notice for a member that says it has seen another log than ours: let it show a checkpoint.

        None for one that the operator has gone on without: nothing that it shows is news.
        """
        if _is_waived(session, request.node):
            head = read_head(session)
            if request.seen.size <= head.size:
                return None
        return self.notice(session, request.node, digest)

    def take(self, raw: bytes, now: int) -> str:
        """Take one piece of a give-back, and return the notice that answers it.

        Raises RemoteError for a piece that breaks a rule; then nothing of it was kept. That this hub stops logging
        because of the checkpoint shown is kept all the same.
        """
        give, token, given = read_piece(raw)
        digest = jws.digest(token.raw)
        with self._database.reading() as session:
            self._admit(session, give.hub, give.node, token)
        shown = self._shown(give)
        try:
            if not self._stop_for(give, given, shown, now):
                with self._database.transaction() as session:
                    self._keep(session, give, given, shown, now)
        except ContradictionError:
            self._note_contradiction(give, shown, now)
            raise
        self.advance(now)
        with self._database.reading() as session:
            return self.notice(session, give.node, digest, after=give.after)

    def advance(self, now: int) -> bool:
        """Log what was given back and go on, if all of it is here and everybody was heard; return whether we serve."""
        with self._database.transaction() as session:
            if not is_recovering(session):
                return True
            head = read_head(session, lock=True)
            if proven_size(session) < target_of(session, head)[0] or any_missing(session):
                return False
            if self._waits_for_members(session) or contradictory(session):
                return False
            history = staged_history(session, self._federation)
            head = log_again(session, self._log, Sources(self._federation, history, self._store), now)
            leave(session)
            self._online.vouch_again(session, now)
        _LOGGER.warning("recovered: the log is at %d leaves again, and this hub goes on", head.size)
        return True

    def notice(self, session: Session, node: str, digest: bytes, *, after: int = 0) -> str:
        """Return the signed notice for a member; `digest` is H of what it answers."""
        head, serving = read_head(session), not is_recovering(session)
        last = last_recovery(session)
        proven = head.size if serving else proven_size(session)
        entries = [] if serving else missing_entries(session, after)
        parts = [] if serving else missing_parts(session, node, after)
        return Recovering(
            hub=self._federation.hub,
            node=node,
            req=digest,
            recovery=new_id() if last is None else last.recovery,
            serving=serving,
            size=head.size,
            root=head.root,
            proven=proven,
            target=head.size if serving else max(target_of(session, head)[0], proven),
            entries=tuple(entries),
            parts=tuple(parts),
            upto=min(listed_to(entries, MAX_SPANS, proven), listed_to(parts, MAX_SPANS, proven)),
        ).sign(self._key)

    def roster(self, session: Session) -> Roster:
        """Return who the members are by the newest version that is known, given back or our own."""
        if not is_recovering(session):
            return self._rosters.current(session)
        # What was given back never changes, so it is parsed once for each version that comes.
        whole = RecoveryLeaf.version.is_not(None) & RecoveryLeaf.lacks.is_(False)
        key = tuple(session.scalars(select(RecoveryLeaf.h).where(whole).order_by(RecoveryLeaf.index)))
        known = self._known
        if known is None or known[0] != (recovery_of(session).recovery, key):
            roster = roster_of(staged_history(session, self._federation).latest)
            self._known = known = ((recovery_of(session).recovery, key), roster)
        return known[1]

    def _admit(self, session: Session, hub: str, node: str, token: jws.Unverified) -> None:
        roster = self.roster(session)
        try:
            token.verify(roster.signing_key(node, token.kid))
            roster.member(node)
        except RemoteError as error:
            if error.rule.name == "unknown-key" and is_recovering(session):
                # It may have been enrolled since: whoever was a member before brings the directory that says so.
                raise RecoveringError from error
            raise
        if hub != roster.hub:
            raise RemoteError("addressed", "this is addressed to another hub", hub=roster.hub)

    def _shown(self, give: GiveBack) -> Verified | None:
        if give.checkpoint is None:
            return None
        return checkpoints.read(give.checkpoint, self._federation.log_origin, self._federation.log_key)

    def _stop_for(self, give: GiveBack, given: Given, shown: Verified | None, now: int) -> bool:
        """Stop logging if a serving hub is shown a checkpoint of its own that is beyond its log.

        Returns whether there is nothing to take, because this hub serves rightly. A member that the operator went on
        without must prove that its checkpoint follows from our log; nobody else can stop us without our own signature.
        """
        with self._database.transaction() as session:
            if is_recovering(session):
                return False
            head = read_head(session, lock=True)
            if shown is None or is_ours(session, head, shown):
                return True
            waived = _is_waived(session, give.node)
            if shown.checkpoint.size <= head.size:
                if waived:
                    raise _left_out()
                raise ContradictionError
            enter(session, now, f"{give.node} has a checkpoint of {shown.checkpoint.size} leaves")
            if waived:
                _prove_alone(session, give, given, shown, now)
            claim(session, shown, give.node, now)
        _LOGGER.critical("ALARM this hub was set back: %s has read %d leaves", give.node, shown.checkpoint.size)
        return False

    def _keep(self, session: Session, give: GiveBack, given: Given, shown: Verified | None, now: int) -> None:
        if not is_recovering(session):
            return
        head = read_head(session, lock=True)
        known = prove(session, head, give, given.hashes, shown, now)
        stage(session, self._federation, give, given)
        # Only an answer to this recovery's notice was given since: an older one, recorded and sent again, says nothing.
        if give.recovery == recovery_of(session).recovery:
            _hear(session, give.node, now if known and give.done else None)

    def _note_contradiction(self, give: GiveBack, shown: Verified | None, now: int) -> None:
        if shown is None:
            return
        with self._database.transaction() as session:
            enter(session, now, f"{give.node} has a checkpoint of another log with our signature")
            claim(session, shown, give.node, now, contradicts=True)
        _LOGGER.critical(
            "ALARM this hub signed two logs: %s has %d leaves of another", give.node, shown.checkpoint.size
        )

    def _waits_for_members(self, session: Session) -> bool:
        return bool(unheard(session, self.roster(session).directory))


def _hear(session: Session, member: str, at: int | None) -> None:
    """Note that a member said all it had; at None, that it is speaking: parts may follow what it brought."""
    row = session.get(RecoveryMember, member)
    if row is None:
        session.add(RecoveryMember(member=member, heard_at=at, waived_at=None))
    else:
        row.heard_at, row.waived_at = at, None if at is not None else row.waived_at
    session.flush()


def contradictory(session: Session) -> list[str]:
    """Return the members, by id, that hold a checkpoint of another log and that the operator does not go on without."""
    return sorted({row.member for row in contradictions(session) if not _is_waived(session, row.member)})


def _prove_alone(session: Session, give: GiveBack, given: Given, shown: Verified, now: int) -> None:
    """Raise RemoteError unless this one piece proves that the checkpoint shown follows from our log."""
    head = read_head(session)
    try:
        prove(session, head, give, given.hashes, shown, now)
    except ContradictionError as error:
        raise _left_out() from error
    if proven_size(session) == head.size:
        raise _left_out()


def _left_out() -> RemoteError:
    return RemoteError("tree", "the operator goes on without this member's log")


def _is_waived(session: Session, member: str) -> bool:
    row = session.get(RecoveryMember, member)
    return row is not None and row.waived_at is not None

"""What the hub's own key vouches for: that this version is still the newest. Renewed before it expires, by who serves.

It cannot change who is a member, and cannot keep an old version alive longer than the registrar's own word is good.
"""

import logging
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from hub.errors import FoundingError
from hub.log.tree import read_head
from hub.members.store import add_metadata, latest_version, newest, stored_roots
from hub.models import DirectoryVersion
from hub.recovery.state import is_recovering
from keys.signing import SigningKey
from protocol.enrol import Federation
from protocol.publishing import sign_snapshot, sign_timestamp
from service.database import Database, is_temporary

TIMESTAMP_SECONDS: Final = 86_400
SNAPSHOT_SECONDS: Final = 7 * 86_400
#: So long before its end the registrar's word, and the root's, is asked for again.
_TARGETS_WARNING_SECONDS: Final = 10 * 86_400
_ROOT_WARNING_SECONDS: Final = 30 * 86_400
_DAY_SECONDS: Final = 86_400
#: Timestamps are made twice a day and with each version of the directory: this is more than a backup can lack.
_SKIPPED_VERSIONS: Final = 1_000
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Online:
    """The hub's key for snapshot and timestamp."""

    key: SigningKey
    federation: Federation

    def vouch(
        self, session: Session, row: DirectoryVersion, now: int, *, first: bool = False, skipped: int = 0
    ) -> None:
        """Make the next snapshot of a version, and the timestamp of that snapshot; leave out `skipped` versions."""
        version = 1 if first else newest(session, "snapshot").version + 1 + skipped
        expires = now + SNAPSHOT_SECONDS
        raw = sign_snapshot(version, expires, row.raw, row.version, self.key)
        add_metadata(session, "snapshot", version, expires, raw)
        self._stamp(session, now, first=first, skipped=skipped)

    def vouch_again(self, session: Session, now: int) -> None:
        """Vouch for the newest version after a recovery, above all versions that this hub may have signed before.

        Raises FoundingError if the newest root names another key than this one.
        """
        self._check_key(session)
        self.vouch(session, latest_version(session), now, skipped=_SKIPPED_VERSIONS)

    def renew(self, session: Session, now: int) -> bool:
        """Make a new timestamp, and a new snapshot, where more than half of its time is over; return whether it did.

        Raises FoundingError if the newest root names another key than this one.
        """
        # Whoever serves beside this process waits here, and finds it done.
        read_head(session, lock=True)
        # While this hub recovers, it cannot know what it vouched for last.
        if is_recovering(session) or not is_due(newest(session, "timestamp").expires, TIMESTAMP_SECONDS, now):
            return False
        self._check_key(session)
        if is_due(newest(session, "snapshot").expires, SNAPSHOT_SECONDS, now):
            self.vouch(session, latest_version(session), now)
        else:
            self._stamp(session, now)
        return True

    def _check_key(self, session: Session) -> None:
        root = stored_roots(session, self.federation).newest
        if self.key.public not in root.keys("timestamp").keys:
            raise FoundingError(
                "the directory's own key is not the one that the newest root names: start this hub anew"
            )

    def _stamp(self, session: Session, now: int, *, first: bool = False, skipped: int = 0) -> None:
        snapshot = newest(session, "snapshot")
        version = 1 if first else newest(session, "timestamp").version + 1 + skipped
        expires = now + TIMESTAMP_SECONDS
        raw = sign_timestamp(version, expires, snapshot.raw, snapshot.version, self.key)
        add_metadata(session, "timestamp", version, expires, raw)


def is_due(expires: int, lifetime_seconds: int, now: int) -> bool:
    """Whether more than half of a lifetime is over."""
    return expires - now < lifetime_seconds // 2


def fresh_timestamp(database: Database, online: Online, now: int) -> bytes:
    """Return the newest `timestamp.json`, renewed if it is time; an old one is better than none while that fails."""
    with database.reading() as session:
        row = newest(session, "timestamp")
        raw, expires = row.raw, row.expires
    if not is_due(expires, TIMESTAMP_SECONDS, now):
        return raw
    try:
        with database.transaction() as session:
            if online.renew(session, now):
                warn_of_expiry(session, online.federation, now)
            return newest(session, "timestamp").raw
    except FoundingError as error:
        _LOG.error("ALARM the directory is not renewed: %s", error)
    except DBAPIError as error:
        if not is_temporary(error):
            raise
        _LOG.warning("the directory is not renewed now: the database cannot be used")
    return raw


def warnings_of_expiry(session: Session, federation: Federation, now: int) -> list[str]:
    """Return what the operator must do before nodes hold the directory for stale; empty while there is time."""
    found = []
    left = latest_version(session).expires - now
    if left < _TARGETS_WARNING_SECONDS:
        found.append(f"the registrar's signature {_ends(left)}: run `simpul-hub renew` with the registrar's key")
    left = stored_roots(session, federation).newest.expires - now
    if left < _ROOT_WARNING_SECONDS:
        found.append(f"the directory's root {_ends(left)}: run `simpul-hub rotate` with the root's keys")
    return found


def warn_of_expiry(session: Session, federation: Federation, now: int) -> None:
    """Write the same to the log, loudly."""
    for warning in warnings_of_expiry(session, federation, now):
        _LOG.warning("ALARM %s", warning)


def _ends(left: int) -> str:
    if left <= 0:
        return "has expired, and members hand on nothing sealed to keys that they cannot refresh"
    return f"expires in {left // _DAY_SECONDS} days"

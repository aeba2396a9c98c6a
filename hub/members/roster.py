"""The directory in force, read once a version and then looked up without parsing."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.errors import FoundingError
from hub.members.store import latest_directory
from hub.models import DirectoryVersion
from keys.signing import VerifyKey
from protocol.directory import Directory, Member, Use
from protocol.enrol import Federation
from protocol.errors import RemoteError


@dataclass(frozen=True, slots=True)
class Roster:
    """The newest version of the directory. The hub judges by it alone: what it logs stands after its leaf."""

    directory: Directory
    signers: dict[str, tuple[str, VerifyKey]]

    @property
    def hub(self) -> str:
        """The hub's own party id."""
        return self.directory.hub

    def member(self, party: str) -> Member:
        """Return a member; raise RemoteError("member")."""
        return self.directory.member(party)

    def signing_key(self, party: str, kid: str) -> VerifyKey:
        """Return the open key `kid` of `party`; raise RemoteError("unknown-key"), or "party" if it is another's."""
        found = self.signers.get(kid)
        if found is None:
            raise RemoteError("unknown-key", "no open signing key has this kid")
        owner, key = found
        if owner != party:
            raise RemoteError("party", "the key belongs to another party than the one named")
        return key


class Rosters:
    """Rosters by version. Only what never changes is kept, so that several processes may serve one database."""

    def __init__(self, federation: Federation) -> None:
        self._federation: Final = federation
        self._last: Roster | None = None

    def current(self, session: Session) -> Roster:
        """Return the roster of the newest version that this session sees."""
        version = newest_version(session)
        last = self._last
        if last is not None and last.directory.version == version:
            return last
        self._last = roster = roster_of(latest_directory(session, self._federation))
        return roster


def newest_version(session: Session) -> int:
    """Return the number of the newest version; raise FoundingError if there is none."""
    version: int | None = session.scalar(select(func.max(DirectoryVersion.version)))
    if version is None:
        raise FoundingError("this database holds no directory: run `simpul-hub init`")
    return version


def roster_of(directory: Directory) -> Roster:
    """Index the open signing keys of a version."""
    records = [(directory.hub, record) for record in directory.hub_keys]
    records += [(member.id, record) for member in directory.members.values() for record in member.keys]
    signers = {
        record.kid: (party, VerifyKey(record.public))
        for party, record in records
        if record.use is Use.SIGN and record.open
    }
    return Roster(directory, signers)

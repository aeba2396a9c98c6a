"""The root of the directory: made when the hub is founded, renewed or replaced by the holders of its keys."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.orm import Session

from hub.errors import FoundingError
from hub.members.enrolment import Registrar
from hub.members.store import add_metadata, stored_roots
from keys.signing import SigningKey, VerifyKey
from protocol.directory import Directory
from protocol.errors import RemoteError
from protocol.metadata import RoleKeys, Roots, TrustedRoot
from protocol.publishing import sign_root

ROOT_SECONDS: Final = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds the root: their keys, and how many of them have to sign a new one."""

    keys: tuple[SigningKey, ...]
    threshold: int = 1

    def role(self) -> RoleKeys:
        """Return what a root says of them; raise FoundingError for a number that cannot be met."""
        if not 1 <= self.threshold <= len(self.keys):
            raise FoundingError(f"{self.threshold} of {len(self.keys)} keys cannot be asked for")
        return RoleKeys(tuple(key.public for key in self.keys), self.threshold)


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a new root changes: who holds it, who the registrar is, the hub's online key; None leaves it as it was.

    `signers` are the holders so far, as many as the root in force asks for.
    """

    signers: Sequence[SigningKey]
    holders: Holders | None = None
    registrar: VerifyKey | None = None
    online: VerifyKey | None = None
    lifetime_seconds: int = field(default=ROOT_SECONDS)


def first_root(holders: Holders, registrar: VerifyKey, online: VerifyKey, now: int) -> bytes:
    """Return the root that every member will be given by hand."""
    hub = RoleKeys((online,))
    roles = {"root": holders.role(), "targets": RoleKeys((registrar,)), "snapshot": hub, "timestamp": hub}
    return sign_root(1, now + ROOT_SECONDS, roles, holders.keys)


def rotate(session: Session, registrar: Registrar, rotation: Rotation, now: int) -> Directory:
    """Publish the next root, and at once the next version of the directory under it: that leaf ends the old keys' word.

    `registrar` holds the registrar's and the online key that the new root names. Raises FoundingError if the holders
    who signed are not enough.
    """
    roots = stored_roots(session, registrar.federation)
    raw = _next_root(roots, rotation, now)
    try:
        newest = roots.added(raw).newest
    except RemoteError as error:
        raise FoundingError("the holders of the root's keys who signed are not those whom the root asks for") from error
    add_metadata(session, "root", newest.version, newest.expires, raw)
    return registrar.renew(session, now)


def _next_root(roots: Roots, rotation: Rotation, now: int) -> bytes:
    last = roots.newest
    held = last.keys("root") if rotation.holders is None else rotation.holders.role()
    online = _one(rotation.online, last, "timestamp")
    roles = {
        "root": held,
        "targets": _one(rotation.registrar, last, "targets"),
        "snapshot": online,
        "timestamp": online,
    }
    new = () if rotation.holders is None else rotation.holders.keys
    signers = {key.public.kid: key for key in (*rotation.signers, *new)}
    return sign_root(last.version + 1, now + rotation.lifetime_seconds, roles, list(signers.values()))


def _one(key: VerifyKey | None, last: TrustedRoot, role: str) -> RoleKeys:
    return last.keys(role) if key is None else RoleKeys((key,))

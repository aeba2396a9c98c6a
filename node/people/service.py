"""Accounts and sessions. Every function takes the session of the transaction that the caller commits."""

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete
from sqlalchemy.orm import Session

from keys.b64u import encode
from node.cases.views import Officer
from node.models.people import LoginSession, Person
from node.people.errors import AccountError, LoginError, SessionError
from node.people.permissions import ROLES

IDLE_SECONDS: Final = 30 * 60
ABSOLUTE_SECONDS: Final = 12 * 3600
#: A session's last use is written at most once a minute, so that reading pages hardly ever writes to the database.
TOUCH_SECONDS: Final = 60
MIN_PASSWORD_CHARACTERS: Final = 12
MAX_PASSWORD_CHARACTERS: Final = 1024

_TOKEN_BYTES: Final = 32
_USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")
_HASHER: Final = PasswordHasher()  # Argon2id with the parameters of RFC 9106, section 4, second choice


@dataclass(frozen=True, slots=True)
class Resumed:
    """A session that goes on. `due` says that its use is to be noted with `touch_session`."""

    officer: Officer
    due: bool


def create_person(
    session: Session, username: str, display_name: str, roles: Iterable[str], password: str, now: int
) -> Officer:
    """Add an account; raise AccountError for a bad or taken name, an unknown role or a short password."""
    wanted = frozenset(roles)
    if _USERNAME.fullmatch(username) is None:
        raise AccountError("a username is 2 to 64 of a-z, 0-9, dot, dash and underscore")
    if not wanted or not wanted <= frozenset(ROLES):
        raise AccountError(f"roles are one or more of: {', '.join(ROLES)}")
    if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
        raise AccountError(f"a password has at least {MIN_PASSWORD_CHARACTERS} characters")
    if session.get(Person, username) is not None:
        raise AccountError("this username is taken")
    person = Person(
        username=username,
        display_name=display_name.strip() or username,
        roles=",".join(sorted(wanted)),
        password_hash=_HASHER.hash(password),
        created_at=now,
        disabled_at=None,
    )
    session.add(person)
    session.flush()
    return _officer(person)


def authenticate(session: Session, username: str, password: str) -> Officer:
    """Return the officer whose name and password these are; raise LoginError, which never says what was wrong.

    An unknown name costs the same work as a wrong password, so that the time of the answer names nobody.
    """
    person = session.get(Person, username)
    known = person.password_hash if person is not None else _decoy()
    try:
        _HASHER.verify(known, password[:MAX_PASSWORD_CHARACTERS])
    except (VerificationError, InvalidHashError):
        raise LoginError from None
    if person is None or person.disabled_at is not None:
        raise LoginError
    return _officer(person)


def open_session(session: Session, username: str, now: int) -> str:
    """Begin a session and return its token, which is kept nowhere here."""
    session.execute(delete(LoginSession).where(LoginSession.created_at <= now - ABSOLUTE_SECONDS))
    token = encode(secrets.token_bytes(_TOKEN_BYTES))
    session.add(LoginSession(token_hash=_hash(token), username=username, created_at=now, seen_at=now))
    session.flush()
    return token


def resume_session(session: Session, token: str, now: int) -> Resumed:
    """Return whose session this is; raise SessionError when it ended, was idle too long or never was."""
    login = session.get(LoginSession, _hash(token))
    if login is None:
        raise SessionError
    person = session.get(Person, login.username)
    if _ended(login, now) or person is None or person.disabled_at is not None:
        raise SessionError
    return Resumed(_officer(person), now - login.seen_at >= TOUCH_SECONDS)


def touch_session(session: Session, token: str, now: int) -> None:
    """Note that a session was used; one that ended in the meantime is no error."""
    login = session.get(LoginSession, _hash(token))
    if login is not None:
        login.seen_at = now


def close_session(session: Session, token: str) -> None:
    """End a session; one that is not there is no error."""
    session.execute(delete(LoginSession).where(LoginSession.token_hash == _hash(token)))


def revoke_all(session: Session, username: str) -> None:
    """End every session of an officer, on every machine."""
    session.execute(delete(LoginSession).where(LoginSession.username == username))


def _ended(login: LoginSession, now: int) -> bool:
    return now - login.seen_at >= IDLE_SECONDS or now - login.created_at >= ABSOLUTE_SECONDS


def _officer(person: Person) -> Officer:
    return Officer(person.username, person.display_name, frozenset(person.roles.split(",")))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@cache
def _decoy() -> str:
    return _HASHER.hash(secrets.token_urlsafe(_TOKEN_BYTES))

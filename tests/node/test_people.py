"""Accounts and sessions on a database of their own, and the table of permissions."""

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from node.cases.views import Officer
from node.models.people import LoginSession, Person
from node.people import service
from node.people.errors import AccountError, LoginError, SessionError
from node.people.permissions import PERMISSIONS, ROLES, Action, may
from service.database import Database

NOW = 1_790_000_000
PASSWORD = "kata sandi yang panjang"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("people")
    made = Database(f"sqlite:///{folder / 'node.db'}", "node:migrations")
    made.migrate()
    with made.transaction() as session:
        service.create_person(session, "rina", "Rina", {"admin", "custodian"}, PASSWORD, NOW)
    yield made
    made.close()


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.reading() as session:
        yield session


def test_the_right_password_gives_the_officer_with_all_roles(session: Session) -> None:
    assert service.authenticate(session, "rina", PASSWORD) == Officer("rina", "Rina", frozenset({"admin", "custodian"}))


@pytest.mark.parametrize(("username", "password"), [("rina", "salah"), ("rina", ""), ("siapa", PASSWORD), ("", "")])
def test_anything_else_is_the_same_error(session: Session, username: str, password: str) -> None:
    with pytest.raises(LoginError) as caught:
        service.authenticate(session, username, password)
    assert caught.value.args == ()


def test_a_closed_account_lets_nobody_in_and_ends_its_sessions(session: Session) -> None:
    token = service.open_session(session, "rina", NOW)
    person = session.get(Person, "rina")
    assert person is not None
    person.disabled_at = NOW
    with pytest.raises(LoginError):
        service.authenticate(session, "rina", PASSWORD)
    with pytest.raises(SessionError):
        service.resume_session(session, token, NOW)


def test_a_password_is_kept_as_an_argon2id_hash_only(session: Session) -> None:
    person = session.get(Person, "rina")
    assert person is not None
    assert person.password_hash.startswith("$argon2id$")
    assert PASSWORD not in person.password_hash


@pytest.mark.parametrize(
    ("username", "roles", "password"),
    [
        ("Rina Besar", {"admin"}, PASSWORD),
        ("x", {"admin"}, PASSWORD),
        ("rina", {"admin"}, PASSWORD),
        ("budi", set(), PASSWORD),
        ("budi", {"raja"}, PASSWORD),
        ("budi", {"admin"}, "pendek"),
        ("budi", {"admin"}, "x" * 1_025),
    ],
)
def test_an_account_that_could_not_work_is_not_made(
    session: Session, username: str, roles: set[str], password: str
) -> None:
    with pytest.raises(AccountError):
        service.create_person(session, username, "Nama", roles, password, NOW)


def test_a_session_is_known_by_its_hash_alone(session: Session) -> None:
    token = service.open_session(session, "rina", NOW)
    stored = session.query(LoginSession).all()
    assert all(token.encode() not in row.token_hash for row in stored)
    assert service.resume_session(session, token, NOW).officer.username == "rina"


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "ключ"])
def test_a_token_that_was_never_given_opens_nothing(session: Session, token: str) -> None:
    with pytest.raises(SessionError):
        service.resume_session(session, token, NOW)


def test_use_keeps_a_session_alive_but_not_past_its_day(session: Session) -> None:
    token = service.open_session(session, "rina", NOW)
    later = NOW + service.IDLE_SECONDS - 1
    assert service.resume_session(session, token, later).due
    service.touch_session(session, token, later)
    assert not service.resume_session(session, token, later + 1).due
    with pytest.raises(SessionError):
        service.resume_session(session, token, later + service.IDLE_SECONDS)
    service.touch_session(session, token, NOW + service.ABSOLUTE_SECONDS)
    with pytest.raises(SessionError):
        service.resume_session(session, token, NOW + service.ABSOLUTE_SECONDS)


def test_all_sessions_of_an_officer_end_at_once(session: Session) -> None:
    tokens = [service.open_session(session, "rina", NOW) for _ in range(3)]
    service.close_session(session, tokens[0])
    service.close_session(session, tokens[0])
    service.revoke_all(session, "rina")
    service.touch_session(session, tokens[1], NOW)
    for token in tokens:
        with pytest.raises(SessionError):
            service.resume_session(session, token, NOW)


def test_old_sessions_are_swept_when_a_new_one_begins(session: Session) -> None:
    service.open_session(session, "rina", NOW)
    service.open_session(session, "rina", NOW + service.ABSOLUTE_SECONDS)
    assert session.query(LoginSession).count() == 1


def test_every_role_has_a_row_and_nobody_else_may_anything() -> None:
    assert set(PERMISSIONS) == set(ROLES)
    stranger = Officer("x", "X", frozenset({"raja"}))
    assert not any(may(stranger, action) for action in Action)


def test_who_opens_identities_never_decides_where_a_case_goes() -> None:
    for role, allowed in PERMISSIONS.items():
        assert not ({Action.OPEN_IDENTITY, Action.HAND_OVER} <= allowed), role
    assert PERMISSIONS["operator"] == {Action.CONNECTIONS, Action.LOST}  # the machine, and no case


def test_roles_add_up() -> None:
    both = Officer("x", "X", frozenset({"liaison", "custodian"}))
    assert may(both, Action.REPLY)
    assert may(both, Action.OPEN_IDENTITY)
    assert not may(both, Action.HAND_OVER)

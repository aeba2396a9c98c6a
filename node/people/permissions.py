"""What each role may do, as one table. Whether a case is in a state for it is the domain's question."""

from enum import StrEnum
from typing import Final

from node.cases.views import Officer


class Action(StrEnum):
    """Something that an officer may be allowed to do."""

    LIST = "list"
    READ = "read"
    VERIFY = "verify"
    HAND_OVER = "hand_over"
    RECALL = "recall"
    ASK_TRIAGE = "ask_triage"
    OBEY = "obey"
    REPLY = "reply"
    CLOSE = "close"
    OPEN_IDENTITY = "open_identity"
    RULE = "rule"
    CONNECTIONS = "connections"  # how the sync stands, link by link
    LOST = "lost"  # which cases are in no backup, by number


ROLES: Final = ("admin", "liaison", "custodian", "leader", "operator")

#: role -> what it may do. Who opens an identity is never who decides where the case goes.
PERMISSIONS: Final[dict[str, frozenset[Action]]] = {
    "admin": frozenset(
        {
            Action.LIST,
            Action.READ,
            Action.VERIFY,
            Action.HAND_OVER,
            Action.RECALL,
            Action.ASK_TRIAGE,
            Action.OBEY,
            Action.REPLY,
            Action.CLOSE,
            Action.RULE,
            Action.CONNECTIONS,
            Action.LOST,
        }
    ),
    "liaison": frozenset({Action.LIST, Action.READ, Action.REPLY, Action.CLOSE, Action.LOST}),
    "custodian": frozenset({Action.LIST, Action.READ, Action.OPEN_IDENTITY, Action.LOST}),
    "leader": frozenset({Action.LIST, Action.CONNECTIONS, Action.LOST}),
    "operator": frozenset({Action.CONNECTIONS, Action.LOST}),
}


def may(officer: Officer, action: Action) -> bool:
    """Say whether one of the officer's roles allows the action."""
    return any(action in PERMISSIONS.get(role, frozenset()) for role in officer.roles)

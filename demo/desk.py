"""What an officer does with cases, however it reaches the node: by the console's pages or by the API."""

from dataclasses import dataclass
from typing import Protocol


class RefusedError(Exception):
    """Something that a node did not do for an officer; the message is the node's own."""


@dataclass(frozen=True, slots=True)
class CasePage:
    """A case as an officer sees it. `text` is None for a stub, `suggested` empty where nobody claims the matter.

    `deeds` are the officer's open ones, named as in the API: hand_over, ask_triage, obey, reply, close, open_identity.
    """

    number: str
    text: str | None
    suggested: str
    deeds: frozenset[str]
    identity_is_here: bool


class Desk(Protocol):
    """One account of one node. Several threads may use it."""

    def numbers(self) -> dict[str, bool]:
        """Return the numbers of the list of cases, and of each whether the case is here."""

    def read(self, number: str) -> CasePage:
        """Read a case; raise RefusedError when this node does not show it."""

    def hand_over(self, number: str, to: str, reason: str) -> None:
        """Offer a case to another office."""

    def ask_triage(self, number: str, reason: str) -> None:
        """Ask triage whose matter it is."""

    def obey(self, number: str) -> None:
        """Offer the case to whom triage named."""

    def reply(self, number: str, text: str) -> None:
        """Answer the reporter."""

    def close(self, number: str, text: str) -> None:
        """Close a case with a last word."""

    def open_identity(self, number: str, reason: str) -> dict[str, str]:
        """Open the identity and return what is shown, by its labels; empty when none was left."""

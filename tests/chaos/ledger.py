"""What the people of chaos did and were told, written down as they were told it: the count is held against this."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from tests.chaos.client import Fate


@dataclass(frozen=True, slots=True)
class Filing:
    """A report that was answered with a receipt. `text` occurs in no other."""

    origin: str
    key: str
    body: dict[str, Any]
    number: str
    receipt: str

    @property
    def text(self) -> str:
        """What the reporter wrote."""
        return str(self.body["text"])


@dataclass(frozen=True, slots=True)
class Said:
    """A reply of an officer, or something that a reporter added; `text` occurs in no other."""

    number: str
    text: str
    fate: Fate


@dataclass(slots=True)
class Ledger:
    """Everything that was told to somebody. Threads write to it side by side."""

    filings: list[Filing] = field(default_factory=list)
    replies: list[Said] = field(default_factory=list)
    messages: list[Said] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    #: What no client should ever be told, in words.
    troubles: list[str] = field(default_factory=list)
    _lock: Final[threading.Lock] = field(default_factory=threading.Lock)

    def filed(self, filing: Filing) -> None:
        """Note a receipt."""
        with self._lock:
            self.filings.append(filing)
            self.counts["filings"] += 1

    def replied(self, said: Said) -> None:
        """Note a reply."""
        with self._lock:
            self.replies.append(said)
            self.counts[f"replies {said.fate.value}"] += 1

    def added(self, said: Said) -> None:
        """Note what a reporter added."""
        with self._lock:
            self.messages.append(said)
            self.counts[f"messages {said.fate.value}"] += 1

    def count(self, what: str, times: int = 1) -> None:
        """Note that something happened."""
        with self._lock:
            self.counts[what] += times

    def trouble(self, what: str) -> None:
        """Note what should not be."""
        with self._lock:
            self.troubles.append(what)

    def some_filings(self) -> list[Filing]:
        """Return the filings so far."""
        with self._lock:
            return list(self.filings)

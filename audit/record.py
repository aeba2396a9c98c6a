"""What the later checks look at: log, directory history, and the entries that proved to be their leaves'."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from audit.log import ReadLog
from protocol.custody import check_incarnation
from protocol.directory import Directory, DirectoryHistory
from protocol.entry import Entry, SignedEntry
from protocol.errors import RemoteError


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry whose signature and leaf were checked; `file` says where it was given."""

    index: int
    signed: SignedEntry
    file: str

    @property
    def entry(self) -> Entry:
        """What it says."""
        return self.signed.entry


@dataclass(frozen=True)
class Record:
    """The evidence. An auditor may not see every entry: what might stand in an unseen one is not called a failure."""

    log: ReadLog
    history: DirectoryHistory
    #: In the order of the log.
    entries: Sequence[Logged]

    @cached_property
    def unseen(self) -> list[int]:
        """Indices of the leaves of entries that were not given, or not proven."""
        seen = {logged.index for logged in self.entries}
        others = (index for index in range(self.log.claimed) if index not in seen)
        return [index for index in others if not self._is_directory(index)]

    @cached_property
    def unseen_slots(self) -> list[int]:
        """Those of them that hold a slot, or may hold one: offers and answers."""
        leaves = self.log.leaves
        return [index for index in self.unseen if index not in leaves or leaves[index].slot is not None]

    @cached_property
    def by_id(self) -> dict[str, Logged]:
        """The first entry with each id."""
        found: dict[str, Logged] = {}
        for logged in self.entries:
            found.setdefault(logged.entry.id, logged)
        return found

    @cached_property
    def void(self) -> frozenset[int]:
        """Indices of the entries behind a fence of their sender: they count for nobody, and only use their slots up."""
        return frozenset(logged.index for logged in self.entries if self._is_behind_fence(logged))

    @cached_property
    def counting(self) -> list[Logged]:
        """The entries that count, in the order of the log."""
        return [logged for logged in self.entries if logged.index not in self.void]

    def unseen_before(self, index: int, after: int = -1) -> int:
        """Return how many unseen entries stand between two leaves."""
        return bisect_left(self.unseen, index) - bisect_left(self.unseen, after + 1)

    def unseen_slots_before(self, index: int) -> int:
        """Return how many unseen offers and answers stand before a leaf."""
        return bisect_left(self.unseen_slots, index)

    def directory_at(self, index: int) -> Directory:
        """Return the version in force for the leaf; raise RemoteError("directory")."""
        return self.history.at(index)

    def earlier(self, entry_id: str | None, than: int) -> Logged | None:
        """Return the entry with this id if it stands before a leaf."""
        found = self.by_id.get(entry_id or "")
        return found if found is not None and found.index < than else None

    def _is_behind_fence(self, logged: Logged) -> bool:
        try:
            check_incarnation(logged.entry, logged.index, self.log)
        except RemoteError:
            return True
        return False

    def _is_directory(self, index: int) -> bool:
        leaf = self.log.leaves.get(index)
        return leaf is not None and leaf.directory is not None

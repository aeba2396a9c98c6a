"""What outbox, inbox and log say of some cases, read in a few queries for all of them: a list has thousands of rows."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from node.context import Node
from node.models.cases import Case, Tracked
from node.models.sync import InboxEntry, LogSlot, OutboxEntry
from protocol.custody import Stance, answer_slot, offer_slot
from protocol.entry import read_entry

_GONE: Final = frozenset({Stance.PASSED, Stance.ERASED})
#: Fewer than a statement may have values on any database.
_BATCH: Final = 500


class Records:
    """The entries that tell how far the hand-over of each case is; made for one page, in one session."""

    def __init__(self, session: Session, node: Node, cases: Sequence[Case]) -> None:
        self._session = session
        gone = [case for case in cases if Stance(case.stance) in _GONE]
        held = [case for case in cases if Stance(case.stance) is Stance.HELD]
        own = [case for case in gone if case.origin == node.member_id]
        named = (name for case in cases for name in (case.offer_id, case.ask_id, case.grant_id))
        self._sent = self._by(OutboxEntry.entry_id, named)
        self._came = self._by(InboxEntry.entry_id, (case.ruling_id for case in held))
        self._pointers = self._by(Tracked.return_ref, (case.return_ref for case in own))
        self._recalls = self._all_recalls() if any(Stance(case.stance) is Stance.OFFERED for case in cases) else {}
        self._accepts = self._all_accepts(gone)
        self._withheld = self._all_withheld(held, node.keyring.secrets["slot"])

    def sent(self, entry_id: str | None) -> OutboxEntry | None:
        """Return an entry of ours that one of the cases names."""
        return self._sent.get(entry_id or "")

    def came(self, entry_id: str | None) -> InboxEntry | None:
        """Return the ruling that one of the cases names."""
        return self._came.get(entry_id or "")

    def pointer(self, case: Case) -> Tracked | None:
        """Return the origin's record of a case that was handed on; None at any other node."""
        return self._pointers.get(case.return_ref)

    def recall(self, offer: OutboxEntry) -> OutboxEntry | None:
        """Return the recall of an open offer; None where none was said."""
        return self._recalls.get(offer.entry_id)

    def accept(self, offer: OutboxEntry) -> InboxEntry | None:
        """Return the accept that won the offer of a case that was handed on; None where its entry is not here."""
        return self._accepts.get(offer.entry_id)

    def is_withheld(self, case: Case) -> bool:
        """Whether the log shows that a case that is held was offered by an entry that is not here."""
        return case.case_id in self._withheld

    def _by(self, column: InstrumentedAttribute[str], values: Iterable[str | None]) -> dict[str, Any]:
        return {getattr(row, column.key): row for row in self._rows(column, values)}

    def _rows(self, column: InstrumentedAttribute[str], values: Iterable[str | None]) -> Iterator[Any]:
        wanted = sorted({value for value in values if value is not None})
        for at in range(0, len(wanted), _BATCH):
            yield from self._session.scalars(select(column.class_).where(column.in_(wanted[at : at + _BATCH])))

    def _all_recalls(self) -> dict[str, OutboxEntry]:
        said = select(OutboxEntry).where(OutboxEntry.kind == "recall", OutboxEntry.state != "refused")
        return {read_entry(row.raw).entry.re or "": row for row in self._session.scalars(said)}

    def _all_accepts(self, gone: Sequence[Case]) -> dict[str, InboxEntry]:
        offers = [row for case in gone if (row := self.sent(case.offer_id)) is not None]
        slots = {answer_slot(row.raw): row.entry_id for row in offers}
        offer_of = {row.h: slots[row.slot] for row in self._rows(LogSlot.slot, slots)}
        return {offer_of[row.h]: row for row in self._rows(InboxEntry.h, offer_of)}

    def _all_withheld(self, held: Sequence[Case], key: bytes) -> frozenset[str]:
        slots = {offer_slot(key, case.case_id, case.epoch): case.case_id for case in held}
        taken = {row.h: slots[row.slot] for row in self._rows(LogSlot.slot, slots)}
        for row in self._rows(OutboxEntry.h, taken):
            taken.pop(row.h)
        return frozenset(taken.values())

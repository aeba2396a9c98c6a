"""Showing a member who took the slot of its offer, without making every slot of the log a question that it may ask."""

import logging
import threading
from collections import defaultdict
from collections.abc import Collection
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.models import LoggedEntry

_LOGGER: Final = logging.getLogger(__name__)
_DAY_SECONDS: Final = 86_400
#: Slots of others that one process shows one member in a day. An honest member meets one in its life, if ever.
MAX_STRANGERS: Final = 4


class Strangers:
    """Counts which leaves of others each member was shown today; forgotten with the process, for it only slows."""

    def __init__(self) -> None:
        self._lock: Final = threading.Lock()
        self._day = 0
        self._shown: defaultdict[str, set[int]] = defaultdict(set)

    def shown(self, session: Session, node: str, winners: Collection[int], now: int) -> set[int]:
        """Return the leaves whose entries `node` may see: its own, and a few of others a day, each with an alarm.

        Slots are public and entries are not: who could ask for any would learn who writes to whom.
        """
        if not winners:
            return set()
        query = select(LoggedEntry.index, LoggedEntry.sender).where(LoggedEntry.index.in_(winners))
        found = session.execute(query.order_by(LoggedEntry.index)).all()
        return {index for index, sender in found if sender == node or self._may_see(node, index, sender, now)}

    def _may_see(self, node: str, index: int, sender: str, now: int) -> bool:
        _LOGGER.warning("ALARM %s made an offer with the slot of leaf %d, which is %s's", node, index, sender)
        with self._lock:
            if now // _DAY_SECONDS != self._day:
                self._day = now // _DAY_SECONDS
                self._shown.clear()
            shown = self._shown[node]
            if index not in shown and len(shown) >= MAX_STRANGERS:
                return False
            shown.add(index)
            return True

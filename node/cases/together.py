"""Group commit: what several requests bring at one moment is stored in one transaction, with one wait for the disk.

Nobody is answered before the commit that holds their own work is durable, so nothing is weakened; a busy hour costs one
sync of the disk for many reports, and they do not fight for the write lock.
"""

import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from node.cases.views import NotStoredError
from service.database import Database, attempt

_T = TypeVar("_T")
#: What one transaction takes at most, so that nobody waits for more than their share.
MAX_TOGETHER: Final = 32


class _Job:
    """One request's work, and what came of it."""

    def __init__(self, work: Callable[[Session], Any]) -> None:
        self.work: Final = work
        self.finished = False
        self.result: Any = None
        self.error: Exception | None = None


class Together:
    """Runs the work of many threads in few transactions of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Job] = []
        self._list = threading.Lock()
        self._turn = threading.Lock()

    def run(self, work: Callable[[Session], _T]) -> _T:
        """Return what `work` gives, once the transaction that it was part of is durable.

        What `work` raises undoes its own part alone, and is raised here. Raises NotStoredError when the database
        fails, at its own statements or at the commit.
        """
        job = _Job(work)
        with self._list:
            self._waiting.append(job)
        while not job.finished:
            with self._turn:
                if not job.finished:  # nobody who had the turn before has done it along with theirs
                    self._run_some()
        if job.error is not None:
            raise job.error
        result: _T = job.result
        return result

    def _run_some(self) -> None:
        with self._list:
            jobs, self._waiting = self._waiting[:MAX_TOGETHER], self._waiting[MAX_TOGETHER:]
        try:
            with self._database.transaction() as session:
                for job in jobs:
                    _do(session, job)
        except Exception as error:  # noqa: BLE001  whatever it was, none of them is stored
            for job in jobs:
                job.error = _not_stored(error)
        finally:
            for job in jobs:
                job.finished = True


def _do(session: Session, job: _Job) -> None:
    try:
        with attempt(session):
            job.result = job.work(session)
    except SQLAlchemyError as error:
        job.error = _not_stored(error)
    except Exception as error:  # noqa: BLE001  it is raised in the thread that it belongs to
        job.error = error


def _not_stored(error: Exception) -> NotStoredError:
    told = NotStoredError("Belum tersimpan.")
    told.__cause__ = error
    return told

"""Serving a node: what a process does before the first request, and the server around the application."""

import logging
import resource
import signal
import sys
from dataclasses import replace
from types import FrameType
from typing import Final

import waitress
from sqlalchemy import select

from keys import selftest
from node.app import MAX_REQUEST_BYTES, create_app
from node.cases.atrest import erase
from node.context import Node
from node.jobs import Scheduler, make_sync, take_scheduler_lock
from node.models.cases import Ask, Case
from node.web import clock, safelog
from protocol.custody import Stance

_LOG: Final = logging.getLogger("simpul.node")
#: Kept in memory: no request and no page is ever written to a temporary file.
_MAX_BUFFER_BYTES: Final = 64 * MAX_REQUEST_BYTES


def prepare(node: Node) -> None:
    """Test the cryptography, forbid memory dumps, migrate, and finish the erasures that a crash left undone."""
    selftest.run()
    # A core dump would hold keys and what people wrote.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    node.database.migrate()
    sweep(node)


def sweep(node: Node) -> None:
    """Destroy the keys of cases that are erased, and those of attempts that never became a case.

    Under the write lock: who files in another process has the wrapping already and the case not yet.
    """
    with node.database.transaction() as session:
        gone = (Stance.ERASED, Stance.DECLINED)
        kept = set(session.scalars(select(Case.case_id).where(Case.stance.not_in(gone))))
        kept |= set(session.scalars(select(Ask.ask_id).where(Ask.content.is_not(None))))
        for case_id in {case_id for case_id, _ in node.case_keys.listing()} - kept:
            erase(node, case_id)


def serve(node: Node, host: str, port: int, threads: int) -> None:
    """Serve until interrupted. Prints one line, `ready http://HOST:PORT`, when connections are taken."""
    safelog.configure(sys.stderr)
    prepare(node)
    lock = take_scheduler_lock(node.settings.data_dir)
    scheduler = Scheduler(node.settings.sync_every_seconds, make_sync(lambda: node, clock.now))
    if lock is None:
        _LOG.warning("another process of this node schedules; this one only serves")
    awake = replace(node, wake=scheduler.wake) if lock is not None else node
    server = waitress.create_server(
        create_app(awake),
        host=host,
        port=port,
        threads=threads,
        ident=None,
        max_request_body_size=_MAX_BUFFER_BYTES,
        inbuf_overflow=_MAX_BUFFER_BYTES,
        outbuf_overflow=_MAX_BUFFER_BYTES,
    )
    signal.signal(signal.SIGTERM, _stop)
    if lock is not None:
        scheduler.start()
    sys.stdout.write(f"ready http://{host}:{server.effective_port}\n")
    sys.stdout.flush()
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
        if lock is not None:
            scheduler.stop()
            lock.close()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt

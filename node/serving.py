"""Serving a node: what a process does before the first request, and the server around the application."""

import logging
import resource
import signal
import sys
from dataclasses import replace
from types import FrameType
from typing import Final

from sqlalchemy import select

from keys import selftest
from node.api.reports import MAX_FILING_BYTES
from node.app import MAX_REQUEST_BYTES, create_app
from node.cases.atrest import erase
from node.context import Node
from node.custody.lost import lost_cases
from node.files import outgoing, shelf, transfer
from node.jobs import Scheduler, in_turn, make_sync, scheduler_turn
from node.models.cases import Ask, Case
from node.sync.start import begin
from node.web import clock, safelog
from protocol.custody import Stance
from service.listening import listen

_LOG: Final = logging.getLogger("simpul.node")
#: No filing takes as long from its keys to its commit.
_ORPHAN_SECONDS: Final = 3_600
#: Kept in memory: no request and no page is ever written to a temporary file. A little more than the largest request,
#: so that one over the limit is told so in words.
_MAX_BUFFER_BYTES: Final = MAX_FILING_BYTES + 2 * MAX_REQUEST_BYTES


def prepare(node: Node) -> None:
    """Test the cryptography, forbid memory dumps, migrate, and finish the erasures that a crash left undone."""
    selftest.run()
    # A core dump would hold keys and what people wrote.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    node.database.migrate()
    sweep(node, orphans_before=clock.now() - _ORPHAN_SECONDS)
    sweep_files(node, clock.now() - _ORPHAN_SECONDS)


def sweep(node: Node, *, orphans_before: float | None = None) -> None:
    """Destroy the keys of cases that are erased, and those of attempts that never became a case.

    Whoever files in another process has the wrapping already and the case not yet: `orphans_before` (Unix seconds)
    spares what is younger. The keys are listed first, so that a case stored meanwhile is seen as one.
    """
    listed = {case_id for case_id, _ in node.case_keys.listing()}
    old = {case_id for case_id, _ in node.case_keys.listing(made_before=orphans_before)}
    with node.database.transaction() as session:
        known = {row[0]: row[1] for row in session.execute(select(Case.case_id, Case.stance))}
        asks = {row[0]: row[1] for row in session.execute(select(Ask.ask_id, Ask.content.is_not(None)))}
        gone = {case_id for case_id, stance in known.items() if Stance(stance) in {Stance.ERASED, Stance.DECLINED}}
        gone |= {ask_id for ask_id, kept in asks.items() if not kept}
        # A case that a backup lacks may come again from the hub: then its keys are needed.
        lost = {row.case_id for row in lost_cases(session)}
        for case_id in (listed & gone) | (old - known.keys() - asks.keys() - lost):
            erase(node, case_id)


def sweep_files(node: Node, before: int) -> None:
    """Remove ciphertexts that no row tells of, if they are older than a time: attempts, and what a crash left."""
    with node.database.transaction() as session:
        for files in (shelf, outgoing, transfer):
            files.sweep(session, node, before)


def serve(node: Node, host: str, port: int, threads: int) -> None:
    """Serve until interrupted. Prints one line, `ready http://HOST:PORT`, when connections are taken."""
    safelog.configure(sys.stderr)
    prepare(node)
    turn = scheduler_turn(node.settings.data_dir, node.database)
    run = in_turn(turn, lambda: begin(node, clock.now()), make_sync(lambda: node, clock.now))
    scheduler = Scheduler(node.settings.sync_every_seconds, run)
    if not turn.take():
        _LOG.warning("another process of this node schedules; this one only serves until that one ends")
    awake = replace(node, wake=scheduler.wake)
    server = listen(
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
    scheduler.start()
    sys.stdout.write(f"ready http://{host}:{server.effective_port}\n")
    sys.stdout.flush()
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
        scheduler.stop()
        turn.close()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt

"""Serving: what a process does before it answers the first request, and the server around the application."""

import logging
import resource
import signal
import sys
from types import FrameType
from typing import Final

from hub.app import create_app
from hub.clock import Clock
from hub.founding import HubKeys
from hub.jobs import keep_head_note, schedule
from hub.log.tree import check_stored_tree
from hub.members.online import warn_of_expiry
from hub.parts.store import PartStore
from hub.recovery.head_note import HeadNote
from hub.settings import Settings
from keys import selftest
from protocol.bundle import MAX_BUNDLE_BYTES
from protocol.enrol import Federation
from service.database import Database
from service.listening import listen

#: Above this the server itself hangs up; from the protocol's limit up to here the answer is a problem document.
_MAX_BODY_BYTES: Final = 2 * MAX_BUNDLE_BYTES


def prepare(database: Database) -> None:
    """Test the cryptography, forbid memory dumps, migrate, and check the stored tree against the signed one."""
    selftest.run()
    # A core dump would hold the keys.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    database.migrate()
    with database.reading() as session:
        check_stored_tree(session)


def serve(settings: Settings, federation: Federation, keys: HubKeys, database: Database, clock: Clock) -> None:
    """Serve until interrupted. Prints one line, `ready http://HOST:PORT`, when connections are taken."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    for talkative in ("alembic", "apscheduler"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    prepare(database)
    with database.reading() as session:
        warn_of_expiry(session, federation, clock())
    note = HeadNote(settings.head_note_file, federation)
    note.check(database, clock())
    app = create_app(settings, federation, keys, database, clock)
    server = listen(
        app,
        host=settings.host,
        port=settings.port,
        threads=settings.threads,
        ident=None,
        max_request_body_size=_MAX_BODY_BYTES,
        # A whole bundle stays in memory: nothing of it is written to temporary files.
        inbuf_overflow=_MAX_BODY_BYTES,
        outbuf_overflow=_MAX_BODY_BYTES,
    )
    # An operator's stop lets the requests in work end, as Ctrl-C does.
    signal.signal(signal.SIGTERM, _stop)
    turn = database.turn(settings.data_dir / "jobs.lock")
    jobs = schedule(turn, database, PartStore(settings.parts_dir, settings.min_free_bytes), clock)
    keep_head_note(jobs, note, database)
    sys.stdout.write(f"ready http://{settings.host}:{server.effective_port}\n")
    sys.stdout.flush()
    try:
        server.run()
    finally:
        jobs.shutdown(wait=True)
        turn.close()
        note.write(database)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)

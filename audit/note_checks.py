"""Checks of the checkpoints that others were given: a hub that shows two logs must sign two heads (section 6)."""

from typing import NamedTuple

from audit.findings import Check, Report
from audit.log import ReadLog
from audit.source import Source
from keys import b64u
from protocol import checkpoint
from protocol.enrol import Federation


class _Note(NamedTuple):
    """A head that the log's key signed, and where it was found."""

    file: str
    size: int
    root: bytes

    def evidence(self) -> dict[str, object]:
        return {"file": self.file, "size": self.size, "root": b64u.encode(self.root)}


def check_notes(source: Source, federation: Federation, log: ReadLog, root: bytes | None, report: Report) -> None:
    """Compare every note below checkpoints/, which nodes and witnesses collected, with the log and with each other.

    `root` is that of the log's own checkpoint. Where there are no notes the check is left out of the report.
    """
    check, notes = report.checks["checkpoints"], _read(source, federation, report.checks["checkpoints"])
    if not check.checked:
        del report.checks["checkpoints"]
        return
    own = None
    if root is not None and log.whole and log.root_at(log.size) == root:
        own = _Note("checkpoint", log.size, root)
    first = {} if own is None else {own.size: own}
    larger = 0
    for note in notes:
        same = first.setdefault(note.size, note)
        if same.root != note.root:
            _tell(same, note, check)
        elif own is None or note.size > own.size:
            check.unjudged += 1
            larger += own is not None
        elif log.root_at(note.size) != note.root:
            _tell(own, note, check, root_then=b64u.encode(log.root_at(note.size)))
    if larger:
        report.warnings.append(f"{larger} checkpoints are of larger trees than this log: judge them by a newer export")


def _read(source: Source, federation: Federation, check: Check) -> list[_Note]:
    found = []
    for path in source.notes():
        with check.reading(path):
            raw = source.file(path, checkpoint.MAX_NOTE_BYTES)
            if raw is None:
                check.fail(path, "missing", "a checkpoint that was announced is not there")
                continue
            head = checkpoint.read(raw, federation.log_origin, federation.log_key).checkpoint
            found.append(_Note(path, head.size, head.root))
    return found


def _tell(first: _Note, second: _Note, check: Check, **more: object) -> None:
    """Name sizes and roots of both: with the two files that is evidence against the log's key, whoever reads it."""
    detail = "two checkpoints that the log's key signed contradict each other: its hub showed two logs"
    check.fail(second.file, "tree", detail, first=first.evidence(), second=second.evidence(), **more)

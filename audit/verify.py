"""The audit: every check in turn over one source, offline once the files are there."""

from dataclasses import dataclass

from audit.custody_checks import check_all_seen, check_answers, check_custody, check_slots
from audit.directory_checks import check_directories
from audit.entry_checks import check_all_given, check_entries, check_kinds
from audit.equivocation_checks import check_equivocation
from audit.findings import Report
from audit.link_checks import check_links
from audit.log_checks import Progress, check_checkpoint, check_remembered, check_tiles, read_log
from audit.note_checks import check_notes
from audit.record import Record
from audit.ruling_checks import check_rulings
from audit.source import Source
from keys import b64u
from protocol.enrol import Federation


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is told besides its source."""

    #: The trust anchors.
    federation: Federation
    #: The note that an earlier run kept.
    remembered: bytes | None = None
    #: Whether every entry must be there.
    need_all: bool = False


@dataclass(frozen=True, slots=True)
class Audited:
    """What came of a run: the report, and the verified note to remember (None if there is none)."""

    report: Report
    note: str | None


def no_progress(step: str, done: int, total: int) -> None:
    """Show nothing."""
    del step, done, total


def verify(source: Source, options: Options, progress: Progress = no_progress) -> Audited:
    """Run all checks; every failure is in the report. Raises SourceError if the source gives nothing at all."""
    report = Report(source.name)
    checks, federation = report.checks, options.federation
    note, size, root = check_checkpoint(source, federation, checks["checkpoint"])
    log = read_log(source, size, root, checks["leaves"], progress)
    check_tiles(source, log, report, progress)
    if options.remembered is None:
        del checks["remembered"]
    else:
        check_remembered(options.remembered, federation, log, checks["remembered"])
    check_notes(source, federation, log, root, report)
    history = check_directories(source, log, federation, checks["directory"])
    entries = check_entries(source, log, history, checks["entries"], progress)
    record = Record(log, history, entries)
    if options.need_all:
        check_all_given(record, checks["entries"])
    progress("links and custody", 0, 1)
    check_links(record, checks["links"])
    check_equivocation(source, record, report)
    check_kinds(record, checks["kinds"])
    check_slots(record, checks["slots"])
    offers = check_answers(record, checks["answers"])
    check_all_seen(record, checks["seen"])
    check_custody(record, offers, checks["custody"])
    check_rulings(record, offers, checks["rulings"])
    report.facts = {
        "hub": federation.hub,
        "log": federation.log_origin,
        "root_of_trust": federation.root_fingerprint,
        "size": size,
        "root": None if root is None else b64u.encode(root),
        "directories": len(history.versions),
        "entries": len(entries),
        "unseen": len(record.unseen),
    }
    if record.unseen and not options.need_all:
        report.warnings.append(
            f"{len(record.unseen)} entries were not given or not proven: what they say was not judged (--all insists)"
        )
    return Audited(report, note)

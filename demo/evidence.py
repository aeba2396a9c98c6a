"""What the demo shows at its end: the files hold no word of a report, and an auditor can verify it all offline."""

import secrets
import tempfile
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from demo.complaints import Report
from demo.federation import Federation
from demo.offices import HUB
from demo.processes import run
from demo.screen import Screen
from demo.search import Search, needles_of, search_folder
from demo.walk import StoryError, Walk

#: The member whose word on the federation's keys the audit starts from.
AUDITED_BY: Final = "kemnaker"
_SHOWN_FINDS: Final = 5
_NOISE_BYTES: Final = 2_000


def search_of(walks: Iterable[Walk]) -> Search:
    """Return a search for every field of every identity and every piece of every text."""
    needles: dict[str, str] = {}
    for walk in walks:
        report = walk.story.report
        needles |= needles_of(walk.number, report.identity.fields, report.text)
    return Search(needles)


def show_search(screen: Screen, federation: Federation, walks: Iterable[Walk]) -> None:
    """Search the hub's and every node's whole directory; raise StoryError if anything is found."""
    walked = list(walks)
    search = search_of(walked)
    screen.say(
        f"    {search.forms_count} bentuk dicari (byte forms searched for): apa adanya, base64, hex, URL, UTF-16"
    )
    rows, problems = [], []
    for party in (HUB, *federation.nodes):
        searched = search_folder(search, federation.data / party)
        rows.append((party, str(searched.files), f"{searched.bytes / 1e6:.1f} MB", str(len(searched.found))))
        problems += [f"{party}/{each.where}: {each.needle} ({each.form})" for each in searched.found]
    screen.table(("folder", "berkas", "ukuran", "ditemukan (found)"), rows)
    if problems:
        raise StoryError("found in the files: " + "; ".join(problems[:_SHOWN_FINDS]))


def show_control(screen: Screen, walks: Iterable[Walk]) -> None:
    """Show that the search finds what is there: of every report a field as base64, and the text in the clear."""
    walked = list(walks)
    with tempfile.TemporaryDirectory(prefix="simpul-tanam-") as folder:
        (Path(folder) / "umpan.bin").write_bytes(b"".join(_bait(walk.story.report) for walk in walked))
        found = search_folder(search_of(walked), Path(folder)).found
    for form in ("plain", "base64"):
        caught = {each.needle.partition(":")[0] for each in found if each.form.startswith(form)}
        missed = {walk.number for walk in walked} - caught
        if missed:
            raise StoryError(f"the search does not find what was planted as {form}: {len(missed)} reports")
    screen.say(
        f"    umpan dari {len(walked)} laporan ditanam di berkas lain, dan semuanya ditemukan "
        "(a piece of each report planted elsewhere, and all found)"
    )


def _bait(report: Report) -> bytes:
    """Return noise around a report's longest field, or text, as base64, and around its text as it is."""
    hidden = b64encode(b"?" + max(report.identity.fields, key=len, default=report.text).encode())
    noise = secrets.token_bytes
    return noise(_NOISE_BYTES) + hidden + noise(_NOISE_BYTES) + report.text.encode() + noise(_NOISE_BYTES)


def show_audit(screen: Screen, federation: Federation) -> None:
    """Export as the hub does for an auditor, and verify offline; raise ProcessError if a check fails.

    The keys to trust are those that a member was told when it joined, not those that the export brings along.
    """
    folder = federation.data / "audit"
    screen.say(f"    simpul-hub export --entries: {federation.export(folder).strip()}")
    told = federation.data / AUDITED_BY / "federation.json"
    screen.say(f"    simpul-audit verify {folder} --all --federation {told}")
    for line in run("audit", "verify", folder, "--all", "--federation", told).splitlines():
        screen.say(f"      {line}")

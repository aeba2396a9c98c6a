"""The report as a table for a person and as JSON for a program."""

import json
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from audit.findings import Report

_RESULT: Final = {True: ("ok", "green"), False: ("FAILED", "bold red")}


def as_json(report: Report) -> str:
    """Return one JSON object: `{"checks":[…],"facts":{…},"failures":0,"ok":true,"source":…,"warnings":[…]}`."""
    value = {
        "ok": report.failures == 0,
        "failures": report.failures,
        "source": report.source,
        "facts": report.facts,
        "warnings": report.warnings,
        "checks": [
            {
                "name": check.name,
                "section": check.section,
                "title": check.title,
                "checked": check.checked,
                "unjudged": check.unjudged,
                "findings": [
                    {"file": found.file, "rule": found.rule, "detail": found.detail, "expected": dict(found.expected)}
                    for found in check.findings
                ],
            }
            for check in report.checks.values()
        ],
    }
    # Escaped, so that a hostile file name does nothing to the terminal or to a line reader.
    return json.dumps(value, indent=2, ensure_ascii=True)


def show(report: Report, console: Console) -> None:
    """Print the checks, every failure, the warnings, and `OK` or `FAILED n`."""
    console.print(Text(f"{_plain(report.source)}: {_facts(report)}"))
    table = Table(title_justify="left", expand=False)
    for name, justify in (
        ("check", "left"),
        ("§", "left"),
        ("what", "left"),
        ("looked at", "right"),
        ("result", "left"),
    ):
        table.add_column(name, justify="right" if justify == "right" else "left")
    for check in report.checks.values():
        word, style = _RESULT[not check.findings]
        result = f"{word} {len(check.findings)}" if check.findings else word
        if check.unjudged:
            result += f", {check.unjudged} not judged"
        table.add_row(check.name, check.section, check.title, f"{check.checked:,}", Text(result, style=style))
    console.print(table)
    for check in report.checks.values():
        for found in check.findings:
            console.print(Text.assemble(("✗ ", "red"), (f"{check.name} ", "bold"), _plain(found.file)), soft_wrap=True)
            console.print(Text(f"  {found.rule}: {_plain(found.detail)}{_expected(found.expected)}"), soft_wrap=True)
    for warning in report.warnings:
        console.print(Text(f"! {_plain(warning)}", style="yellow"), soft_wrap=True)
    console.print(Text("OK", "bold green") if not report.failures else Text(f"FAILED {report.failures}", "bold red"))


def _facts(report: Report) -> str:
    facts = report.facts
    return (
        f"log {facts['log']} with {facts['size']:,} leaves, {facts['directories']} versions of the directory, "
        f"{facts['entries']:,} entries"
    )


def _expected(expected: object) -> str:
    return f" (expected {_plain(json.dumps(expected, ensure_ascii=True))})" if expected else ""


def _plain(text: str) -> str:
    """Replace what is not printable: names of files in a folder from elsewhere may hold terminal codes."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)

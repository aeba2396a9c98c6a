"""What an audit finds: named checks, what each looked at, and every failure with its file, rule and expectation."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from audit.errors import UnreadableFileError
from protocol.errors import RULES, RemoteError

#: Rules of the audit itself, beside those of the protocol.
OWN_RULES: Final = {
    "missing": "A published file or an entry is not there",
    "unreadable": "A published file cannot be read",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One failure: `{"detail":…,"expected":{…},"file":…,"rule":…}`; `rule` is a protocol rule or one of OWN_RULES."""

    file: str
    rule: str
    detail: str
    expected: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Check:
    """One check: how many things it looked at, how many it could not judge for want of evidence, what failed."""

    name: str
    section: str
    title: str
    checked: int = 0
    unjudged: int = 0
    findings: list[Finding] = field(default_factory=list)

    def fail(self, file: str, rule: str, detail: str, **expected: object) -> None:
        """Add a failure. `detail` quotes nothing that came from the file."""
        if rule not in RULES and rule not in OWN_RULES:
            raise KeyError(rule)
        self.findings.append(Finding(file, rule, detail, expected))

    @contextmanager
    def reading(self, file: str) -> Iterator[None]:
        """Count one thing, and turn an error of reading or of the protocol into a failure that names the file."""
        self.checked += 1
        try:
            yield
        except RemoteError as error:
            self.findings.append(Finding(file, error.rule.name, error.detail, error.expected))
        except UnreadableFileError as error:
            self.fail(file, "unreadable", str(error))


#: (name, section of docs/protocol.md, title), in the order in which they run and are shown.
_CHECKS: Final = (
    ("checkpoint", "6", "The checkpoint is signed by the log's key"),
    ("leaves", "6", "Every leaf is there and canonical, and all together give the signed root"),
    ("tiles", "6", "Every published tile is the one that the leaves give"),
    ("remembered", "6", "The log extends the one that was seen before"),
    ("checkpoints", "6", "No checkpoint that others were given contradicts the log or another one"),
    (
        "directory",
        "7",
        "Every root follows the last, every version is the registrar's, stands in the log, takes nothing back",
    ),
    ("entries", "4", "Every entry is signed by a key of its sender in force then, and is its leaf's"),
    ("links", "4", "Every link counts 1, 2, 3 … without fork; receipts and incarnations fit"),
    ("equivocation", "4", "Nobody signed a second text for a position that it had used"),
    ("kinds", "4", "Every kind goes from whom to whom it may, sealed to keys in force"),
    ("slots", "8", "Every slot was won once"),
    ("answers", "8", "Every answer fits its offer"),
    ("seen", "8", "What every maker had read is this log"),
    ("custody", "8", "One holder at a time: who offers holds, and grants follow won accepts"),
    ("rulings", "8", "Rulings are triage's, answer an ask, and are obeyed"),
)


@dataclass(slots=True)
class Report:
    """All checks of one run. `warnings` are for a person to weigh; they fail nothing."""

    source: str
    checks: dict[str, Check] = field(default_factory=lambda: {row[0]: Check(*row) for row in _CHECKS})
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)

    @property
    def failures(self) -> int:
        """How many findings all checks have together."""
        return sum(len(check.findings) for check in self.checks.values())

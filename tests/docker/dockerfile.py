"""Reads docker/Dockerfile as a builder does, so that tests check and run its own lines and no copy of them."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Final, Self

from house.screen import ROOT

DOCKERFILE: Final = ROOT / "docker" / "Dockerfile"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its continued lines joined: `name` in capitals, and the rest."""

    name: str
    rest: str

    @property
    def flags(self) -> dict[str, str]:
        """The `--name=value` words that stand before anything else."""
        words = iter(self.rest.split())
        found = {}
        for word in words:
            if not word.startswith("--"):
                break
            name, _, value = word[2:].partition("=")
            found[name] = value
        return found

    @property
    def body(self) -> str:
        """What follows the flags."""
        return re.sub(r"^(--\S+\s+)*", "", self.rest)


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: its name, what it stands on as written, and its instructions, those of a stage below it first."""

    name: str
    base: str
    instructions: tuple[Instruction, ...]

    def every(self, name: str) -> tuple[Instruction, ...]:
        """All instructions of one name."""
        return tuple(each for each in self.instructions if each.name == name)

    def last(self, name: str) -> str:
        """The body of the last one of a name: the one that counts."""
        return self.every(name)[-1].body

    def command(self, name: str) -> list[str]:
        """ENTRYPOINT, CMD or HEALTHCHECK in exec form; raises JSONDecodeError for the shell form."""
        argv: list[str] = json.loads(self.last(name).removeprefix("CMD "))
        return argv

    def environment(self, **given: str) -> dict[str, str]:
        """What ENV sets, on top of what is given."""
        found = dict(given)
        for each in self.every("ENV"):
            pairs = [word.partition("=") for word in shlex.split(each.body)]
            # What a name stood for before the whole instruction is what its values see.
            found |= {name: Template(value).substitute(found) for name, _, value in pairs}
        return found


def read_stages(path: Path = DOCKERFILE) -> dict[str, Stage]:
    """Return the stages by name. What stands before the first FROM is left out."""
    stages: dict[str, Stage] = {}
    opened: _Open | None = None
    for each in _instructions(path.read_text()):
        if each.name == "FROM":
            if opened is not None:
                stages[opened.name] = opened.close(stages)
            opened = _Open.of(each)
        elif opened is not None:
            opened.instructions.append(each)
    assert opened is not None
    stages[opened.name] = opened.close(stages)
    return stages


@dataclass(slots=True)
class _Open:
    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)

    @classmethod
    def of(cls, start: Instruction) -> Self:
        base, _as, name = start.body.split()
        return cls(name, base)

    def close(self, stages: dict[str, Stage]) -> Stage:
        below = stages[self.base].instructions if self.base in stages else ()
        base = stages[self.base].base if self.base in stages else self.base
        return Stage(self.name, base, (*below, *self.instructions))


def _instructions(text: str) -> Iterator[Instruction]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        name, rest = line.split(maxsplit=1)
        yield Instruction(name.upper(), rest)

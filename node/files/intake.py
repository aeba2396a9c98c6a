"""What may be attached to a report: how many, how large, of which kinds; and what a file is called afterwards."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from node.files.kinds import Kind, kind_of
from protocol.attachment import MAX_FILES

__all__ = ["MAX_CASE_BYTES", "MAX_FILES", "Accepted", "Flaw", "FlawsError", "accept", "name_of"]

#: Of all files of a report together; people are told "20 MB".
MAX_CASE_BYTES: Final = 20 * 1024 * 1024
_MAX_NAME_CHARS: Final = 100
_NAMELESS: Final = "lampiran"
#: Not only what the protocol forbids in names: also what a file system or a shell takes for something else.
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"|?*\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]')


class Flaw(StrEnum):
    """What is wrong with an attachment."""

    TOO_MANY = "too-many"
    TOO_LARGE = "too-large"
    EMPTY = "empty"
    KIND = "kind"


class FlawsError(Exception):
    """Attachments that cannot be taken: place → what is wrong with it; None stands for all of them together."""

    def __init__(self, flaws: dict[int | None, Flaw]) -> None:
        super().__init__("attachments that cannot be taken")
        self.flaws: Final = flaws


@dataclass(frozen=True, slots=True, repr=False)
class Accepted:
    """A file that may be stored: named and typed by this node, whatever its sender called it. In memory only."""

    name: str
    type: str
    content: bytes

    def __repr__(self) -> str:
        return f"Accepted({self.type}, {len(self.content)} bytes)"


def accept(files: Sequence[tuple[str, bytes]]) -> tuple[Accepted, ...]:
    """Return what is to be stored of (name, content); raise FlawsError with everything that is wrong."""
    if len(files) > MAX_FILES:
        raise FlawsError({None: Flaw.TOO_MANY})
    flaws: dict[int | None, Flaw] = {}
    accepted: list[Accepted] = []
    for place, (name, content) in enumerate(files):
        kind = kind_of(content)
        if kind is None:
            flaws[place] = Flaw.KIND if content else Flaw.EMPTY
        else:
            accepted.append(Accepted(name_of(name, kind), kind.type, content))
    if sum(len(content) for _, content in files) > MAX_CASE_BYTES:
        flaws[None] = Flaw.TOO_LARGE
    if flaws:
        raise FlawsError(flaws)
    return tuple(accepted)


def name_of(given: str, kind: Kind) -> str:
    """Return a name that is safe on every system and ends as such files do."""
    last = unicodedata.normalize("NFC", given).replace("\\", "/").rpartition("/")[2]
    plain = _FORBIDDEN.sub("", last).strip(" .")
    fits = plain.lower().endswith(kind.endings)
    ending = "" if fits else kind.endings[0]
    stem = plain if fits else plain or _NAMELESS
    if len(stem) + len(ending) > _MAX_NAME_CHARS:
        kept = stem[-stem[::-1].index(".") - 1 :] if fits else ending
        return f"{stem[: _MAX_NAME_CHARS - len(kept)].rstrip(' .')}{kept}"
    return f"{stem}{ending}"

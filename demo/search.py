"""Searching files byte by byte for what must not be in them, in every form in which it could have been written.

A needle is looked for as it is and as base64 (all three alignments, both alphabets), hex, URL-encoded, UTF-16 in both
byte orders, and as JSON and HTML escape it. A long text is cut into pieces, so that a leak of a part of it is found as
well. Compressed or encrypted copies are beyond any search; keeping keys away is what protects against the latter.
"""

import base64
import html
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus

#: Three times this many characters of a text, wherever they begin, hold at least one whole piece.
PIECE_CHARACTERS: Final = 20
#: Shorter needles would be found by chance: eight characters of base64 stand for 48 random bits.
MIN_NEEDLE_BYTES: Final = 8
_GRAM: Final = 5
_STRIDE: Final = MIN_NEEDLE_BYTES - _GRAM + 1


class NeedleError(Exception):
    """A needle that is too short to be told from chance."""


@dataclass(frozen=True, slots=True)
class Found:
    """A needle that was found: the name of the needle, the form, the file (or any name of the bytes), the position."""

    needle: str
    form: str
    where: str
    position: int


def pieces(text: str) -> list[str]:
    """Cut a text into pieces of 20 to 39 characters; a text of fewer is one piece."""
    count = max(1, len(text) // PIECE_CHARACTERS)
    cuts = [at * PIECE_CHARACTERS for at in range(count)] + [len(text)]
    return [text[start:end] for start, end in pairwise(cuts)]


def forms(needle: str) -> dict[bytes, str]:
    """Return every byte string that would betray the needle, with the name of its form."""
    raw = needle.encode()
    if len(raw) < MIN_NEEDLE_BYTES:
        raise NeedleError(f"{len(raw)} bytes are too few to be told from chance")
    found = {raw: "plain"}
    for shift in range(3):
        core = _base64_core(raw, shift)
        found.setdefault(core, f"base64, shifted by {shift}")
        found.setdefault(core.translate(bytes.maketrans(b"+/", b"-_")), f"base64url, shifted by {shift}")
    found.setdefault(raw.hex().encode(), "hex")
    found.setdefault(raw.hex().upper().encode(), "HEX")
    for safe in ("", "/"):
        for encoded in (quote(needle, safe=safe), quote_plus(needle, safe=safe)):
            found.setdefault(encoded.encode(), "URL-encoded")
            found.setdefault(_lower_escapes(encoded).encode(), "URL-encoded")
    found.setdefault(needle.encode("utf-16-le"), "UTF-16LE")
    found.setdefault(needle.encode("utf-16-be"), "UTF-16BE")
    for spelled in (json.dumps(needle), json.dumps(needle, ensure_ascii=False)):
        found.setdefault(spelled[1:-1].encode(), "JSON")
    found.setdefault(html.escape(needle).encode(), "HTML")
    return found


def _base64_core(raw: bytes, shift: int) -> bytes:
    """Return the characters that the needle alone decides when it stands `shift` bytes into a group of three."""
    encoded = base64.b64encode(bytes(shift) + raw)
    start = -(-shift * 8 // 6)
    whole = (shift + len(raw)) * 8 // 6
    return encoded[start:whole]


def _lower_escapes(text: str) -> str:
    head, *escaped = text.split("%")
    return "%".join([head, *(each[:2].lower() + each[2:] for each in escaped)])


class Search:
    """A search for many needles at once: one pass over the bytes, however many needles there are."""

    def __init__(self, needles: Mapping[str, str]) -> None:
        """`needles` maps a name to show (never the needle itself) to what is looked for."""
        self._wanted: Final[dict[bytes, tuple[str, str]]] = {}
        for name, needle in needles.items():
            for raw, form in forms(needle).items():
                self._wanted.setdefault(raw, (name, form))
        # Every form holds at least one of its grams at a position that the stride does not pass over.
        self._grams: Final[defaultdict[bytes, list[tuple[int, bytes]]]] = defaultdict(list)
        for raw in self._wanted:
            for offset in range(_STRIDE):
                self._grams[raw[offset : offset + _GRAM]].append((offset, raw))

    @property
    def forms_count(self) -> int:
        """How many byte strings are looked for."""
        return len(self._wanted)

    def data(self, where: str, content: bytes) -> Iterator[Found]:
        """Yield what is found in some bytes; `where` names them. Every form is told at most once."""
        told: set[bytes] = set()
        grams = self._grams
        for position in range(0, max(0, len(content) - _GRAM + 1), _STRIDE):
            candidates = grams.get(content[position : position + _GRAM])
            for offset, raw in candidates or ():
                start = position - offset
                if raw not in told and start >= 0 and content.startswith(raw, start):
                    told.add(raw)
                    yield Found(*self._wanted[raw], where, start)

    def file(self, path: Path, shown_as: str | None = None) -> Iterator[Found]:
        """Yield what is found in a file; one that is deleted while we come is passed over."""
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return
        yield from self.data(shown_as or str(path), content)


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search of a folder went through, and what it found."""

    files: int
    bytes: int
    found: tuple[Found, ...]


def search_folder(search: Search, folder: Path) -> Searched:
    """Search every file below a folder, and every file's name."""
    files = bytes_ = 0
    found: list[Found] = []
    for path in sorted(each for each in folder.rglob("*") if each.is_file() and not each.is_symlink()):
        name = str(path.relative_to(folder))
        files += 1
        bytes_ += path.stat().st_size
        found += search.data(f"the name of {name}", name.encode())
        found += search.file(path, name)
    return Searched(files, bytes_, tuple(found))


def needles_of(name: str, identity: Iterable[str], text: str) -> dict[str, str]:
    """Return the needles of one report: each field of the identity, as typed and without blanks, and the text's pieces.

    Too short ones are left out; `name` begins the name of each needle.
    """
    found: dict[str, str] = {}
    for at, field in enumerate(identity):
        found[f"{name}: identity {at + 1}"] = field
        found[f"{name}: identity {at + 1}, no blanks"] = "".join(field.split())
    found |= {f"{name}: text {at + 1}": piece for at, piece in enumerate(pieces(text))}
    return {named: needle for named, needle in found.items() if len(needle.encode()) >= MIN_NEEDLE_BYTES}

"""What a file is, told by its content alone: a closed list of what phones and offices make, and nothing that runs.

The list is short and every entry exact, so it needs no library that knows a thousand kinds and guesses among them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """A content type, the endings that names of such files have (the usual one first), and how to tell it."""

    type: str
    endings: tuple[str, ...]
    tells: Callable[[bytes], bool]


#: What is looked at; enough for every kind below.
HEAD_BYTES: Final = 64
_HEIF_BRANDS: Final = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})
_M4A_BRANDS: Final = frozenset({b"M4A ", b"M4B "})
_MP4_BRANDS: Final = frozenset(
    {
        b"isom",
        b"iso2",
        b"iso4",
        b"iso5",
        b"iso6",
        b"mp41",
        b"mp42",
        b"avc1",
        b"M4V ",
        b"MSNV",
        b"3gp4",
        b"3gp5",
        b"3gp6",
    }
)
_MPEG_SYNC: Final = 0xFFE0
_MPEG_LAYER_3: Final = 1
_RESERVED: Final = 1


def kind_of(content: bytes) -> Kind | None:
    """Return the kind of a file by its first bytes; None for every other one."""
    head = content[:HEAD_BYTES]
    return next((kind for kind in KINDS if kind.tells(head)), None)


def _begins(*beginnings: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(beginnings)


def _riff(form: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[:4] == b"RIFF" and head[8:12] == form


def _brand(brands: frozenset[bytes]) -> Callable[[bytes], bool]:
    """Tell an ISO base media file (ISO/IEC 14496-12) by its major brand."""
    return lambda head: head[4:8] == b"ftyp" and head[8:12] in brands


def _is_mp3(head: bytes) -> bool:
    """Tell MPEG audio, layer III, by a tag (ID3v2) or by a frame's header (ISO/IEC 11172-3 section 2.4.1.3)."""
    if head[:3] == b"ID3":
        return True
    if len(head) < 4:  # noqa: PLR2004  a frame's header
        return False
    word = int.from_bytes(head[:2], "big")
    version, layer = word >> 3 & 3, word >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    frame = word & _MPEG_SYNC == _MPEG_SYNC and version != _RESERVED and layer == _MPEG_LAYER_3
    return frame and bitrate not in {0, 15} and rate != 3  # noqa: PLR2004  free format, bad and reserved values


KINDS: Final = (
    Kind("image/jpeg", (".jpg", ".jpeg"), _begins(b"\xff\xd8\xff")),
    Kind("image/png", (".png",), _begins(b"\x89PNG\r\n\x1a\n")),
    Kind("image/webp", (".webp",), _riff(b"WEBP")),
    Kind("image/heic", (".heic", ".heif"), _brand(_HEIF_BRANDS)),
    Kind("application/pdf", (".pdf",), _begins(b"%PDF-")),
    Kind("audio/mp4", (".m4a",), _brand(_M4A_BRANDS)),
    Kind("video/mp4", (".mp4", ".m4v", ".3gp"), _brand(_MP4_BRANDS)),
    Kind("audio/ogg", (".ogg", ".oga", ".opus"), _begins(b"OggS")),
    Kind("audio/wav", (".wav",), _riff(b"WAVE")),
    Kind("audio/mpeg", (".mp3",), _is_mp3),
)
TYPES: Final = frozenset(kind.type for kind in KINDS)

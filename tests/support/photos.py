"""Files as phones and offices make them: the beginning that tells their kind, and bytes that nobody compresses."""

import base64
from typing import Any, Final

from tests.support.files import random_bytes

HEADS: Final = {
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    "image/png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "image/webp": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
    "image/heic": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
    "application/pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "audio/mp4": b"\x00\x00\x00\x20ftypM4A \x00\x00\x02\x00",
    "video/mp4": b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00",
    "audio/ogg": b"OggS\x00\x02\x00\x00",
    "audio/wav": b"RIFF\x24\x08\x00\x00WAVEfmt ",
    "audio/mpeg": b"ID3\x04\x00\x00\x00\x00\x00\x23",
}


def photo(size: int, seed: int = 1, content_type: str = "image/jpeg") -> bytes:
    """A file of `size` bytes of a kind."""
    head = HEADS[content_type]
    return head + random_bytes(size - len(head), seed)


def attached(content: bytes, name: str = "foto.jpg", **more: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    return {"name": name, "content": base64.b64encode(content).decode(), **more}

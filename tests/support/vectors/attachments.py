"""Vectors of attachments, made with the bare cipher and not with the code that reads them."""

from collections.abc import Sequence
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from keys import b64u
from keys.digest import sha256
from tests.support.federation import seed
from tests.support.vectors.form import SHORT, Json, write

KEY: Final = seed("attachment")
CONTENT: Final = b"Foto jalan rusak di depan SDN 2"
_CHUNK: Final = 65_536


def sealed(
    padded: bytes, *, key: bytes = KEY, last: Sequence[int] | None = None, counters: Sequence[int] = ()
) -> bytes:
    """A ciphertext of these padded bytes; `last` are the chunks marked so, `counters` the numbers of the chunks."""
    chunks = [padded[start : start + _CHUNK] for start in range(0, len(padded), _CHUNK)]
    marked = {len(chunks) - 1} if last is None else set(last)
    numbers = counters or range(len(chunks))
    cipher = ChaCha20Poly1305(key)
    return b"".join(
        cipher.encrypt(numbers[n].to_bytes(11, "big") + bytes([n in marked]), chunk, None)
        for n, chunk in enumerate(chunks)
    )


def told(ciphertext: bytes, size: int, /, **changes: Any) -> Json:  # noqa: ANN401  a test changes any member to anything
    """What a seal tells of it."""
    found = {
        "id": b64u.encode(sha256(ciphertext)),
        "key": b64u.encode(KEY),
        "len": len(ciphertext),
        "name": "foto.jpg",
        "size": size,
        "type": "image/jpeg",
    }
    return {name: value for name, value in (found | changes).items() if value is not ...}


def attachment_vectors() -> None:
    """Sizes, what a seal tells, and ciphertexts that were made otherwise or touched."""
    _sizes()
    _told()
    padded = CONTENT.ljust(1_024, b"\0")
    good = sealed(padded)
    flaws: list[tuple[str, bytes, str]] = [
        ("as it should be", good, "ok"),
        ("the first byte differs", bytes([good[0] ^ 1]) + good[1:], "seal"),
        ("the last byte differs", good[:-1] + bytes([good[-1] ^ 1]), "seal"),
        ("the last byte is missing", good[:-1], "seal"),
        ("a byte too many", good + b"\0", "seal"),
        ("the same chunk twice", good * 2, "seal"),
        ("nothing", b"", "seal"),
        ("shorter than a tag", good[:15], "seal"),
        ("under another key", sealed(padded, key=seed("other")), "seal"),
        ("the only chunk is not marked as the last", sealed(padded, last=()), "seal"),
        ("counted from 1 on", sealed(padded, counters=(1,)), "seal"),
        ("not padded", sealed(CONTENT), "seal"),
        ("padded to the next size", sealed(CONTENT.ljust(2_048, b"\0")), "seal"),
        ("a byte in the padding", sealed(padded[:-1] + b"\1"), "seal"),
        ("a byte right behind the file", sealed(CONTENT + b"\1" + padded[len(CONTENT) + 1 :]), "seal"),
    ]
    vectors = [
        {
            "name": name,
            "told": told(raw if outcome == "ok" else good, len(CONTENT)) | {"id": b64u.encode(sha256(raw))},
            "ciphertext": b64u.encode(raw),
            "outcome": outcome,
        }
        for name, raw, outcome in flaws
    ]
    vectors.append(
        {"name": "another part's id", "told": told(good, len(CONTENT), id=b64u.encode(seed("x"))),
         "ciphertext": b64u.encode(good), "outcome": "part-id"}
    )  # fmt: skip
    source = "Section 3: each ciphertext is decrypted as the attachment that is told."
    write("attachment/ciphertexts.json", source, vectors, content=b64u.encode(CONTENT))


def _sizes() -> None:
    edges = [0, 1, 1_024, 1_025, 2_048, 2_049, 32_769, 65_536, 65_537, 131_072, 131_073, 20_971_520, 33_554_432]
    vectors: list[Json] = []
    for size in edges:
        padded = 1_024
        while padded < size:
            padded *= 2
        length = padded + 16 * max(1, padded // _CHUNK)
        vectors.append({"name": f"{size} bytes", "size": size, "len": length, "outcome": "ok"})
    vectors += [{"name": f"{size} bytes", "size": size, "outcome": "local"} for size in (-1, 33_554_433)]
    write("attachment/sizes.json", "Section 3: the ciphertext's length of a file of so many bytes.", vectors)


def _told() -> None:
    good = sealed(CONTENT.ljust(1_024, b"\0"))
    size = len(CONTENT)
    rows: list[tuple[str, Json, str]] = [
        ("as it should be", told(good, size), "ok"),
        ("a file of no bytes", told(good, 0), "ok"),
        ("a name in another script", told(good, size, name="Фото 写真 صورة.jpg"), "ok"),
        ("a name of 200 characters", told(good, size, name="n" * 200), "ok"),
        ("a name of 201 characters", told(good, size, name="n" * 201), "members"),
        ("no name", told(good, size, name=""), "members"),
        ("a path as a name", told(good, size, name="../../etc/passwd"), "members"),
        ("a path of Windows as a name", told(good, size, name="..\\boot.ini"), "members"),
        ("a name with a line end", told(good, size, name="foto.jpg\r\nX-Evil: 1"), "members"),
        ("a name with a null character", told(good, size, name="foto.jpg\0.exe"), "members"),
        ("a name that turns the direction of writing", told(good, size, name="foto\u202egpj.exe"), "members"),
        ("a name that is no text", told(good, size, name=7), "members"),
        ("a type with a parameter", told(good, size, type="text/html; charset=utf-8"), "members"),
        ("a type in capitals", told(good, size, type="Image/JPEG"), "members"),
        ("a type without a part", told(good, size, type="image/"), "members"),
        ("a type of 101 characters", told(good, size, type="image/" + "x" * 95), "members"),
        ("a size that is another length's", told(good, 1_025), "part-form"),
        ("a length that is another size's", told(good, size, len=2_064), "part-form"),
        ("a negative size", told(good, -1), "members"),
        ("a size over the limit", told(good, 33_554_433), "members"),
        ("a size that is true", told(good, size, size=True), "members"),
        ("a length as text", told(good, size, len="1040"), "part-form"),
        ("a key of 15 bytes", told(good, size, key=SHORT), "base64url"),
        ("an id of 15 bytes", told(good, size, id=SHORT), "base64url"),
        ("no key", told(good, size, key=...), "members"),
        ("an unknown member", told(good, size, path="/tmp/x"), "members"),
    ]
    vectors: list[Json] = [{"name": name, "told": [wire], "outcome": outcome} for name, wire, outcome in rows]
    vectors += [
        {"name": "ten files", "told": [told(good, size)] * 10, "outcome": "ok"},
        {"name": "eleven files", "told": [told(good, size)] * 11, "outcome": "too-large"},
        {"name": "no file", "told": [], "outcome": "members"},
        {"name": "null", "told": None, "outcome": "members"},
    ]
    write("attachment/told.json", "Section 3: each value is read as the attachments of a seal.", vectors)

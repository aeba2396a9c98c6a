"""Vectors of padding and seals."""

import json

from keys import b64u
from keys.sealing import SealingKey
from protocol.directory import Use
from protocol.seal import PADDED_BYTES, SealContext, pad, seal
from tests.support.federation import made_id, sealing
from tests.support.vectors.form import Json, write


def seal_vectors() -> None:
    """Padding, names of parts, and seals that were moved or touched."""
    sizes = [("nothing", 0), ("one byte", 1), *((f"the most that {n} holds", n - 4) for n in PADDED_BYTES)]
    sizes += [(f"one byte more than {n} holds", n - 3) for n in PADDED_BYTES[:-1]]
    vectors: list[Json] = [
        {"name": name, "content_bytes": n, "padded_bytes": next(p for p in PADDED_BYTES if n + 4 <= p), "outcome": "ok"}
        for name, n in sizes
    ]
    vectors.append({"name": "one byte more than a seal holds", "content_bytes": 65_533, "outcome": "local"})
    write("seal/padding.json", "Section 3: content of so many bytes 'x' is padded, and unpadded again.", vectors)
    good = pad(b"abc")
    flaws = [
        ("as it should be", good.hex(), "ok"),
        ("nothing", "", "seal"),
        ("three bytes", "000000", "seal"),
        ("a length and nothing else", "00000000", "seal"),
        ("the length says one more", "00000004" + good[4:].hex(), "ok"),
        ("a byte in the padding", (good[:-1] + b"\1").hex(), "seal"),
        ("one zero too many", (good + b"\0").hex(), "seal"),
        ("one zero too few", good[:-1].hex(), "seal"),
        ("padded to the next size", (good + bytes(4_096 - 1_024)).hex(), "seal"),
        ("the largest length", "ffffffff" + good[4:].hex(), "seal"),
        ("a length over what is there", "00001000" + good[4:].hex(), "seal"),
    ]
    vectors = [{"name": name, "padded": text, "outcome": outcome} for name, text, outcome in flaws]
    write("seal/unpadding.json", "Section 3: bytes in hex that a seal held are unpadded.", vectors)
    _sealed_vectors()


def _sealed_vectors() -> None:
    key = sealing("kemnaker")
    context = SealContext("jabar", "kemnaker", made_id("entry"), made_id("entry"), key.public.kid, "case", 3)
    part = seal(b"Jalan rusak di Kabupaten Bandung.", key.public, context)
    wire = json.loads(context.info().partition(b"\0")[2])

    def vector(name: str, outcome: str, ciphertext: bytes = part.ciphertext, key: SealingKey = key) -> Json:
        return {
            "name": name,
            "seed": key.seed.hex(),
            "context": wire,
            "sealed": b64u.encode(ciphertext),
            "outcome": outcome,
        }

    raw = part.ciphertext
    unpadded = key.public.seal(b"no padding at all", context.info())
    vectors = [
        vector("as it should be", "ok"),
        *(
            {**vector(name, "seal"), "context": {**wire, member: value}}
            for name, member, value in (
                ("from another sender", "from", "jateng"),
                ("to another recipient", "to", "jateng"),
                ("in another entry", "id", made_id("other")),
                ("in another thread", "ref", made_id("other")),
                ("under another kid", "kid", sealing("jateng").public.kid),
                ("for another purpose", "purpose", "identity"),
                ("in another epoch", "epoch", 4),
            )
        ),
        vector("another key opens", "seal", key=sealing("jateng")),
        vector("the identity key of the same node opens", "seal", key=sealing("kemnaker", Use.IDENTITY)),
        vector("the first byte differs", "seal", bytes([raw[0] ^ 1]) + raw[1:]),
        vector("the last byte differs", "seal", raw[:-1] + bytes([raw[-1] ^ 1])),
        vector("a byte of the curve's share differs", "seal", raw[:1_100] + bytes([raw[1_100] ^ 1]) + raw[1_101:]),
        vector("the last byte is missing", "seal", raw[:-1]),
        vector("a byte too many", "seal", raw + b"\0"),
        vector("only the encapsulation", "seal", raw[:1_120]),
        vector("shorter than an encapsulation", "seal", raw[:1_000]),
        vector("nothing", "seal", b""),
        vector("sealed without padding", "seal", unpadded),
    ]
    write("seal/seals.json", "Section 3: each seal is opened with the key of seed in the context.", vectors)

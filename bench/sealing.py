"""Seals against the bare HPKE call over as many bytes, and bundles against the bare Ed25519 verifications."""

from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from bench.figures import Figure, paired
from keys.sealing import SealingKey
from keys.signing import SigningKey
from protocol import jws
from protocol.bundle import Bundle, Pull, Request, check_manifest_entries, read_bundle, read_request
from protocol.content import receipt_body
from protocol.entry import Entry, TreeHead, new_id, read_entry
from protocol.merkle import EMPTY_ROOT
from protocol.seal import SealContext, open_part, seal, unpad

_CONTENT = b"x" * 3_000  # one of 4,096 bytes when padded: a usual complaint
_SEALS = 100
_ENTRIES = 256
_BUNDLES = 4


def measure(_folder: Path) -> Iterator[Figure]:
    """Give the figures of sealing, opening and verifying a bundle."""
    yield from _seals()
    yield _bundle()


def _seals() -> Iterator[Figure]:
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    key = SealingKey.generate()
    context = SealContext("jabar", "kemnaker", new_id(), new_id(), key.public.kid, "case")
    part = seal(_CONTENT, key.public, context)
    info, padded = context.info(), key.open(part.ciphertext, context.info())
    if unpad(padded) != _CONTENT:
        raise AssertionError("the seal does not hold what was sealed")
    public, private = key.public._key, key._key  # noqa: SLF001  the bare call needs the library's own objects
    ours, bare = paired(
        lambda: seal(_CONTENT, key.public, context), lambda: suite.encrypt(padded, public, info), _SEALS
    )
    yield Figure("seal", 1 / ours, "seals/s", ours / bare, "time of a seal to the bare HPKE call; aim 1.3")
    ours, bare = paired(
        lambda: open_part(part.ciphertext, key, context),
        lambda: suite.decrypt(part.ciphertext, private, info),
        _SEALS,
    )
    yield Figure("open", 1 / ours, "seals/s", ours / bare, "time of opening to the bare HPKE call; aim 1.3")


def _bundle() -> Figure:
    node = SigningKey.generate()
    entries = [_receipt(seq).sign(node) for seq in range(1, _ENTRIES + 1)]
    pull, seen = Pull(0, 0, _ENTRIES), TreeHead(0, EMPTY_ROOT)
    request = Request("pusat", "jabar", 1, 1, tuple(each.digest for each in entries), pull, 0, seen)
    raw = Bundle(request.sign(node), tuple(each.raw for each in entries), {}).encode()
    bare_key = Ed25519PublicKey.from_public_bytes(node.public.raw)
    signed: list[tuple[bytes, bytes]] = []
    for text in (request.sign(node), *(each.raw for each in entries)):
        head, _, _ = text.rpartition(".")
        token = jws.read(text, jws.REQUEST if not signed else jws.ENTRY, max_bytes=262_144)
        signed.append((token.signature, head.encode("ascii")))

    def verify() -> None:
        bundle = read_bundle(raw)
        asked, token = read_request(bundle.manifest)
        token.verify(node.public)
        check_manifest_entries(asked.entries, bundle.entries)
        for text in bundle.entries:
            read_entry(text).verify(node.public)

    def bare() -> None:
        for signature, message in signed:
            bare_key.verify(signature, message)

    ours, reference = paired(verify, bare, _BUNDLES)
    what = f"time of reading and verifying a bundle of {_ENTRIES} entries to its bare Ed25519 verifications"
    return Figure("bundle_verify", _ENTRIES / ours, "entries/s", ours / reference, what)


def _receipt(seq: int) -> Entry:
    return Entry(
        id=new_id(),
        sender="jabar",
        recipient="kemnaker",
        seq=seq,
        inc=1,
        at=1_795_300_000,
        kind="receipt",
        ref=None,
        parts={},
        body=receipt_body(seq),
    )

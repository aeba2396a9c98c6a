"""Our seals and those of @hpke/core with X-Wing, which runs in a browser; its side writes context and padding itself.

The suite is 647a-0001-0002: MLKEM768-X25519, HKDF-SHA256, AES-256-GCM (docs/protocol.md sections 2 and 3).
"""

from dataclasses import replace
from typing import Any, Final

import pytest

from keys import b64u
from keys.sealing import SealingKey, SealingPublicKey
from protocol.errors import RemoteError
from protocol.party import REPORTER
from protocol.seal import MAX_CONTENT_BYTES, PADDED_BYTES, PURPOSES, SealContext, open_part, part_id, seal
from tests.oracles.asking import AskNode
from tests.support.federation import made_id, seed

_SUITE: Final = "647a-0001-0002"
_KEY: Final = SealingKey.from_seed(seed("kemnaker/case"))
#: Either side of every border between two padded sizes, and both ends.
_LENGTHS: Final = (0, 1, *(size - 4 + more for size in PADDED_BYTES[:-1] for more in (0, 1)), MAX_CONTENT_BYTES)


def context(**changes: str | int) -> SealContext:
    made = SealContext("jabar", "kemnaker", made_id("offer"), made_id("thread"), _KEY.public.kid, "case", 3)
    return replace(made, **changes)  # type: ignore[arg-type]  # a test names the members it changes


def named(of: SealContext) -> dict[str, str | int]:
    """The members of a context under the names of section 3, in no order: the other side puts them in theirs."""
    return {
        "to": of.recipient,
        "from": of.sender,
        "kid": of.kid,
        "id": of.id,
        "ref": of.ref,
        "purpose": of.purpose,
        "epoch": of.epoch,
    }


def opening(sealed: bytes, of: SealContext, key: SealingKey = _KEY) -> dict[str, Any]:
    """The question what a seal holds."""
    return {"op": "open", "seed": b64u.encode(key.seed), "context": named(of), "sealed": b64u.encode(sealed)}


def sealing_of(content: bytes, of: SealContext, key: SealingPublicKey = _KEY.public) -> dict[str, Any]:
    """The question for a seal."""
    return {"op": "seal", "public": b64u.encode(key.raw), "context": named(of), "content": b64u.encode(content)}


def text(length: int) -> bytes:
    """So many bytes of UTF-8 that are no pattern of zeros."""
    return ("Air PDAM mati tiga hari 🚱. ".encode() * (length // 20 + 1))[:length]


def test_one_seed_is_the_same_public_key_to_both(ask_node: AskNode) -> None:
    seeds = [bytes(32), b"\xff" * 32, *(seed(f"seed {n}") for n in range(6))]
    answers = ask_node("hpke", *({"op": "derive", "seed": b64u.encode(each)} for each in seeds))
    for each, found in zip(seeds, answers, strict=True):
        ours = SealingKey.from_seed(each).public
        assert found == {"seed": b64u.encode(each), "public": b64u.encode(ours.raw), "suite": _SUITE}


def test_a_key_that_was_made_in_a_browser_is_one_of_ours(ask_node: AskNode) -> None:
    """The citizen's side may make its own mailbox: its seed gives us its public key, and opens what we seal to it."""
    [made] = ask_node("hpke", {"op": "generate"})
    key = SealingKey.from_seed(b64u.decode(made["seed"]))
    assert b64u.encode(key.public.raw) == made["public"]
    to_reporter = context(recipient=REPORTER, kid=key.public.kid, purpose="reply", epoch=0)
    sealed = seal(b"Sudah diperbaiki.", SealingPublicKey(b64u.decode(made["public"])), to_reporter)
    [found] = ask_node("hpke", opening(sealed.ciphertext, to_reporter, key))
    assert b64u.decode(found["content"]) == b"Sudah diperbaiki."


@pytest.mark.parametrize("purpose", sorted(PURPOSES))
def test_a_browser_opens_our_seals(ask_node: AskNode, purpose: str) -> None:
    of = context(purpose=purpose)
    seals = [seal(text(length), _KEY.public, of) for length in _LENGTHS]
    answers = ask_node("hpke", *(opening(each.ciphertext, of) for each in seals))
    assert [b64u.decode(found["content"]) for found in answers] == [text(length) for length in _LENGTHS]
    # 1,120 bytes of encapsulation and 16 of tag around the padded content.
    assert [found["padded"] + 1136 for found in answers] == [each.name.len for each in seals]


@pytest.mark.parametrize("purpose", sorted(PURPOSES))
def test_we_open_the_seals_of_a_browser(ask_node: AskNode, purpose: str) -> None:
    of = context(purpose=purpose)
    answers = ask_node("hpke", *(sealing_of(text(length), of) for length in _LENGTHS))
    seals = [b64u.decode(found["sealed"]) for found in answers]
    assert [open_part(each, _KEY, of) for each in seals] == [text(length) for length in _LENGTHS]
    assert [len(each) for each in seals] == [seal(text(length), _KEY.public, of).name.len for length in _LENGTHS]
    assert len({part_id(each) for each in seals}) == len(seals)


_ELSEWHERE: Final[dict[str, dict[str, str | int]]] = {
    "from": {"sender": "jateng"},
    "to": {"recipient": "kemensos"},
    "id": {"id": made_id("another offer")},
    "ref": {"ref": made_id("another thread")},
    "kid": {"kid": b64u.encode(bytes(32))},
    "purpose": {"purpose": "identity"},
    "epoch": {"epoch": 4},
}


def test_a_seal_opens_in_its_own_place_only_whoever_made_it(ask_node: AskNode) -> None:
    """Each of the seven members binds: a seal with any one of them changed opens on neither side."""
    ours = seal(b"isi", _KEY.public, context())
    theirs = b64u.decode(ask_node("hpke", sealing_of(b"isi", context()))[0]["sealed"])
    assert _ELSEWHERE.keys() == named(context()).keys()
    questions = [opening(ours.ciphertext, context(**moved)) for moved in _ELSEWHERE.values()]
    assert ask_node("hpke", *questions) == [{"refused": "OpenError"}] * len(_ELSEWHERE)
    for moved in _ELSEWHERE.values():
        with pytest.raises(RemoteError, match="does not open"):
            open_part(theirs, _KEY, context(**moved))


def test_a_damaged_seal_and_another_key_open_nothing_on_either_side(ask_node: AskNode) -> None:
    ours = seal(b"isi", _KEY.public, context())
    theirs = b64u.decode(ask_node("hpke", sealing_of(b"isi", context()))[0]["sealed"])
    # In the ML-KEM ciphertext, in the X25519 share, in the content and in the tag.
    places = (0, 1_087, 1_088, 1_118, 1_120, -17, -1)
    damaged = [(bytes(_flipped(ours.ciphertext, at)), bytes(_flipped(theirs, at))) for at in places]
    another = SealingKey.from_seed(seed("kemnaker/identity"))
    questions = [opening(mine, context()) for mine, _ in damaged] + [opening(ours.ciphertext, context(), another)]
    assert ask_node("hpke", *questions) == [{"refused": "OpenError"}] * len(questions)
    for sealed, key in (*((yours, _KEY) for _, yours in damaged), (theirs, another)):
        with pytest.raises(RemoteError, match="does not open"):
            open_part(sealed, key, context())


def test_a_seal_that_is_padded_more_than_needed_is_refused_though_it_opens(ask_node: AskNode) -> None:
    """The size would be a channel of its own, and one content would have several forms."""
    [made] = ask_node("hpke", sealing_of(b"isi", context()) | {"size": 4_096})
    padded = b64u.decode(made["sealed"])
    assert len(_KEY.open(padded, context().info())) == 4_096
    with pytest.raises(RemoteError, match="padding"):
        open_part(padded, _KEY, context())
    assert ask_node("hpke", opening(padded, context())) == [{"refused": "RangeError"}]


def _flipped(sealed: bytes, at: int) -> bytearray:
    changed = bytearray(sealed)
    changed[at] ^= 1
    return changed

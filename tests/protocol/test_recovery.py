"""What a hub that was set back asks, and what members answer: one form each, and everything else refused by name."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from keys import b64u
from keys.digest import sha256
from keys.signing import SigningKey
from protocol import canonical, jws, recovery
from protocol.bundle import Conflict, Pull, Request, read_request
from protocol.canonical import JsonInput
from protocol.entry import TreeHead
from protocol.errors import LocalError, RemoteError
from protocol.recovery import GiveBack, Given, Recovering, Span
from protocol.seal import part_id
from tests.support.federation import HUB, made_id, seed, signing
from tests.support.outcome import outcome_of

HUB_KEY, NODE_KEY = signing(HUB), signing("jabar")
NOTICE = Recovering(
    hub=HUB,
    node="jabar",
    req=seed("request"),
    recovery=made_id("recovery"),
    serving=False,
    size=100,
    root=seed("root"),
    proven=110,
    target=120,
    entries=(Span(100, 104), Span(106, 107)),
    parts=(Span(105, 106),),
    upto=110,
)
MANIFEST = GiveBack(
    hub=HUB,
    node="jabar",
    at=1_795_300_000,
    recovery=made_id("recovery"),
    inc=2,
    ctr=9,
    req=seed("request"),
    checkpoint="pusat/log1\n",
    start=100,
    root=seed("root"),
    consistency=(seed("proof"),),
    after=110,
    done=False,
)
PART = b"ciphertext"


def given() -> Given:
    """Something of everything."""
    return Given((seed("leaf"), seed("next")), ("a.b.c",), {part_id(PART): PART}, (b"root",), (b"targets",), (b"file",))


def changed(token: str, key: SigningKey, typ: str, **changes: JsonInput) -> str:
    """The same statement with members changed, or "left out", signed again."""
    payload = jws.read(token, typ, max_bytes=262_144).payload
    assert isinstance(payload, dict)
    found = {**payload, **changes}
    return jws.sign(key, typ, {name: value for name, value in found.items() if value != "left out"})


def test_a_notice_is_read_as_it_was_signed() -> None:
    raw = NOTICE.sign(HUB_KEY)
    assert recovery.read_recovering(raw, HUB_KEY.public) == NOTICE
    assert outcome_of(lambda: recovery.read_recovering(raw, NODE_KEY.public)) == "unknown-key"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"v": 2}, "members"),
        ({"upto": "left out"}, "members"),
        ({"more": 1}, "members"),
        ({"serving": 0}, "members"),
        ({"size": -1}, "members"),
        ({"proven": 99}, "members"),
        ({"root": "AA"}, "base64url"),
        ({"entries": [[104, 104]]}, "members"),
        ({"entries": [[100, 104], [104, 106]]}, "members"),
        ({"entries": [[106, 107], [100, 104]]}, "members"),
        ({"entries": [[100]]}, "members"),
        ({"entries": [[2 * n, 2 * n + 1] for n in range(257)]}, "too-large"),
        ({"recovery": "AA"}, "base64url"),
    ],
)
def test_a_notice_of_another_form_is_refused(changes: dict[str, Any], rule: str) -> None:
    raw = changed(NOTICE.sign(HUB_KEY), HUB_KEY, jws.ANSWER, **changes)
    assert outcome_of(lambda: recovery.read_recovering(raw, HUB_KEY.public)) == rule


def test_no_other_answer_of_the_hub_passes_as_a_notice() -> None:
    conflict = Conflict(HUB, "jabar", seed("request"), 1, 1, None).sign(HUB_KEY)
    assert outcome_of(lambda: recovery.read_recovering(conflict, HUB_KEY.public)) == "members"


def test_a_piece_is_read_as_it_was_made() -> None:
    raw = recovery.encode_piece(MANIFEST.sign(given(), NODE_KEY), given())
    manifest, token, found = recovery.read_piece(raw)
    token.verify(NODE_KEY.public)
    assert (manifest, found) == (MANIFEST, given())


def test_a_member_that_has_read_nothing_says_so() -> None:
    nothing = replace(MANIFEST, checkpoint=None, req=None, ctr=0, start=0, consistency=(), done=True)
    manifest, _, found = recovery.read_piece(recovery.encode_piece(nothing.sign(Given(), NODE_KEY), Given()))
    assert (manifest, found) == (nothing, Given())


Meddling = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("meddle", "rule"),
    [
        pytest.param(lambda body: body.update(entries=[]), "manifest", id="an entry left out"),
        pytest.param(lambda body: body.update(entries=[*body["entries"], "x.y.z"]), "manifest", id="an entry more"),
        pytest.param(
            lambda body: body.update(hashes=b64u.encode(seed("a") + seed("b"))), "manifest", id="other hashes"
        ),
        pytest.param(lambda body: body.update(hashes=b64u.encode(b"short")), "too-large", id="half a hash"),
        pytest.param(lambda body: body.update(roots=[], targets=[b64u.encode(b"root")]), "manifest", id="another role"),
        pytest.param(lambda body: body.update(files=[b64u.encode(b"x")] * 257), "too-large", id="too many files"),
        pytest.param(
            lambda body: body["parts"].update({part_id(b"y"): b64u.encode(b"x")}), "part-id", id="a wrong part"
        ),
        pytest.param(lambda body: body["parts"].update({part_id(b"y"): "*"}), "base64url", id="no base64url"),
        pytest.param(lambda body: body.update(entries=["é.b.c"]), "jws-form", id="not ASCII"),
        pytest.param(lambda body: body.update(extra=1), "members", id="a member more"),
        pytest.param(lambda body: body.pop("parts"), "members", id="a member less"),
        pytest.param(lambda body: body.update(parts=[]), "members", id="parts as a list"),
    ],
)
def test_a_body_that_the_manifest_does_not_name_is_refused(meddle: Meddling, rule: str) -> None:
    raw = recovery.encode_piece(MANIFEST.sign(given(), NODE_KEY), given())
    body = canonical.decode(raw, max_bytes=len(raw))
    assert isinstance(body, dict)
    meddle(body)
    assert outcome_of(lambda: recovery.read_piece(canonical.encode(body))) == rule


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"v": 2}, "members"),
        ({"inc": 0}, "members"),
        ({"done": None}, "members"),
        ({"after": -1}, "members"),
        ({"checkpoint": "x" * 65_537}, "members"),
        ({"consistency": [b64u.encode(seed(str(n))) for n in range(65)]}, "too-large"),
        ({"given": {}}, "manifest"),
        ({"given": "left out"}, "members"),
        ({"req": "AA"}, "base64url"),
    ],
)
def test_a_manifest_of_another_form_is_refused(changes: dict[str, Any], rule: str) -> None:
    token = changed(MANIFEST.sign(given(), NODE_KEY), NODE_KEY, jws.REQUEST, **changes)
    assert outcome_of(lambda: recovery.read_piece(recovery.encode_piece(token, given()))) == rule


def test_a_request_of_the_sync_passes_as_no_give_back() -> None:
    request = Request(HUB, "jabar", 1, 2, (), Pull(0, 0, 1), 0, TreeHead(0, seed("root"))).sign(NODE_KEY)
    assert outcome_of(lambda: recovery.read_piece(recovery.encode_piece(request, Given()))) == "members"
    assert outcome_of(lambda: read_request(MANIFEST.sign(Given(), NODE_KEY))) == "members"


def test_nothing_over_the_limits_is_made_or_read() -> None:
    many = Given(hashes=tuple(sha256(n.to_bytes(4, "big")) for n in range(recovery.MAX_PIECE_HASHES + 1)))
    with pytest.raises(LocalError):
        recovery.encode_piece(MANIFEST.sign(many, NODE_KEY), many)
    with pytest.raises(RemoteError, match="too-large"):
        recovery.read_piece(b" " * (recovery.MAX_PIECE_BYTES + 1))

"""Checkpoints as signed notes. Notes and verifier keys with their outcome are tests/vectors/checkpoint."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from keys.signing import SigningKey
from protocol import checkpoint, merkle
from protocol.checkpoint import Checkpoint
from protocol.errors import LocalError, RemoteError

VECTORS = Path(__file__).parents[1] / "vectors" / "checkpoint"
NOTES = json.loads((VECTORS / "notes.json").read_text("utf-8"))
VKEYS = json.loads((VECTORS / "vkeys.json").read_text("utf-8"))["vectors"]
KEY = SigningKey.from_seed(bytes.fromhex(NOTES["seed"]))
ORIGIN: str = NOTES["origin"]
ROOT = merkle.leaf_hash(b"x")


def outcome_of(note: str | bytes) -> str:
    try:
        verified = checkpoint.read(note, ORIGIN, KEY.public)
    except RemoteError as error:
        return error.rule.name
    body = verified.checkpoint.body()
    assert verified.note.encode().startswith(body + b"\n")
    assert verified.checkpoint.origin == ORIGIN
    return "ok"


@pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["name"]) for vector in NOTES["vectors"]])
def test_a_note_has_the_expected_outcome(vector: dict[str, str]) -> None:
    assert outcome_of(vector["note"]) == vector["outcome"]
    assert outcome_of(vector["note"].encode()) == vector["outcome"]


@pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["name"]) for vector in VKEYS])
def test_a_verifier_key_has_the_expected_outcome(vector: dict[str, Any]) -> None:
    if vector["outcome"] == "ok":
        name, key = checkpoint.parse_vkey(vector["vkey"])
        assert name == vector["key_name"]
        assert key == SigningKey.from_seed(bytes.fromhex(vector["seed"])).public
        assert checkpoint.vkey(name, key) == vector["vkey"]
        return
    with pytest.raises(RemoteError) as caught:
        checkpoint.parse_vkey(vector["vkey"])
    assert caught.value.rule.name == vector["outcome"]


def test_the_published_note_of_the_go_package_is_signed_as_we_would() -> None:
    vector = VKEYS[0]
    name, key = checkpoint.parse_vkey(vector["vkey"])
    raw = b64decode(vector["signature"])
    assert raw[:4] == checkpoint.key_id(name, key)
    key.verify(raw[4:], vector["text"].encode())
    assert SigningKey.from_seed(bytes.fromhex(vector["seed"])).sign(vector["text"].encode()) == raw[4:]


def test_what_is_signed_is_read_back() -> None:
    made = Checkpoint(ORIGIN, 8, ROOT, ("an extension",))
    note = checkpoint.sign(made, ORIGIN, KEY)
    verified = checkpoint.read(note, ORIGIN, KEY.public)
    assert verified == checkpoint.Verified(made, note)
    assert note.encode().startswith(made.body())


def test_a_note_is_read_under_its_own_name_only() -> None:
    note = checkpoint.sign(Checkpoint(ORIGIN, 8, ROOT), ORIGIN, KEY)
    with pytest.raises(RemoteError) as caught:
        checkpoint.read(note, "other.example/log1", KEY.public)
    assert caught.value.rule.name == "note"


def test_every_changed_character_of_the_log_note_is_noticed() -> None:
    note = checkpoint.sign(Checkpoint(ORIGIN, 8, ROOT), ORIGIN, KEY)
    for at in range(len(note)):
        changed = note[:at] + ("A" if note[at] != "A" else "B") + note[at + 1 :]
        assert outcome_of(changed) == "note"


def test_a_note_above_64_kib_is_refused() -> None:
    note = checkpoint.sign(Checkpoint(ORIGIN, 8, ROOT, ("x" * 65_000,)), ORIGIN, KEY)
    assert outcome_of(note) == "ok"
    assert outcome_of(note.replace("x", "xx", 1000)) == "too-large"


@pytest.mark.parametrize("raw", [b"\xff", "\ud800"], ids=["bytes", "text"])
def test_what_is_not_utf_8_is_refused(raw: str | bytes) -> None:
    assert outcome_of(raw) == "note"


@pytest.mark.parametrize(
    "made",
    [
        Checkpoint("", 1, ROOT),
        Checkpoint("a\nb", 1, ROOT),
        Checkpoint("a\tb", 1, ROOT),
        Checkpoint(ORIGIN, -1, ROOT),
        Checkpoint(ORIGIN, 2**63, ROOT),
        Checkpoint(ORIGIN, 1, ROOT[:31]),
        Checkpoint(ORIGIN, 1, ROOT, ("",)),
        Checkpoint(ORIGIN, 1, ROOT, ("a\n\nb",)),
    ],
    ids=repr,
)
def test_what_is_no_checkpoint_is_never_signed(made: Checkpoint) -> None:
    with pytest.raises(LocalError):
        checkpoint.sign(made, made.origin, KEY)


def test_a_log_signs_under_its_own_origin_only() -> None:
    with pytest.raises(LocalError):
        checkpoint.sign(Checkpoint(ORIGIN, 1, ROOT), "other.example/log1", KEY)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb", "a\x01b"])
def test_a_name_that_no_signature_line_can_carry_is_our_own_bug(name: str) -> None:
    with pytest.raises(LocalError):
        checkpoint.vkey(name, KEY.public)
    with pytest.raises(LocalError):
        checkpoint.sign(Checkpoint(name, 1, ROOT), name, KEY)

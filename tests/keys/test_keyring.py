"""Keyrings: the newest key is presented, every key is found, and nothing secret is shown."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import b64u
from keys.errors import DamagedKeyFileError, KeyFileError, KeysError, WrongPassphraseError
from keys.keyfile import KdfCost, write_key_file
from keys.keyring import NODE_SECRETS, Keyring, SealingRecord
from keys.sealing import SealingKey
from keys.signing import SigningKey

TINY = KdfCost(memory_kib=8, passes=1, lanes=1)
PASSPHRASE = "sandi yang panjang"
NODE = Keyring.for_node(1_790_000_000)

SEEDS = st.binary(min_size=32, max_size=32)
RECORDS = st.builds(
    SealingRecord, st.sampled_from(["case", "identity"]), st.builds(SealingKey, SEEDS), st.integers(0, 2**40)
)
KEYRINGS = st.builds(
    Keyring,
    st.builds(SigningKey, SEEDS),
    st.lists(RECORDS, max_size=4).map(tuple),
    st.dictionaries(st.text(max_size=10), SEEDS, max_size=3),
)


@given(KEYRINGS)
def test_a_keyring_comes_back_from_its_bytes(keyring: Keyring) -> None:
    assert Keyring.from_bytes(keyring.to_bytes()) == keyring


def test_a_keyring_comes_back_from_its_file(tmp_path: Path) -> None:
    NODE.save(tmp_path / "k", PASSPHRASE, cost=TINY)
    assert Keyring.load(tmp_path / "k", PASSPHRASE) == NODE
    with pytest.raises(WrongPassphraseError):
        Keyring.load(tmp_path / "k", "another")
    with pytest.raises(KeyFileError, match="exists already"):
        NODE.save(tmp_path / "k", PASSPHRASE, cost=TINY)


def test_a_key_file_of_another_purpose_is_no_keyring(tmp_path: Path) -> None:
    write_key_file(tmp_path / "k", NODE.to_bytes(), PASSPHRASE, "simpul/backup/v1", cost=TINY)
    with pytest.raises(KeyFileError, match="another file"):
        Keyring.load(tmp_path / "k", PASSPHRASE)


def test_the_newest_key_of_a_use_is_presented_and_the_older_still_found() -> None:
    old, new, tied = (SealingKey.generate() for _ in range(3))
    keyring = replace(
        NODE,
        sealing=(SealingRecord("case", new, 200), SealingRecord("case", old, 100), SealingRecord("identity", old, 300)),
    )
    assert keyring.present("case") == new
    assert keyring.present("identity") == old
    assert keyring.by_kid(old.public.kid) == old
    later = replace(keyring, sealing=(*keyring.sealing, SealingRecord("case", tied, 200)))
    assert later.present("case") == tied
    with pytest.raises(KeysError, match="never here"):
        keyring.by_kid(tied.public.kid)


def test_a_node_has_what_the_protocol_gives_it() -> None:
    assert {record.use for record in NODE.sealing} == {"case", "identity"}
    assert set(NODE.secrets) == set(NODE_SECRETS)
    seeds = [NODE.signing.seed, *(record.key.seed for record in NODE.sealing), *NODE.secrets.values()]
    assert len(set(seeds)) == len(seeds)


def test_a_hub_has_a_signing_key_alone() -> None:
    hub = Keyring.for_signer()
    assert not hub.sealing
    assert not hub.secrets
    with pytest.raises(KeysError, match="no sealing key"):
        hub.present("case")


def test_a_secret_has_32_bytes() -> None:
    with pytest.raises(KeysError, match="31 bytes"):
        Keyring(NODE.signing, (), {"slot": bytes(31)})


def test_a_keyring_cannot_be_changed_in_place() -> None:
    given_secrets = {"slot": bytes(32)}
    keyring = Keyring(NODE.signing, (), given_secrets)
    given_secrets["slot"] = b"\1" * 32
    assert keyring.secrets["slot"] == bytes(32)
    with pytest.raises(TypeError):
        keyring.secrets["slot"] = b"\1" * 32  # type: ignore[index]
    assert hash(keyring) == hash(Keyring(NODE.signing, (), {"slot": bytes(32)}))


def test_nothing_secret_is_shown() -> None:
    shown = repr(NODE) + str([NODE]) + repr(NODE.sealing)
    assert NODE.signing.public.kid in shown
    for secret in (NODE.signing.seed, NODE.sealing[0].key.seed, *NODE.secrets.values()):
        for form in (secret.hex(), b64u.encode(secret), repr(secret)[2:-1]):
            assert form not in shown


GOOD = json.loads(NODE.to_bytes())
RECORD = GOOD["sealing"][0]


CHANGES: list[dict[str, Any]] = [
    {"v": 2},
    {"more": 1},
    {"signing": ""},
    {"signing": 7},
    {"signing": GOOD["signing"] + "="},
    {"sealing": {}},
    {"sealing": [7]},
    {"sealing": [RECORD | {"use": "file"}]},
    {"sealing": [RECORD | {"use": []}]},
    {"sealing": [RECORD | {"made_at": "1"}]},
    {"sealing": [RECORD | {"made_at": 1.5}]},
    {"sealing": [RECORD | {"made_at": True}]},
    {"sealing": [RECORD | {"seed": None}]},
    {"sealing": [RECORD | {"seed": "AAAA"}]},
    {"sealing": [{"use": "case"}]},
    {"secrets": []},
    {"secrets": {"slot": "AAAA"}},
    {"secrets": {"slot": 1}},
]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b"null", b"[" * 5000, NODE.to_bytes()[:-1], NODE.to_bytes() + b" "],
    ids=["empty", "no UTF-8", "a list", "null", "nested too deep", "truncated", "extended"],
)
def test_what_is_no_keyring_is_named_damage(content: bytes) -> None:
    with pytest.raises(DamagedKeyFileError):
        Keyring.from_bytes(content)


def test_a_member_that_stands_twice_is_named_damage() -> None:
    with pytest.raises(DamagedKeyFileError):
        Keyring.from_bytes(NODE.to_bytes().replace(b'"v":1', b'"v":1,"v":1'))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_a_member_of_another_form_is_named_damage(change: dict[str, Any]) -> None:
    with pytest.raises(DamagedKeyFileError):
        Keyring.from_bytes(json.dumps(GOOD | change, sort_keys=True, separators=(",", ":")).encode())

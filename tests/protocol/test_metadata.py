"""The directory's metadata: who may sign as what, how trust passes on, and what python-tuf makes of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tuf.api.metadata import Metadata, Root, Targets

from keys.digest import sha256
from keys.errors import BadKeyError
from protocol import canonical
from protocol.directory import publish
from protocol.errors import LocalError
from protocol.metadata import (
    FileName,
    RoleKeys,
    Roots,
    check_file,
    named_root,
    parse_file_url,
    read_contents,
    read_roots,
    read_snapshot,
    read_timestamp,
)
from protocol.publishing import sign_root, sign_snapshot, sign_timestamp
from tests.support.federation import DAY, NOW, ONLINE, REGISTRAR, directory, member, root, signing
from tests.support.outcome import outcome_of

Change = Callable[[dict[str, Any]], object]
FIRST = root()


def key_of(*names: str, threshold: int = 1) -> RoleKeys:
    return RoleKeys(tuple(signing(name).public for name in names), threshold)


# Roots


def test_the_first_root_is_trusted_by_hand_and_the_next_by_the_one_before() -> None:
    roots = read_roots(FIRST, [root(2, "ani", signers=(REGISTRAR,)), root(3, "budi", "citra", signers=("ani",))])
    assert [each.version for each in roots.chain] == [1, 2, 3]
    assert roots.newest.keys("root") == key_of("budi", "citra", threshold=2)
    assert roots.newest.keys("targets") == key_of(REGISTRAR)
    assert roots.newest.expires == NOW + 365 * DAY
    assert roots.at(2).keys("root") == key_of("ani")
    assert outcome_of(lambda: roots.at(4)) == "directory"


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        pytest.param(root(2, "maling"), "signature", id="by a stranger"),
        pytest.param(root(3), "directory", id="one left out"),
        pytest.param(FIRST, "directory", id="the same again"),
        pytest.param(FIRST + b"\n", "canonical", id="another form of it"),
        pytest.param(b"x" * 32_769, "too-large", id="endless"),
    ],
)
def test_what_is_not_the_next_root_is_refused(raw: bytes, outcome: str) -> None:
    assert outcome_of(lambda: read_roots(FIRST, [raw])) == outcome


def test_a_root_that_its_own_holders_have_not_signed_is_refused() -> None:
    """The old holders could otherwise name new ones who know nothing of it."""
    raw = sign_root(2, NOW + DAY, roles(root=key_of("ani")), [signing(REGISTRAR)])
    assert outcome_of(lambda: read_roots(FIRST, [raw])) == "signature"


def roles(**changes: RoleKeys) -> dict[str, RoleKeys]:
    return {"root": key_of(REGISTRAR), "targets": key_of(REGISTRAR), "snapshot": key_of(ONLINE),
            "timestamp": key_of(ONLINE)} | changes  # fmt: skip


@pytest.mark.parametrize(("signers", "outcome"), [(("a", "b"), "ok"), (("c", "a"), "ok"), (("a",), "signature")])
def test_two_of_three_holders_must_sign(signers: tuple[str, ...], outcome: str) -> None:
    held = roles(root=key_of("a", "b", "c", threshold=2))
    first = sign_root(1, NOW + DAY, held, [signing(name) for name in ("a", "b")])
    after = sign_root(2, NOW + DAY, held, [signing(name) for name in signers])
    assert outcome_of(lambda: read_roots(first, [after])) == outcome


def resigned(raw: bytes, change: Change) -> bytes:
    """Another content, signed by the registrar."""
    found = json.loads(raw)
    change(found["signed"])
    signed = canonical.encode(found["signed"])
    return canonical.encode(
        {**found, "signatures": [{**found["signatures"][0], "sig": signing(REGISTRAR).sign(signed).hex()}]}
    )


def the_key(signed: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = signed["keys"][signed["roles"]["timestamp"]["keyids"][0]]
    return found


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        pytest.param(lambda _: None, "ok", id="as it should be"),
        pytest.param(lambda s: s.update(consistent_snapshot=False), "directory", id="files that may change"),
        pytest.param(lambda s: s["keys"].update(zwei=the_key(s)), "directory", id="a key under two names"),
        pytest.param(lambda s: the_key(s)["keyval"].update(public="00" * 32), "directory", id="a key of small order"),
        pytest.param(lambda s: the_key(s)["keyval"].update(public="zz"), "directory", id="a key that is none"),
        pytest.param(lambda s: the_key(s).update(scheme="ecdsa", keytype="ecdsa"), "directory", id="another algorithm"),
        pytest.param(lambda s: s["roles"].pop("timestamp"), "directory", id="a role that nobody has"),
        pytest.param(lambda s: s["roles"]["root"].update(threshold=0), "directory", id="nobody need sign"),
        pytest.param(lambda s: s["roles"]["root"].update(threshold=2), "signature", id="one of two"),
        pytest.param(lambda s: s.update(expires="morgen"), "directory", id="an end that is no time"),
        pytest.param(lambda s: s.update(note="\t"), "directory", id="letters that TUF writes otherwise"),
    ],
)
def test_a_root_outside_the_profile_is_refused(change: Change, outcome: str) -> None:
    assert outcome_of(lambda: read_roots(resigned(FIRST, change))) == outcome


def test_a_chain_has_an_end() -> None:
    roots = read_roots(FIRST)
    crowd = Roots(roots.chain * 256)
    assert outcome_of(lambda: crowd.added(root(2))) == "directory"


# The registrar's word


def test_after_a_rotation_the_registrars_old_key_signs_nothing_new() -> None:
    roots = read_roots(FIRST, [root(2, targets=key_of("registrar dua"))])
    old, new = signing(REGISTRAR), signing("registrar dua")
    first = directory(member("jabar"))
    under_new = first.renewed(NOW, 2)
    assert read_contents(publish(first, [old]).targets, roots).root == 1
    assert read_contents(publish(under_new, [new]).targets, roots).root == 2
    assert named_root(publish(under_new, [new]).targets) == 2
    assert outcome_of(lambda: read_contents(publish(under_new, [old]).targets, roots)) == "signature"
    assert outcome_of(lambda: read_contents(publish(first, [new]).targets, roots)) == "signature"


def test_python_tuf_reads_what_we_make() -> None:
    """Nobody needs our code to check a directory."""
    made = publish(directory(member("jabar")), [signing(REGISTRAR)])
    trusted: Metadata[Root] = Metadata.from_bytes(FIRST)
    trusted.signed.verify_delegate("root", trusted.signed_bytes, trusted.signatures)
    targets: Metadata[Targets] = Metadata.from_bytes(made.targets)
    trusted.signed.verify_delegate("targets", targets.signed_bytes, targets.signatures)
    assert targets.signed.targets.keys() == {"hub.json", "members/jabar.json"}
    for path, target in targets.signed.targets.items():
        target.verify_length_and_hashes(made.files[path])
    for keyid, key in trusted.signed.keys.items():
        assert keyid == sha256(canonical.encode({**key.to_dict(), "keytype": "ed25519"})).hex()


# Files, and what the hub's own key vouches for


def test_an_address_says_which_file_it_is() -> None:
    name = FileName("members/jabar.json", sha256(b"x"), 1)
    assert name.url == f"members/{sha256(b'x').hex()}.jabar.json"
    assert parse_file_url(name.url) == (name.path, name.h)
    assert parse_file_url(FileName("hub.json", name.h, 1).url) == ("hub.json", name.h)
    assert check_file(name, b"x") == b"x"
    for content in (b"y", b"", b"xx"):
        assert outcome_of(lambda content=content: check_file(name, content)) == "directory"  # type: ignore[misc]


@pytest.mark.parametrize(
    "url", ["", "hub.json", "members/jabar.json", f"{'AB' * 32}.hub.json", f"{'ab' * 31}.hub.json"]
)
def test_an_address_of_another_form_names_nothing(url: str) -> None:
    assert outcome_of(lambda: parse_file_url(url)) == "directory"


def test_snapshot_and_timestamp_are_the_hubs_own_keys_word() -> None:
    trusted = read_roots(FIRST).newest
    targets = publish(directory(member("jabar")), [signing(REGISTRAR)]).targets
    snapshot = sign_snapshot(4, NOW + 7 * DAY, targets, 1, signing(ONLINE))
    timestamp = sign_timestamp(9, NOW + DAY, snapshot, 4, signing(ONLINE))
    found = read_timestamp(timestamp, trusted)
    assert (found.version, found.expires, found.names, found.h) == (9, NOW + DAY, 4, sha256(snapshot))
    found = read_snapshot(snapshot, trusted)
    assert (found.version, found.names, found.h) == (4, 1, sha256(targets))
    stranger = signing("maling")
    assert outcome_of(lambda: read_snapshot(sign_snapshot(4, NOW, targets, 1, stranger), trusted)) == "signature"
    assert outcome_of(lambda: read_timestamp(sign_timestamp(9, NOW, snapshot, 4, stranger), trusted)) == "signature"
    assert outcome_of(lambda: read_timestamp(snapshot, trusted)) == "directory"


def test_a_snapshot_names_one_file() -> None:
    trusted = read_roots(FIRST).newest
    raw = json.loads(sign_snapshot(1, NOW, b"", 1, signing(ONLINE)))
    raw["signed"]["meta"]["more.json"] = {"version": 1}
    signature = {**raw["signatures"][0], "sig": signing(ONLINE).sign(canonical.encode(raw["signed"])).hex()}
    spoilt = canonical.encode({**raw, "signatures": [signature]})
    assert outcome_of(lambda: read_snapshot(spoilt, trusted)) == "directory"


def test_keys_are_not_fetched_from_addresses() -> None:
    from protocol.publishing import _Hand  # noqa: PLC0415  beside its one use

    hand = _Hand(signing("a"))
    assert hand.public_key.keyval == {"public": signing("a").public.raw.hex()}
    with pytest.raises(LocalError):
        _Hand.from_priv_key_uri("file:x", hand.public_key)


def test_a_key_that_binds_nobody_is_never_signed_for() -> None:
    with pytest.raises(BadKeyError):
        RoleKeys((type(signing("a").public)(bytes(32)),))

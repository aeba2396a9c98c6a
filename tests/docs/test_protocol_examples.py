"""The examples in docs/protocol.md are real bytes: each is what the code makes of the inputs named here."""

import re
from pathlib import Path

import pytest

from keys import b64u
from keys.receipt import ReceiptCode
from protocol import checkpoint, jws, merkle
from protocol.content import receipt_body
from protocol.entry import Entry
from protocol.leaf import leaf_of
from protocol.seal import SealContext
from tests.support.federation import made_id, sealing, signing

DOCUMENT = Path(__file__).parents[2] / "docs" / "protocol.md"
ORIGIN = "pusat/log1"


def _receipt() -> str:
    code = ReceiptCode.parse("0123-4567-89AB-CDEF-GHJK-WW")
    return "\n".join(
        (
            f"code        {code.text}",
            f"lookup      {b64u.encode(code.lookup)}",
            f"H(lookup)   {b64u.encode(code.lookup_hash)}",
            f"seed        {b64u.encode(code.mailbox_seed)}",
            f"mailbox kid {code.mailbox().public.kid}",
        )
    )


def _info() -> str:
    offer = made_id("offer")
    context = SealContext("jabar", "kemnaker", offer, offer, sealing("kemnaker").public.kid, "case")
    return context.info().decode().replace("\0", "\\0")


def _entry() -> Entry:
    return Entry(
        id=made_id("receipt"),
        sender="jabar",
        recipient="kemnaker",
        seq=1,
        inc=1,
        at=1_795_300_000,
        kind="receipt",
        ref=None,
        parts={},
        body=receipt_body(7),
    )


def _jws() -> str:
    signed = _entry().sign(signing("jabar"))
    payload = jws.read(signed.raw, jws.ENTRY, max_bytes=4_096).payload_bytes.decode()
    return f"{payload}\n{signed.raw}"


def _leaf() -> str:
    return leaf_of(_entry().sign(signing("jabar"))).encode().decode()


def _checkpoint() -> str:
    raw = leaf_of(_entry().sign(signing("jabar"))).encode()
    head = checkpoint.Checkpoint(ORIGIN, 1, merkle.leaf_hash(raw))
    key = signing("log")
    return f"{checkpoint.sign(head, ORIGIN, key)}\n{checkpoint.vkey(ORIGIN, key.public)}"


EXAMPLES = {"receipt": _receipt, "info": _info, "entry": _jws, "leaf": _leaf, "checkpoint": _checkpoint}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_documented_example_is_what_the_code_makes(name: str) -> None:
    found = re.search(rf"<!-- example:{name} -->\n```text\n(.*?)\n```", DOCUMENT.read_text(), re.DOTALL)
    assert found is not None, f"docs/protocol.md has no example {name}"
    assert found.group(1).strip() == EXAMPLES[name]().strip()

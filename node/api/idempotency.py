"""One key, one report: form and receipt of a filing follow from its Idempotency-Key, so that nothing need be kept.

The form id follows from the key alone, the receipt from key and body. A repeated request finds the form stored and
makes the same receipt again; another body under the same key makes another receipt, which the stored form contradicts.
Whoever knows the key and the exact body can have the receipt, and nobody else can: docs/adr/0009-rest-api.md.
"""

import hmac
from dataclasses import dataclass

from keys import b64u
from keys.digest import sha256
from keys.receipt import ReceiptCode
from node.context import Node
from protocol import canonical
from protocol.canonical import JsonValue
from protocol.entry import new_id
from protocol.party import ID_BYTES


@dataclass(frozen=True, slots=True)
class Slip:
    """Under which form a report is filed, and the receipt for it."""

    form_id: str
    receipt: ReceiptCode


def slip(node: Node, key: str | None, body: dict[str, JsonValue]) -> Slip:
    """Return the slip of this key and body, the same each time; a fresh one where no key is given."""
    if key is None:
        return Slip(new_id(), ReceiptCode.generate())
    secret = node.secret("idempotency")
    form_id = hmac.digest(secret, b"form\0" + key.encode(), "sha256")[:ID_BYTES]
    bound = sha256(key.encode()) + sha256(canonical.encode(body))
    return Slip(b64u.encode(form_id), ReceiptCode.from_secret(hmac.digest(secret, b"receipt\0" + bound, "sha256")))

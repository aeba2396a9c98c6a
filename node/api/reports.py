"""What a reporter does: file, track, add. No account; the receipt code is the only key."""

from dataclasses import asdict
from typing import Any, Final

from flask import current_app

from keys import b64u
from node.api import wire
from node.api.answers import FiledAnswer, TakenAnswer, TrackAnswer
from node.api.idempotency import Slip, slip
from node.api.problems import KEY_REUSED, ProblemError
from node.api.schemas import FilingBody, FilingHeaders, MessageBody, TrackBody
from node.api.spec import Blueprint, operation
from node.cases import intake, messages, tracking
from node.cases.together import Together
from node.cases.views import Complaint, Identity, StaleFormError, Words
from node.web import current

#: Where the application keeps what stores its filings.
TOGETHER: Final = "simpul_together"
reports: Final = Blueprint("reporter", "What a reporter does, without an account.")
_RECEIPT: Final = "7K3M-9QX2-TB4H-0FZD-W6RP-1C"
_SENT: Final = {
    "class": "complaint",
    "topic": "bantuan-sosial/pkh",
    "region": "32.73",
    "text": "Bantuan PKH bulan ini belum masuk.",
    "secrecy": "anonymous",
    "identity": {"name": "Siti Rahayu", "phone": "0812 3456 7890", "email": "", "nik": ""},
    "attachments": [],
}


@operation(
    reports, "POST", "/cases", gives=(201, FiledAnswer), example={"number": "7K3M9-QX2TB", "receipt": _RECEIPT},
    takes=FilingBody, sent=_SENT, headers=FilingHeaders,
)  # fmt: skip
def file_case(given: dict[str, Any], sent_headers: dict[str, str]) -> dict[str, str]:
    """File a report.

    It is stored when the answer comes, under the node's keys; the identity is sealed apart from the content. The
    receipt code is shown in this answer only. Nothing is refused for what it says or whom it concerns: a report that is
    another office's matter is handed on from here.
    """
    complaint = Complaint(given["kind"], given["topic"], given["region"], given["text"], given["secrecy"])
    identity = Identity(**{name: (value or "").strip() for name, value in (given["identity"] or {}).items()})
    node, now = current.node(), current.now()
    key = sent_headers.get("key")
    told = slip(node, key, {"complaint": asdict(complaint), "identity": asdict(identity)})
    try:
        number = _known(told) if key is not None else None
        if number is None:
            prepared = intake.prepare_plain(node, told.form_id, told.receipt, complaint, identity)
            stored = _together().run(lambda session: intake.store_filing(session, node, prepared, now))
            number = stored[0]
    except StaleFormError:
        raise ProblemError(KEY_REUSED) from None
    return {"number": number, "receipt": told.receipt.text}


def _together() -> Together:
    found: Together = current_app.extensions[TOGETHER]
    return found


def _known(told: Slip) -> str | None:
    """Return the number under which a repeated request was stored, so that no keys are made for it again."""
    with current.node().database.reading() as session:
        known = intake.find_filed(session, told.form_id, b64u.encode(told.receipt.lookup_hash))
    return None if known is None else known[0]


@operation(
    reports, "POST", "/track", gives=(200, TrackAnswer), takes=TrackBody, sent={"receipt": _RECEIPT}, problems=(404,)
)
def track_case(given: dict[str, str]) -> wire.Wire:
    """Show what became of a report.

    The code comes in the body, since addresses are kept in histories and logs. Replies and reasons are opened with the
    code in memory; the node cannot read them without it.
    """
    node, now = current.node(), current.now()
    with node.database.reading() as session:
        return wire.tracking(tracking.track(session, node, given["receipt"], now))


@operation(
    reports, "POST", "/track/messages", gives=(202, TakenAnswer), example={"number": "7K3M9-QX2TB"},
    takes=MessageBody, sent={"receipt": _RECEIPT, "text": "Kejadiannya hari Senin pukul 9."}, problems=(404,),
)  # fmt: skip
def add_message(given: dict[str, str]) -> dict[str, str]:
    """Add information to a report.

    It is sealed to the office that has the case now, and follows the case if it moves; a copy for the reporter is
    sealed to the receipt code and shown by `POST /track`.
    """
    node, now = current.node(), current.now()
    with node.database.transaction() as session:
        number = messages.add_message(session, node, Words(given["receipt"], given["text"]), now)
    return {"number": number}

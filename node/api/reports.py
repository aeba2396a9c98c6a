"""What a reporter does: file, track, add. No account; the receipt code is the only key."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from flask import Response, current_app, request

from keys import b64u
from keys.digest import sha256
from node.api import wire, words
from node.api.answers import FiledAnswer, TakenAnswer, TrackAnswer
from node.api.idempotency import Slip, slip
from node.api.problems import INVALID, KEY_REUSED, ProblemError
from node.api.schemas import AttachmentQuery, FilingBody, FilingHeaders, MessageBody, TrackBody
from node.api.spec import Blueprint, operation
from node.cases import attachments, intake, messages, tracking
from node.cases.intake import PreparedFiling
from node.cases.together import Together
from node.cases.views import Complaint, Identity, StaleFormError, Words
from node.files.intake import Accepted, Flaw, FlawsError, accept
from node.web import current
from node.web.downloads import send
from protocol.canonical import JsonValue

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
    "attachments": [{"name": "buku-tabungan.pdf", "content": "JVBERi0xLjcK", "type": "application/pdf"}],
}
_FLAWS: Final = {
    Flaw.TOO_MANY: words.TOO_MANY_FILES,
    Flaw.TOO_LARGE: words.FILES_TOO_LARGE,
    Flaw.EMPTY: words.FILE_EMPTY,
    Flaw.KIND: words.FILE_KIND,
}
#: Of a filing: 20 MiB in base64, and all that may stand around it.
MAX_FILING_BYTES: Final = 28 * 1024 * 1024


@reports.before_request  # type: ignore[untyped-decorator]  # flask-smorest has no types
def allow_files() -> None:
    """Let a filing, and nothing else, be as large as its attachments may be."""
    if request.endpoint == f"{reports.name}.file_case":
        request.max_content_length = MAX_FILING_BYTES


@operation(
    reports, "POST", "/cases", gives=(201, FiledAnswer), example={"number": "7K3M9-QX2TB", "receipt": _RECEIPT},
    takes=FilingBody, sent=_SENT, headers=FilingHeaders,
)  # fmt: skip
def file_case(given: dict[str, Any], sent_headers: dict[str, str]) -> dict[str, str]:
    """File a report.

    It is stored when the answer comes, under the node's keys; the identity is sealed apart from the content. The
    receipt code is shown in this answer only. Files may come with it, in base64; each is kept encrypted. Nothing is
    refused for what it says or whom it concerns: a report that is another office's matter is handed on from here.
    """
    complaint = Complaint(given["kind"], given["topic"], given["region"], given["text"], given["secrecy"])
    identity = Identity(**{name: (value or "").strip() for name, value in (given["identity"] or {}).items()})
    node, now = current.node(), current.now()
    key = sent_headers.get("key")
    files = _accepted(given["attachments"])
    told = slip(node, key, {"complaint": asdict(complaint), "identity": asdict(identity), **_told(files)})
    try:
        number = _known(told) if key is not None else None
        if number is None:
            prepared = intake.prepare_plain(node, told.form_id, told.receipt, complaint, identity, files)
            number = _store(prepared, now)
    except StaleFormError:
        raise ProblemError(KEY_REUSED) from None
    return {"number": number, "receipt": told.receipt.text}


def _accepted(given: list[dict[str, Any]]) -> tuple[Accepted, ...]:
    try:
        return accept([(each["name"], each["content"]) for each in given])
    except FlawsError as error:
        told = {
            "attachments" if place is None else f"attachments.{place}.content": _FLAWS[flaw]
            for place, flaw in error.flaws.items()
        }
        raise ProblemError(INVALID, told) from None


def _told(files: Sequence[Accepted]) -> dict[str, JsonValue]:
    """Return what of the files counts when a request is repeated; nothing where there are none."""
    return {"attachments": [[each.name, b64u.encode(sha256(each.content))] for each in files]} if files else {}


def _store(prepared: PreparedFiling, now: int) -> str:
    """Store what was prepared; its files go again if it is not, or was stored by an earlier request."""
    node, again = current.node(), True
    try:
        number, _, again = _together().run(lambda session: intake.store_filing(session, node, prepared, now))
        return number
    finally:
        if again:
            intake.forget_filing(node, prepared)


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
    reports, "POST", "/track/attachments", gives=(200, None), file=True, takes=AttachmentQuery,
    sent={"receipt": _RECEIPT, "id": "A" * 43}, problems=(404,),
)  # fmt: skip
def download_own_attachment(given: dict[str, str]) -> Response:
    """Give back a file that the reporter attached.

    It is opened with the code in memory; the office where it was filed cannot read it any more once the case was
    handed on.
    """
    node = current.node()
    with node.database.reading() as session:
        return send(attachments.of_receipt(session, node, given["receipt"], given["id"]))


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

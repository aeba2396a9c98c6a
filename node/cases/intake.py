"""Filing: from a served form to a case that is durably stored. No complaint is refused here for what it says."""

import hmac
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from keys import b64u
from keys.digest import sha256
from keys.errors import EncodingError
from keys.keyring import SealingUse
from keys.receipt import ReceiptCode
from keys.sealing import SealingPublicKey
from node.cases.atrest import new_keys
from node.cases.lifecycle import State
from node.cases.names import number_of, return_ref_of
from node.cases.report import enter
from node.cases.views import BlankForm, Complaint, Filed, Identity, NotStoredError, StaleFormError
from node.context import Node
from node.files import shelf
from node.files.intake import Accepted
from node.models.cases import Case, Tracked, TrackedEvent
from protocol.attachment import Attachment
from protocol.content import Filing, IdentityFile, read_filing, read_identity_file
from protocol.custody import Stance
from protocol.entry import new_id
from protocol.errors import RemoteError
from protocol.party import REPORTER
from protocol.seal import SealContext, open_part, seal

#: A form may wait on a phone for a night and a day.
MAX_FORM_AGE_SECONDS: Final = 36 * 3_600
_FORM_VERSION: Final = "1"
_USES_AT_REST: Final = ("content", "identity")


@dataclass(frozen=True, slots=True)
class SealedFiling:
    """What the intake takes, whoever sealed it: nothing that this node could not be handed by a browser.

    `case` and `identity` are sealed to this node's present keys, `own` to the mailbox; `lookup_h` is H(lookup), b64u.
    """

    form_id: str
    lookup_h: str
    mailbox: bytes
    case_kid: str
    identity_kid: str
    case: bytes
    identity: bytes
    own: bytes


def blank_form(node: Node, now: int) -> BlankForm:
    """Return a fresh form with a receipt code of its own; nothing is stored yet."""
    form_id, receipt = new_id(), ReceiptCode.generate()
    return BlankForm(form_id, receipt.text, _token(node, form_id, receipt, now))


def file_complaint(
    session: Session, node: Node, form: BlankForm, complaint: Complaint, identity: Identity, now: int
) -> Filed:
    """Seal in memory, and store: the way without a script. The very same form again gives the very same receipt.

    Raises StaleFormError for a form that is not ours or too old, NotStoredError when the place fails (disk full,
    locked), keys.errors.ReceiptCodeError for a damaged code.
    """
    receipt = ReceiptCode.parse(form.receipt)
    _check_token(node, form, receipt, now)
    filing = seal_filing(node, form.form_id, receipt, complaint, identity)
    number, filed_at, again = file_sealed(session, node, filing, now)
    return Filed(number, receipt.text, filed_at, again)


def file_sealed(session: Session, node: Node, filing: SealedFiling, now: int) -> tuple[str, int, bool]:
    """Store what was sealed; return (number, filed at, whether it was stored before). Raises NotStoredError."""
    try:
        known = find_filed(session, filing.form_id, filing.lookup_h)
        return known or store_filing(session, node, prepare_filing(node, filing), now)
    except (SQLAlchemyError, OSError) as error:
        raise NotStoredError("Laporan belum tersimpan.") from error


def find_filed(session: Session, form_id: str, lookup_h: str) -> tuple[str, int, bool] | None:
    """Return (number, filed at, True) if this form was stored; raise StaleFormError if it was with another receipt."""
    columns = select(Tracked.number, Tracked.filed_at, Tracked.lookup_h).where(Tracked.form_id == form_id)
    stored = session.execute(columns).one_or_none()
    if stored is None:
        return None
    if stored.lookup_h != lookup_h:
        raise StaleFormError("Formulir ini sudah dipakai untuk laporan lain.")
    return stored.number, stored.filed_at, True


@dataclass(frozen=True, slots=True)
class PreparedFiling:
    """A filing that only has to be stored: its keys are durable, content and identity encrypted under them.

    Made before the transaction, so that nobody else's writing waits for these keys to reach the disk. What is never
    stored leaves two wrappings without a case, which the next start collects.
    """

    form_id: str
    lookup_h: str
    mailbox: bytes
    own: bytes
    content: bytes
    identity: bytes
    #: On the disk already. What is never stored is removed by `forget_filing`, or by the next start.
    files: Sequence[Attachment] = ()


def prepare_filing(node: Node, filing: SealedFiling) -> PreparedFiling:
    """Open the seals, check what they hold, and encrypt it afresh under keys of its own; raise RemoteError, OSError."""
    complaint = _open(node, filing, "case", filing.case_kid, filing.case)
    identity = _open(node, filing, "identity", filing.identity_kid, filing.identity)
    # Both are checked to be what every later reader expects, before anything is stored.
    if read_filing(complaint).attachments:
        raise RemoteError("part-form", "files do not come sealed with a form yet")
    read_identity_file(identity)
    return _at_rest(node, filing.form_id, filing.lookup_h, filing.mailbox, filing.own, complaint, identity)


def prepare_plain(
    node: Node,
    form_id: str,
    receipt: ReceiptCode,
    complaint: Complaint,
    identity: Identity,
    files: Sequence[Accepted] = (),
) -> PreparedFiling:
    """Prepare what came in the clear, from a program: a seal to ourselves that we open again would protect nothing.

    The files are then on the disk, each under a key that content and own file tell; raises OSError where it refuses.
    """
    mailbox = receipt.mailbox().public
    with shelf.keeping(node) as kept:
        kept.extend(shelf.keep_all(node, files))
        content, named = _encoded(complaint, identity, kept)
        own = seal(content, mailbox, own_file_context(form_id, mailbox.kid)).ciphertext
        lookup_h = b64u.encode(receipt.lookup_hash)
        prepared = _at_rest(node, form_id, lookup_h, mailbox.raw, own, content, named)
        return replace(prepared, files=tuple(kept))


def forget_filing(node: Node, filing: PreparedFiling) -> None:
    """Remove the files of a filing that was not stored."""
    shelf.drop(node, filing.files)


def _at_rest(
    node: Node, form_id: str, lookup_h: str, mailbox: bytes, own: bytes, complaint: bytes, identity: bytes
) -> PreparedFiling:
    content_key, identity_key = new_keys(node, form_id, _USES_AT_REST)
    return PreparedFiling(
        form_id=form_id,
        lookup_h=lookup_h,
        mailbox=mailbox,
        own=own,
        content=content_key.seal(complaint, "content"),
        identity=identity_key.seal(identity, "identity"),
    )


def store_filing(session: Session, node: Node, filing: PreparedFiling, now: int) -> tuple[str, int, bool]:
    """Store what was prepared, or find that somebody was faster; return (number, filed at, whether it was there)."""
    known = find_filed(session, filing.form_id, filing.lookup_h)
    return known or (_store(session, node, filing, now), now, False)


def _store(session: Session, node: Node, filing: PreparedFiling, now: int) -> str:
    case_id, number, return_ref = filing.form_id, number_of(filing.form_id), return_ref_of(filing.lookup_h)
    case = Case(
        case_id=case_id,
        number=number,
        origin=node.member_id,
        return_ref=return_ref,
        mailbox=filing.mailbox,
        filed_at=now,
        received_at=now,
        hops=[],
        stance=Stance.HELD.value,
        epoch=0,
        step=0,
        content=filing.content,
        identity=filing.identity,
    )
    enter(session, case, State.RECEIVED, now)
    session.add(case)
    session.add(
        Tracked(
            number=number,
            form_id=case_id,
            lookup_h=filing.lookup_h,
            return_ref=return_ref,
            mailbox=filing.mailbox,
            own_file=filing.own,
            filed_at=now,
            custodian=node.member_id,
            hops=[],
            state=case.state,
            due_at=case.due_at,
        )
    )
    session.flush()
    shelf.hold(session, filing.files, case_id=case_id, number=number)
    session.add(TrackedEvent(number=number, at=now, member=node.member_id, state=case.state))
    session.flush()
    return number


def own_file_context(form_id: str, mailbox_kid: str) -> SealContext:
    """Return what the reporter's own file is bound to."""
    return SealContext(REPORTER, REPORTER, form_id, form_id, mailbox_kid, "file")


def seal_filing(
    node: Node, form_id: str, receipt: ReceiptCode, complaint: Complaint, identity: Identity
) -> SealedFiling:
    """Seal in memory what a browser with our script would seal itself."""
    mailbox = receipt.mailbox().public
    content, named = _encoded(complaint, identity)
    case_key, identity_key = (node.keyring.present(use).public for use in _USES)

    def to_node(text: bytes, key: SealingPublicKey, purpose: str) -> bytes:
        context = SealContext(REPORTER, node.member_id, form_id, form_id, key.kid, purpose)
        return seal(text, key, context).ciphertext

    return SealedFiling(
        form_id=form_id,
        lookup_h=b64u.encode(receipt.lookup_hash),
        mailbox=mailbox.raw,
        case_kid=case_key.kid,
        identity_kid=identity_key.kid,
        case=to_node(content, case_key, "case"),
        identity=to_node(named, identity_key, "identity"),
        own=seal(content, mailbox, own_file_context(form_id, mailbox.kid)).ciphertext,
    )


def _encoded(complaint: Complaint, identity: Identity, files: Sequence[Attachment] = ()) -> tuple[bytes, bytes]:
    named = IdentityFile(asdict(identity) if identity.given else None)
    return Filing(asdict(complaint), tuple(files)).encode(), named.encode()


_USES: Final[tuple[SealingUse, SealingUse]] = ("case", "identity")


def _open(node: Node, filing: SealedFiling, purpose: str, kid: str, ciphertext: bytes) -> bytes:
    context = SealContext(REPORTER, node.member_id, filing.form_id, filing.form_id, kid, purpose)
    return open_part(ciphertext, node.keyring.by_kid(kid), context)


def _token(node: Node, form_id: str, receipt: ReceiptCode, made_at: int) -> str:
    """Return `1.<made at>.<MAC>`: our word that this form, with these keys and this receipt, was served by us then."""
    kids = ".".join(node.keyring.present(use).public.kid for use in _USES)
    bound = f"{form_id}.{kids}.{b64u.encode(receipt.lookup_hash)}.{made_at}".encode("ascii")
    mac = hmac.digest(node.secret("form"), bound, "sha256")
    return f"{_FORM_VERSION}.{made_at}.{b64u.encode(mac)}"


def _check_token(node: Node, form: BlankForm, receipt: ReceiptCode, now: int) -> None:
    try:
        b64u.decode(form.form_id, size=16)
        version, made_at, _ = form.token.split(".")
        good = version == _FORM_VERSION and 0 <= now - int(made_at) <= MAX_FORM_AGE_SECONDS
        expected = _token(node, form.form_id, receipt, int(made_at)) if good else ""
    except (EncodingError, ValueError):
        good, expected = False, ""
    if not good or not hmac.compare_digest(sha256(expected.encode()), sha256(form.token.encode())):
        raise StaleFormError("Formulir ini sudah terlalu lama terbuka. Isian Anda masih ada; kirim sekali lagi.")

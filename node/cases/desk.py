"""The officer's desk: what the present custodian may do with a case. Services take (session, node, command, now)."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.cases import atrest
from node.cases.atrest import open_content, seal_content
from node.cases.lifecycle import TRANSITIONS, State
from node.cases.report import Opening, enter, report, send_reply
from node.cases.tracked import hops_of
from node.cases.views import (
    CaseAction,
    ForbiddenError,
    HandOver,
    Identity,
    NoSuchCaseError,
    RecipientError,
    SendOn,
    StateError,
)
from node.context import Node
from node.custody.standing import pass_over_squatter, standing
from node.files.outgoing import reseal, withdraw
from node.models.cases import Case, CaseEvent, CaseNote
from node.sync.log import read_history
from node.sync.outbox import Draft, queue, sent_entry
from node.sync.refresh import may_seal
from protocol.content import CaseFile, Note, Question, read_filing, read_identity_file
from protocol.custody import ACTING, MAX_HOPS, Stance, Step, Token, answer_slot, offer_slot
from protocol.directory import Directory, Member, Use
from protocol.entry import new_id
from protocol.errors import LocalError, RemoteError

#: What an action needs of the table: the state that must be able to follow.
LEADS_TO: Final[dict[str, State]] = {
    "hand_over": State.OFFERED,
    "ask_triage": State.AWAITING_RULING,
    "reply": State.ANSWERED,
    "close": State.RESOLVED,
}
_READING: Final = (
    "Simpul ini baru dinyalakan dan sedang mencocokkan catatannya dengan pusat. Penerusan dan pembukaan identitas "
    "menunggu sampai selesai; tanggapan tetap dapat dikirim. Coba lagi sebentar lagi."
)
_MUST_ASK: Final = (
    "Laporan ini sudah tiga kali dikembalikan. Minta penetapan triase: laporan tidak boleh terus berpindah."
)
_TOO_EARLY: Final = "Tawaran ini belum sehari menunggu jawaban. Tunggu dahulu; kantor tujuan biasanya menjawab sendiri."
_TOO_FAR: Final = "Laporan ini sudah terlalu sering berpindah untuk diteruskan lagi. Minta penetapan triase."


def find_case(session: Session, number: str) -> Case:
    """Return this node's newest record of a case; raise NoSuchCaseError."""
    # A case whose accept has not won yet is not this office's, and may never be.
    ours = Case.stance.not_in([Stance.DECLINED, Stance.INVITED])
    rows = session.scalars(select(Case).where(Case.number == number, ours)).all()
    if not rows:
        raise NoSuchCaseError("Tidak ada laporan dengan nomor ini di kantor Anda.")
    acting = [row for row in rows if Stance(row.stance) in {Stance.HELD, Stance.OFFERED}]
    return acting[0] if acting else max(rows, key=lambda row: row.received_at)


def allowed_actions(session: Session, node: Node, case: Case, now: int) -> frozenset[str]:
    """Return what the custody table and the lifecycle table let an officer do now."""
    stands = standing(session, node, case)
    if Stance(case.stance) not in ACTING:
        due = stands.recall_from is not None and now >= stands.recall_from
        return frozenset({"recall"}) if due else frozenset()
    state = State(case.state)
    found = {action for action, wanted in LEADS_TO.items() if wanted in TRANSITIONS[state]}
    if state is State.AWAITING_RULING:
        found.discard("hand_over")
        if case.ruled_for is not None:
            found.add("obey")
    if stands.must_ask:
        found.discard("hand_over")
    if not stands.moves:
        found -= {"hand_over", "obey"}
    if case.identity is not None and stands.opens:
        found.add("open_identity")
    return frozenset(found)


def hand_over(session: Session, node: Node, command: HandOver, now: int) -> None:
    """Offer the case to another member: lock and offer in one transaction."""
    case = _acting_case(session, node, command.number, "hand_over", now)
    _offer(session, node, case, _recipient(session, node, command.to), command.reason, now)


def obey_ruling(session: Session, node: Node, command: CaseAction, now: int) -> None:
    """Offer the case to the member that triage named; that member cannot reject it."""
    case = _acting_case(session, node, command.number, "obey", now)
    if case.ruled_for == node.member_id:
        # Triage named this very office: there is nobody to offer to, and the case goes on here.
        case.ask_id = case.ruling_id = case.ruled_for = None
        enter(session, case, State.VERIFIED, now, node.member_id)
        report(session, node, case, now)
        return
    named = read_history(session, node.federation).latest.member(case.ruled_for or "")
    _offer(session, node, case, named, command.text, now, ruling=case.ruling_id)


def recall(session: Session, node: Node, command: CaseAction, now: int) -> None:
    """Take back an offer that nobody answered; whichever of recall and answer the log shows first holds."""
    case = _acting_case(session, node, command.number, "recall", now)
    offer = sent_entry(session, case.offer_id or "")
    draft = Draft(
        "recall",
        offer.recipient,
        ref=offer.entry_id,
        re=offer.entry_id,
        epoch=case.epoch,
        slot=answer_slot(offer.raw),
    )
    queue(session, node, draft, now)
    if command.text:
        keep_note(session, node, case, "reason", node.member_id, command.text, now)


def send_on(session: Session, node: Node, command: SendOn, now: int) -> Case:
    """Obey the ruling where one binds, hand over otherwise; raise RecipientError for no office, or another one."""
    case = find_case(session, command.number)
    if "obey" not in allowed_actions(session, node, case, now):
        if not command.to:
            raise RecipientError("Belum ada penetapan untuk laporan ini: sebutkan instansi tujuannya.")
        hand_over(session, node, HandOver(command.number, command.to, command.reason, command.officer), now)
        return case
    if command.to not in {"", case.ruled_for}:
        raise RecipientError(
            "Penetapan triase mengikat: laporan ini hanya dapat diteruskan ke instansi yang ditetapkan."
        )
    obey_ruling(session, node, CaseAction(command.number, command.reason, command.officer), now)
    return case


def ask_triage(session: Session, node: Node, command: CaseAction, now: int) -> None:
    """Ask the triage node whose matter this is: it sees the content, never the identity."""
    case = _acting_case(session, node, command.number, "ask_triage", now)
    triage = _triage(_directory(session, node))
    _check_keys(session, now)
    complaint = read_filing(open_content(node, case.case_id, case.content or b"", "content")).complaint
    question = Question(case.number, complaint, command.text).encode()
    ask_id = new_id()
    sealed = {"case": (question, triage.sealing_key(Use.CASE))}
    queue(session, node, Draft("ask", triage.id, id=ask_id, ref=ask_id, sealed=sealed), now)
    case.ask_id = ask_id
    enter(session, case, State.AWAITING_RULING, now, triage.id)
    report(session, node, case, now)


def reply(session: Session, node: Node, command: CaseAction, now: int) -> None:
    """Answer the reporter; the words go sealed to the mailbox."""
    _answer(session, node, command, "reply", now)


def close(session: Session, node: Node, command: CaseAction, now: int) -> None:
    """Close the case with a last word to the reporter."""
    _answer(session, node, command, "close", now)


def open_identity(session: Session, node: Node, command: CaseAction, now: int) -> Identity:
    """Open the identity for a reason, which the reporter will see. Show it only after the transaction is durable."""
    case = _acting_case(session, node, command.number, "open_identity", now)
    role = _opening_role(command)
    raw = atrest.open_identity(node, case.case_id, case.identity or b"")
    keep_note(session, node, case, "opening", role, command.text, now)
    opened_by = f"identity:{command.officer.username}"
    session.add(CaseEvent(case_id=case.case_id, at=now, state=case.state, detail=opened_by))
    report(session, node, case, now, Opening(role, command.text))
    found = read_identity_file(raw).identity
    return Identity() if found is None else Identity(**found)


def _answer(session: Session, node: Node, command: CaseAction, action: str, now: int) -> None:
    case = _acting_case(session, node, command.number, action, now)
    send_reply(session, node, case, command.text, now)
    keep_note(session, node, case, "reply", command.officer.display_name, command.text, now)
    enter(session, case, LEADS_TO[action], now, command.officer.username)
    report(session, node, case, now)


def _offer(
    session: Session, node: Node, case: Case, to: Member, reason: str, now: int, ruling: str | None = None
) -> None:
    if len(case.hops) >= MAX_HOPS:
        raise ForbiddenError(_TOO_FAR)
    _check_keys(session, now)
    filing = read_filing(open_content(node, case.case_id, case.content or b"", "content"))
    files = reseal(node, filing.attachments)
    case_file = CaseFile(
        number=case.number,
        origin=case.origin,
        return_ref=case.return_ref,
        mailbox=case.mailbox,
        filed_at=case.filed_at,
        complaint=filing.complaint,
        hops=hops_of(case.hops),
        reason=reason,
        attachments=tuple(file.told for file in files),
    )
    token = Token(Stance(case.stance), case.epoch).take(Step.OFFER)
    offer_id = new_id()
    draft = Draft(
        "offer",
        to.id,
        id=offer_id,
        ref=offer_id,
        epoch=token.epoch,
        slot=offer_slot(node.keyring.secrets["slot"], case.case_id, token.epoch),
        re=ruling,
        sealed={"case": (case_file.encode(), to.sealing_key(Use.CASE))},
        files=files,
    )
    try:
        queue(session, node, draft, now)
    except LocalError as error:
        withdraw(node, files)
        raise StateError(_TOO_FAR) from error
    case.stance, case.offer_id, case.offered_to = token.stance.value, offer_id, to.id
    if reason:
        keep_note(session, node, case, "reason", node.member_id, reason, now)
    enter(session, case, State.OFFERED, now, to.id)
    report(session, node, case, now)


def _acting_case(session: Session, node: Node, number: str, action: str, now: int) -> Case:
    case = find_case(session, number)
    pass_over_squatter(session, node, case, now)
    possible = allowed_actions(session, node, case, now)
    if action not in possible:
        raise StateError(_why_not(session, node, case, action), possible)
    return case


def _why_not(session: Session, node: Node, case: Case, action: str) -> str:
    stands = standing(session, node, case)
    if Stance(case.stance) in ACTING and action in {"hand_over", "obey"} and not stands.moves:
        return _READING
    if Stance(case.stance) in ACTING and action == "open_identity" and not stands.opens:
        return _READING
    if action == "hand_over" and stands.must_ask:
        return _MUST_ASK
    if action == "recall" and stands.recall_from is not None:
        return _TOO_EARLY
    return "Langkah ini tidak tersedia untuk laporan pada keadaannya sekarang."


def _recipient(session: Session, node: Node, to: str) -> Member:
    member = _directory(session, node).members.get(to)
    if member is None or not member.takes_offers or to == node.member_id:
        raise RecipientError("Instansi tujuan tidak dikenal atau sedang tidak menerima penerusan. Pilih instansi lain.")
    return member


def _directory(session: Session, node: Node) -> Directory:
    try:
        return read_history(session, node.federation).latest
    except RemoteError as error:
        raise ForbiddenError("Kantor ini belum pernah terhubung ke pusat. Coba lagi setelah tersambung.") from error


def _check_keys(session: Session, now: int) -> None:
    """Refuse to seal anything new to keys that may have been closed since they were last refreshed."""
    if not may_seal(session, now):
        raise ForbiddenError(
            "Daftar instansi dan kuncinya sudah lebih dari 30 hari tidak diperbarui dari pusat, jadi laporan belum "
            "boleh dikirim ke instansi lain. Laporan tetap aman di sini; hubungi pengelola sistem Anda."
        )


def _triage(directory: Directory) -> Member:
    try:
        return directory.triage()
    except RemoteError as error:
        raise ForbiddenError("Direktori belum menyebut simpul triase. Hubungi pengelola pusat.") from error


def _opening_role(command: CaseAction) -> str:
    if "custodian" not in command.officer.roles:
        raise ForbiddenError("Hanya kustodian yang boleh membuka identitas.")
    if not command.text.strip():
        raise ForbiddenError("Alasan membuka identitas wajib diisi; pelapor akan membacanya.")
    return "custodian"


def keep_note(session: Session, node: Node, case: Case, kind: str, author: str, text: str, now: int) -> None:
    """Keep a text of the thread, sealed under the case's content key."""
    sealed = seal_content(node, case.case_id, Note(text).encode(), "note")
    session.add(CaseNote(case_id=case.case_id, at=now, kind=kind, member=node.member_id, author=author, sealed=sealed))

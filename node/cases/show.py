"""What an officer sees: the list, and one case whole. Content is decrypted here, in memory, for the page being made."""

from sqlalchemy import literal, select, tuple_
from sqlalchemy.orm import Session

from keys.errors import KeysError
from node.cases.atrest import open_content
from node.cases.desk import allowed_actions, find_case
from node.cases.lifecycle import State
from node.cases.names import office_name
from node.cases.records import Records
from node.cases.tracked import hops_of
from node.cases.transitions import next_states
from node.cases.views import (
    Attached,
    CasePage,
    CaseQuery,
    CaseRow,
    CaseSlice,
    Complaint,
    Event,
    Hop,
    Message,
    Officer,
    Opening,
    Suggestion,
)
from node.cases.whereabouts import Horizon, custodian_of, horizon, own_hop, whereabouts
from node.context import Node
from node.custody.standing import standing
from node.models.cases import Case, CaseEvent, CaseNote
from node.reference import regions, topics
from node.sync.log import read_history, read_log
from protocol import custody, routing
from protocol.content import Filing, read_filing, read_note
from protocol.custody import ACTING, Stance
from protocol.directory import Directory
from protocol.entry import read_entry


def list_cases(session: Session, node: Node, now: int) -> list[CaseRow]:
    """Return every case of this node, the most urgent first; cases that were handed on stay as stubs."""
    rows = session.scalars(select(Case).where(Case.stance.not_in([Stance.DECLINED, Stance.INVITED]))).all()
    seen = horizon(session, node, rows, now)
    found = [_row(session, node, case, _complaint(node, case), seen, now) for case in rows]
    return sorted(found, key=lambda row: (not row.here, row.due_at is None, row.due_at or 0, -row.received_at))


def list_some_cases(session: Session, node: Node, wanted: CaseQuery, now: int) -> CaseSlice:
    """Return at most `wanted.limit` cases, the newest first, and where the next ones begin."""
    query = select(Case).where(Case.stance.not_in([Stance.DECLINED, Stance.INVITED]))
    if wanted.state is not None:
        query = query.where(Case.state == wanted.state)
    if wanted.after is not None:
        query = query.where(tuple_(Case.received_at, Case.case_id) < tuple_(*map(literal, wanted.after)))
    ordered = query.order_by(Case.received_at.desc(), Case.case_id.desc()).limit(wanted.limit + 1)
    found = session.scalars(ordered).all()
    shown = found[: wanted.limit]
    last = shown[-1] if len(found) > len(shown) else None
    seen = horizon(session, node, shown, now)
    rows = tuple(_row(session, node, case, _complaint(node, case), seen, now) for case in shown)
    return CaseSlice(rows, None if last is None else (last.received_at, last.case_id))


def read_case(session: Session, node: Node, number: str, officer: Officer, now: int) -> CasePage:
    """Return one case as `officer` sees it; raise NoSuchCaseError."""
    del officer  # every officer who may read cases sees the same; the web asks the permissions
    case = find_case(session, number)
    filing = _filing(node, case)
    complaint = None if filing is None else Complaint(**filing.complaint)
    directory = _directory(session, node)
    claims = [] if complaint is None else routing.claims(directory, complaint.region, complaint.topic)
    actions = allowed_actions(session, node, case, now)
    offered = Stance(case.stance) is not Stance.HELD and case.offered_to is not None
    seen = horizon(session, node, [case], now)
    row = _row(session, node, case, complaint, seen, now)
    custodian = custodian_of(node, case, seen.records)
    return CasePage(
        row=row,
        complaint=complaint,
        identity_sealed=case.identity is not None,
        grant_pending=Stance(case.stance) in ACTING and case.identity is None,
        custodian=office_name(session, node, custodian),
        custodian_id=custodian,
        history=_history(session, node, case),
        hops=_hops(session, node, case, seen.records, open_to=case.offered_to if offered else None),
        messages=_messages(session, node, case),
        openings=_openings(session, node, case),
        suggestion=_suggestion(claims[0]) if claims else None,
        ruling=None if case.ruled_for is None else _named(directory, case.ruled_for, "Ditetapkan oleh triase"),
        recipients=_recipients(directory, node),
        actions=actions,
        attachments=_attached(filing),
        next_states=next_states(case, node),
        recall_from=standing(session, node, case).recall_from if row.custody == "offered" else None,
    )


def proven_hops(session: Session, node: Node, hops: tuple[custody.Hop, ...]) -> tuple[Hop, ...]:
    """Return proven hops as views, with the log position of each accept."""
    log = read_log(session)
    found = []
    for hop in hops:
        offer, accept = read_entry(hop.offer).entry, read_entry(hop.accept).entry
        leaf = log.first_with_slot(accept.slot or "")
        sender, recipient = (office_name(session, node, party) for party in (offer.sender, offer.recipient))
        index = None if leaf is None else leaf[0]
        found.append(Hop(sender, recipient, offer.at, accept.at, index, offer.sender, offer.recipient))
    return tuple(found)


def _row(session: Session, node: Node, case: Case, complaint: Complaint | None, seen: Horizon, now: int) -> CaseRow:
    here = Stance(case.stance) in {Stance.HELD, Stance.OFFERED}
    stance = "offered" if Stance(case.stance) is Stance.OFFERED else "held" if here else "gone"
    return CaseRow(
        number=case.number,
        state=State(case.state),
        kind=complaint.kind if complaint else "",
        topic=complaint.topic if complaint else "",
        region=complaint.region if complaint else "",
        secrecy=complaint.secrecy if complaint else "",
        received_at=case.received_at,
        due_at=case.due_at,
        overdue=here and case.due_at is not None and case.due_at < now,
        origin=office_name(session, node, case.origin),
        custody="asking" if here and case.state == State.AWAITING_RULING else stance,
        here=here,
        whose=whereabouts(session, node, case, seen),
        origin_id=case.origin,
    )


def _complaint(node: Node, case: Case) -> Complaint | None:
    filing = _filing(node, case)
    return None if filing is None else Complaint(**filing.complaint)


def _filing(node: Node, case: Case) -> Filing | None:
    if case.content is None:
        return None
    try:
        return read_filing(open_content(node, case.case_id, case.content, "content"))
    except KeysError:
        return None  # the wrapping is gone or damaged: the stub still shows, so that people see that something is wrong


def _attached(filing: Filing | None) -> tuple[Attached, ...]:
    files = () if filing is None else filing.attachments
    return tuple(Attached(each.id, each.name, each.type, each.size) for each in files)


def _history(session: Session, node: Node, case: Case) -> tuple[Event, ...]:
    rows = session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.case_id).order_by(CaseEvent.id))
    members = _directory(session, node).members

    def detail(text: str) -> str:
        mark, colon, rest = text.rpartition(":")
        return f"{mark}{colon}{members[rest].name}" if rest in members else text

    here, own = node.settings.display_name, node.member_id
    return tuple(Event(row.at, State(row.state), here, detail(row.detail), own) for row in rows)


def _hops(session: Session, node: Node, case: Case, records: Records, open_to: str | None) -> tuple[Hop, ...]:
    found = proven_hops(session, node, hops_of(case.hops))
    if open_to is None:
        return found
    here, there = node.settings.display_name, office_name(session, node, open_to)
    offered_at, accepted_at, index = own_hop(case, records)
    return (*found, Hop(here, there, offered_at, accepted_at, index, node.member_id, open_to))


def _messages(session: Session, node: Node, case: Case) -> tuple[Message, ...]:
    rows = _notes(session, case, {"reply", "reason", "ruling", "message"})
    return tuple(
        Message(row.at, _author(session, node, row), _text(node, case, row), row.kind == "message", row.member)
        for row in rows
    )


def _openings(session: Session, node: Node, case: Case) -> tuple[Opening, ...]:
    rows = _notes(session, case, {"opening"})
    return tuple(
        Opening(row.at, office_name(session, node, row.member), row.author, _text(node, case, row), row.member)
        for row in rows
    )


def _notes(session: Session, case: Case, kinds: set[str]) -> list[CaseNote]:
    query = select(CaseNote).where(CaseNote.case_id == case.case_id, CaseNote.kind.in_(kinds)).order_by(CaseNote.id)
    return list(session.scalars(query))


def _text(node: Node, case: Case, row: CaseNote) -> str:
    try:
        return read_note(open_content(node, case.case_id, row.sealed, "note")).text
    except KeysError:
        return "[Catatan ini tidak dapat dibuka lagi.]"


def _author(session: Session, node: Node, row: CaseNote) -> str:
    return row.author if row.kind == "reply" else office_name(session, node, row.member)


def _directory(session: Session, node: Node) -> Directory:
    """Return the newest directory; one without members on a node that never reached the hub and works all the same."""
    versions = read_history(session, node.federation).versions
    return versions[-1][1] if versions else Directory(1, 0, node.federation.hub, (), {})


def _suggestion(claim: routing.Claim) -> Suggestion:
    named = (
        regions.name_of(claim.region) if claim.region else "",
        topics.name_of(claim.topic) if claim.topic else "",
    )
    why = " · ".join(name for name in named if name)
    return Suggestion(claim.member.id, claim.member.name, why or "berwenang untuk semua wilayah dan topik")


def _named(directory: Directory, member: str, why: str) -> Suggestion:
    found = directory.members.get(member)
    return Suggestion(member, found.name if found else member, why)


def _recipients(directory: Directory, node: Node) -> tuple[Suggestion, ...]:
    others = (m for m in directory.members.values() if m.takes_offers and m.id != node.member_id)
    return tuple(Suggestion(m.id, m.name, m.kind) for m in sorted(others, key=lambda m: m.name))

"""The triage node's desk: it sees content, never an identity, and names whose matter it is."""

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.cases.atrest import erase, open_content
from node.cases.names import office_name
from node.cases.views import (
    AskPage,
    AskRow,
    Complaint,
    NoSuchCaseError,
    Officer,
    RecipientError,
    Rule,
    StateError,
    Suggestion,
)
from node.context import Node
from node.models.cases import Ask
from node.sync.log import read_history
from node.sync.outbox import Draft, queue
from protocol.content import Note, read_question, ruling_body
from protocol.directory import Use
from service.database import afterwards


def list_asks(session: Session, node: Node) -> list[AskRow]:
    """Return all questions, open ones first, oldest first."""
    rows = [_row(session, node, ask) for ask in session.scalars(select(Ask))]
    return sorted(rows, key=lambda row: (row.ruled_at is not None, row.asked_at))


def read_ask(session: Session, node: Node, ask_id: str, officer: Officer) -> AskPage:
    """Return one question; raise NoSuchCaseError."""
    del officer
    ask = _find(session, ask_id)
    page = AskPage(_row(session, node, ask), None, "", _recipients(session, node))
    if ask.content is None:
        return page
    question = read_question(open_content(node, ask.ask_id, ask.content, "content"))
    return replace(page, complaint=Complaint(**question.complaint), reason=question.reason)


def rule(session: Session, node: Node, command: Rule, now: int) -> None:
    """Name the recipient, binding, and erase the content: triage keeps none."""
    ask = _find(session, command.ask_id)
    if ask.ruling_id is not None:
        raise StateError("Penetapan untuk pertanyaan ini sudah dikirim.")
    directory = read_history(session, node.federation).latest
    named = directory.members.get(command.to)
    if named is None or not named.takes_offers:
        raise RecipientError("Instansi ini tidak dikenal atau sedang tidak menerima penerusan. Pilih instansi lain.")
    key = directory.member(ask.asked_by).sealing_key(Use.CASE)
    draft = Draft(
        "ruling",
        ask.asked_by,
        ref=ask.ask_id,
        body=ruling_body(named.id),
        sealed={"message": (Note(command.reason).encode(), key)},
    )
    ask.ruling_id = queue(session, node, draft, now).entry.id
    ask.ruled_for, ask.ruled_at, ask.content = named.id, now, None
    ask_id = ask.ask_id
    afterwards(session, lambda: erase(node, ask_id))


def _find(session: Session, ask_id: str) -> Ask:
    found = session.get(Ask, ask_id)
    if found is None:
        raise NoSuchCaseError("Tidak ada pertanyaan dengan nomor ini.")
    return found


def _row(session: Session, node: Node, ask: Ask) -> AskRow:
    named = "" if ask.ruled_for is None else office_name(session, node, ask.ruled_for)
    asked_by = office_name(session, node, ask.asked_by)
    return AskRow(ask.ask_id, asked_by, ask.asked_at, ask.ruled_at, named, ask.asked_by, ask.ruled_for or "")


def _recipients(session: Session, node: Node) -> tuple[Suggestion, ...]:
    members = read_history(session, node.federation).latest.members.values()
    taking = sorted((m for m in members if m.takes_offers), key=lambda m: m.name)
    return tuple(Suggestion(m.id, m.name, m.kind) for m in taking)

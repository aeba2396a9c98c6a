"""The triage node's desk: questions about whose matter a case is, and rulings, which bind."""

from typing import Final

from node.api import guard, wire
from node.api.answers import AskPageAnswer, AsksAnswer, RulingAnswer
from node.api.schemas import RulingBody
from node.api.spec import Blueprint, operation
from node.cases import triage
from node.cases.names import office_name
from node.cases.views import Rule
from node.people.permissions import Action
from node.web import current

asks: Final = Blueprint("triage", "What the triage node does; at any other node there are no questions.")
_ID: Final = (
    {
        "name": "ask_id",
        "in": "path",
        "required": True,
        "description": "The question's id.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 22},
    },
)


@operation(asks, "GET", "/asks", gives=(200, AsksAnswer), action=Action.RULE)
def list_asks() -> wire.Wire:
    """List the questions, open ones first, the oldest first."""
    node = current.node()
    with node.database.reading() as session:
        return {"items": [wire.ask(each) for each in triage.list_asks(session, node)]}


@operation(asks, "GET", "/asks/<ask_id>", gives=(200, AskPageAnswer), action=Action.RULE, problems=(404,),
           parameters=_ID)  # fmt: skip
def read_ask(ask_id: str) -> wire.Wire:
    """Show a question.

    With the content, never an identity; the content is erased when the ruling goes out.
    """
    node = current.node()
    with node.database.reading() as session:
        return wire.ask_page(triage.read_ask(session, node, ask_id, guard.officer()))


@operation(
    asks, "POST", "/asks/<ask_id>/rulings", gives=(202, RulingAnswer),
    example={"id": "3kU0Jm1nT9yS5q2bVwXz4A", "to": {"id": "kemensos", "name": "Kementerian Sosial"}},
    takes=RulingBody, sent={"to": "kemensos", "reason": "Sesuai tugasnya."}, action=Action.RULE, problems=(404, 409),
    parameters=_ID,
)  # fmt: skip
def rule(ask_id: str, given: dict[str, str]) -> wire.Wire:
    """Name the office whose matter it is; it cannot refuse."""
    node, now = current.node(), current.now()
    with node.database.transaction() as session:
        triage.rule(session, node, Rule(ask_id, given["to"], given["reason"], guard.officer()), now)
        to = wire.office(given["to"], office_name(session, node, given["to"]))
    return {"id": ask_id, "to": to}

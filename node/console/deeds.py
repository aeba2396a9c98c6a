"""What an officer can do with a case, as a table: address, permission, form and service. Routes only walk it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from marshmallow import Schema
from sqlalchemy.orm import Session

from node.cases import desk
from node.cases.views import CaseAction, HandOver, Officer
from node.console import schemas
from node.context import Node
from node.people.permissions import Action

#: (session, node, case number, the loaded form, officer, now) -> what the service gives, mostly None
Service = Callable[[Session, Node, str, Mapping[str, str], Officer, int], Any]


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing to do: `name` is one of the domain's CasePage.actions, `slug` stands in the address."""

    name: str
    slug: str
    action: Action
    form: type[Schema]
    service: Service


def _hand_over(session: Session, node: Node, number: str, given: Mapping[str, str], officer: Officer, now: int) -> None:
    desk.hand_over(session, node, HandOver(number, given["to"], given["reason"], officer), now)


def _with_text(act: Callable[[Session, Node, CaseAction, int], Any], field: str | None) -> Service:
    def service(session: Session, node: Node, number: str, given: Mapping[str, str], officer: Officer, now: int) -> Any:  # noqa: ANN401 - what the service gives
        return act(session, node, CaseAction(number, given[field] if field else "", officer), now)

    return service


_ALL: Final = (
    Deed("obey", "patuhi", Action.OBEY, schemas.ObeyForm, _with_text(desk.obey_ruling, None)),
    Deed("hand_over", "teruskan", Action.HAND_OVER, schemas.HandOverForm, _hand_over),
    Deed("ask_triage", "tanya-triase", Action.ASK_TRIAGE, schemas.ReasonForm, _with_text(desk.ask_triage, "reason")),
    Deed("recall", "tarik-kembali", Action.RECALL, schemas.RecallForm, _with_text(desk.recall, "reason")),
    Deed("reply", "tanggapi", Action.REPLY, schemas.AnswerForm, _with_text(desk.reply, "text")),
    Deed("close", "tutup", Action.CLOSE, schemas.CloseForm, _with_text(desk.close, "text")),
    Deed(
        "open_identity",
        "buka-identitas",
        Action.OPEN_IDENTITY,
        schemas.OpenIdentityForm,
        _with_text(desk.open_identity, "reason"),
    ),
)
DEEDS: Final = {deed.slug: deed for deed in _ALL}

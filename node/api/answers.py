"""What the API gives. Times are RFC 3339 in UTC; every member is always there, null where there is nothing."""

from typing import Any, Final

from marshmallow import Schema, fields

from node.cases.lifecycle import State
from node.cases.whose import Whose
from node.people.permissions import ROLES
from node.web.i18n import iso
from node.web.words import KINDS, SECRECIES
from protocol.directory import Kind

_STATES: Final = [state.value for state in State]


class Moment(fields.DateTime):
    """Whole seconds since 1970, given as `2026-11-21T07:05:00Z`."""

    def _serialize(self, value: Any, *_rest: Any, **_more: Any) -> Any:  # noqa: ANN401  marshmallow's own
        return None if value is None else iso(value)


def _text(description: str = "", *, null: bool = False, **more: object) -> fields.String:
    return fields.String(required=True, allow_none=null, metadata={"description": description, **more})


def _moment(description: str = "", *, null: bool = False) -> Moment:
    return Moment(required=True, allow_none=null, metadata={"description": description})


def _flag(description: str) -> fields.Boolean:
    return fields.Boolean(required=True, metadata={"description": description})


def _one(schema: type[Schema], *, null: bool = False) -> fields.Nested:
    return fields.Nested(schema, required=True, allow_none=null)


def _many(schema: type[Schema]) -> Any:  # noqa: ANN401  a list of many types
    return fields.List(fields.Nested(schema), required=True)


def _status() -> fields.String:
    return _text("Where the case stands.", enum=_STATES)


class SetBackAnswer(Schema):
    """That this office was put back to a backup, and what it lacks since."""

    at = _moment("When it was put back.")
    backup_of = _moment("Reports filed between this time and `at` may be lost.")
    restoring = _flag("Whether it is not done comparing with the hub yet: some reports may come back.")
    numbers = fields.List(
        fields.String(), required=True, metadata={"description": "The numbers of the cases that are lost."}
    )


class ProblemBody(Schema):
    """A problem (RFC 9457)."""

    type = _text("A URN that never changes, `urn:simpul:api:<name>`.")
    title = _text("In the language of Accept-Language, Indonesian by default.")
    status = fields.Integer(required=True)
    detail = _text()
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "What is wrong with each field, by its path (`identity.nik`)."},
    )
    possible = fields.List(fields.String(), metadata={"description": "What could have been asked for instead."})
    set_back = fields.Nested(SetBackAnswer, metadata={"description": "What was lost, with `urn:simpul:api:set-back`."})


class Office(Schema):
    """An office."""

    id = _text("Its id in the directory.")
    name = _text()


class FiledAnswer(Schema):
    """What a reporter gets."""

    number = _text("The number of the case, for talking about it; it opens nothing.")
    receipt = _text("The receipt code: the one key to status and answers. It is shown now and kept nowhere.")


class ComplaintAnswer(Schema):
    """A report as it was written."""

    kind = fields.String(data_key="class", required=True, metadata={"enum": list(KINDS)})
    topic = _text()
    region = _text()
    text = _text()
    secrecy = _text(enum=list(SECRECIES))


class EventAnswer(Schema):
    """A line of the history, the newest last."""

    at = _moment()
    status = _status()
    office = _one(Office)


class HopAnswer(Schema):
    """A hand-over, with the position of its proof in the public log."""

    sender = fields.Nested(Office, data_key="from", required=True)
    recipient = fields.Nested(Office, data_key="to", required=True)
    offered_at = _moment()
    accepted_at = _moment(null=True)
    log_index = fields.Integer(required=True, allow_none=True)


class ReplyAnswer(Schema):
    """An answer of an office."""

    at = _moment()
    office = _one(Office)
    text = _text()


class OwnMessageAnswer(Schema):
    """What the reporter added."""

    at = _moment()
    text = _text()


class OpeningAnswer(Schema):
    """One opening of the identity."""

    at = _moment()
    office = _one(Office)
    role = _text(enum=list(ROLES))
    reason = _text()


class AttachedAnswer(Schema):
    """A file that the reporter attached."""

    id = _text("For asking for the file itself.")
    name = _text("As its sender called it, made safe for every system.")
    type = _text("Told by its content.")
    size = fields.Integer(required=True, metadata={"description": "In bytes."})


class WhereaboutsAnswer(Schema):
    """Who has a case, as this node can know it."""

    code = _text("How far a hand-over is; never renamed.", enum=[code.value for code in Whose])
    office = fields.Nested(
        Office, required=True, allow_none=True, metadata={"description": "The other office that `code` speaks of."}
    )
    since = _moment(null=True)
    heard_at = _moment("When this node last read the log; null: never.", null=True)
    old = _flag("Whether the log was read so long ago that it may say something else by now.")
    text = _text("The same in a sentence, in the language of the request.")


class TrackAnswer(Schema):
    """What a receipt code shows."""

    number = _text()
    filed_at = _moment()
    status = _status()
    custodian = _one(Office)
    whereabouts = _one(WhereaboutsAnswer)
    deadline = _moment("By when the next step is due.", null=True)
    history = _many(EventAnswer)
    hops = _many(HopAnswer)
    replies = _many(ReplyAnswer)
    messages = _many(OwnMessageAnswer)
    openings = _many(OpeningAnswer)
    complaint = _one(ComplaintAnswer)
    attachments = _many(AttachedAnswer)


class TakenAnswer(Schema):
    """What was taken, and will reach its office with the next sync."""

    number = _text()


class TokenAnswer(Schema):
    """A bearer token."""

    token = _text("Send it as `Authorization: Bearer <token>`.")
    expires_at = _moment("At the latest; sooner when it is not used for 30 minutes.")


class RowAnswer(Schema):
    """A case in the list. Nothing of what was written beyond class, topic and region; null once it was handed on."""

    number = _text()
    status = _status()
    kind = fields.String(data_key="class", required=True, allow_none=True, metadata={"enum": [*KINDS, None]})
    topic = _text(null=True)
    region = _text(null=True)
    secrecy = _text(null=True, enum=[*SECRECIES, None])
    received_at = _moment()
    deadline = _moment(null=True)
    overdue = _flag("Whether the deadline has passed here.")
    origin = _one(Office)
    custody = _text("Where the case is, seen from here.", enum=["held", "offered", "asking", "gone"])
    whereabouts = _one(WhereaboutsAnswer)


class RowsAnswer(Schema):
    """Some cases, the newest first."""

    items = _many(RowAnswer)
    next = _text("The cursor for `after`; null on the last page.", null=True)


class ThreadAnswer(Schema):
    """A line of the thread: an answer, a reason of an office, or what the reporter added."""

    at = _moment()
    office = _text("The id of the office where it was written.")
    author = _text("An officer's name, or an office's; empty for the reporter.")
    text = _text()
    from_reporter = _flag("Whether the reporter wrote it.")


class NamedAnswer(Schema):
    """An office with why it is named."""

    id = _text()
    name = _text()
    why = _text()


class CaseAnswer(RowAnswer):
    """A case with all that an officer of its custodian sees. After a hand-over only the stub is left."""

    custodian = _one(Office)
    complaint = _one(ComplaintAnswer, null=True)
    attachments = _many(AttachedAnswer)
    identity_sealed = _flag("Whether an identity is here, closed.")
    identity_pending = _flag("Whether the case is here, and the identity still on its way.")
    history = _many(EventAnswer)
    hops = _many(HopAnswer)
    thread = _many(ThreadAnswer)
    openings = _many(OpeningAnswer)
    suggestion = _one(NamedAnswer, null=True)
    ruling = _one(NamedAnswer, null=True)
    actions = fields.List(fields.String(), required=True, metadata={"description": "What this officer may do now."})
    recall_from = _moment("From when on the open offer may be taken back; null where there is none.", null=True)
    transitions = fields.List(
        fields.String(metadata={"enum": _STATES}),
        required=True,
        metadata={"description": "Where `POST …/transitions` may move the case now."},
    )


class MovedAnswer(Schema):
    """How a case stands after a step."""

    number = _text()
    status = _status()
    deadline = _moment(null=True)


class OfferedAnswer(MovedAnswer):
    """An offer on its way."""

    to = _one(Office)


class PersonAnswer(Schema):
    """Who reported; an empty text where a field was not given."""

    name = _text()
    phone = _text()
    email = _text()
    nik = _text()


class IdentityAnswer(Schema):
    """An opened identity; null when none was given."""

    identity = _one(PersonAnswer, null=True)
    shown_to_reporter = _flag("Always true: the reporter sees that it was opened, by which role, and why.")


class AskAnswer(Schema):
    """A question before the triage node."""

    id = _text()
    asked_by = _one(Office)
    asked_at = _moment()
    ruled_at = _moment(null=True)
    ruled_for = _one(Office, null=True)


class AsksAnswer(Schema):
    """All questions, open ones first."""

    items = _many(AskAnswer)


class AskPageAnswer(AskAnswer):
    """A question with its content, which is erased when the ruling goes out."""

    complaint = _one(ComplaintAnswer, null=True)
    reason = _text()
    recipients = _many(NamedAnswer)


class RulingAnswer(Schema):
    """A ruling on its way."""

    id = _text("The question's id.")
    to = _one(Office)


class TopicAnswer(Schema):
    """A topic, or a category where `parent` is null."""

    code = _text()
    name = _text()
    parent = _text(null=True)


class TopicsAnswer(Schema):
    """All topics, each category before its own."""

    items = _many(TopicAnswer)


class RegionAnswer(Schema):
    """A region: level 1 province, 2 regency or city, 3 district."""

    code = _text()
    name = _text()
    level = fields.Integer(required=True)
    path = _text("With what it lies in.")


class RegionsAnswer(Schema):
    """What was found, the best first."""

    items = _many(RegionAnswer)


class MemberAnswer(Schema):
    """A member of the federation."""

    id = _text()
    name = _text()
    kind = _text(enum=[kind.value for kind in Kind])
    takes_offers = _flag("Whether a case may be offered to it now.")


class DirectoryAnswer(Schema):
    """The newest directory that this node has read; no members before its first sync."""

    version = fields.Integer(required=True, allow_none=True)
    items = _many(MemberAnswer)

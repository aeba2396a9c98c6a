"""What the API takes: every field with its limits, so that the document and the check are one."""

import base64
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from node.api import words
from node.cases.lifecycle import State
from node.files.intake import MAX_FILES
from node.reference.regions import UnknownRegionError, region
from node.reference.topics import UnknownTopicError, topic
from node.web.words import KINDS, SECRECIES

MAX_TEXT_CHARACTERS: Final = 8_000
MAX_REASON_CHARACTERS: Final = 2_000
MAX_LIST: Final = 200
DEFAULT_LIST: Final = 50

_TELL: Final[dict[str, Any]] = {"required": words.REQUIRED, "null": words.NULL}
#: One character at least that no alphabet of regular expressions takes for a blank.
_FILLED: Final = re.compile(r"[^\s\x00-\x20\x7f-\xa0\ufeff]")
_PARTY: Final = re.compile(r"^[a-z0-9-]{2,63}$")
_TOPIC: Final = re.compile(r"^([a-z0-9-]+(/[a-z0-9-]+)?)?$")
_REGION: Final = re.compile(r"^([0-9]{2}(\.[0-9]{2}){0,2})?$")
_ONE_LINE: Final = re.compile(r"^[^\x00-\x1f\x7f]*$")
_PHONE: Final = re.compile(r"^([+(]?[0-9][0-9 ().-]{5,28}[0-9])?$")
_EMAIL: Final = re.compile(r"^([^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+\.[^@\s\x00-\x1f\x7f.]+)?$")
_NIK: Final = re.compile(r"^([0-9]{16})?$")
_KEY: Final = re.compile(r"^[!-~]+$")
_FILE_ID: Final = re.compile(r"^[A-Za-z0-9_-]{43}$")
_CURSOR: Final = re.compile(r"^[A-Za-z0-9_-]+$")


class _Form(validate.Validator):
    """The whole text is of one form; marshmallow's own check would let a line end follow it."""

    def __init__(self, regex: re.Pattern[str], *, anywhere: bool = False, error: words.Words = words.FORM) -> None:
        self.regex: Final = regex  # which the document shows as `pattern`
        self._find: Final = regex.search if anywhere else regex.fullmatch
        self._error: Final = error

    def __call__(self, value: str) -> str:
        if self._find(value) is None:
            raise ValidationError([_told(self._error)])
        return value


def _told(text: words.Words) -> Any:  # noqa: ANN401  marshmallow takes anything, and says it expects text
    return text


def _length(low: int, high: int) -> validate.Length:
    return validate.Length(min=low, max=high, error=_told(words.LENGTH))


def _at_most(high: int) -> validate.Length:
    return validate.Length(max=high, error=_told(words.TOO_LONG))


def _one_of(choices: Sequence[str]) -> validate.OneOf:
    return validate.OneOf(choices, error=_told(words.CHOICE))


def _about(description: str, **more: object) -> dict[str, Any]:
    return {"description": description, **more}


class Text(fields.String):
    """Text, with words of our own for what is wrong with it."""

    default_error_messages = {**_TELL, "invalid": _told(words.NO_TEXT)}  # noqa: RUF012  marshmallow's own way


class Whole(fields.Integer):
    """A whole number."""

    default_error_messages = {**_TELL, "invalid": _told(words.NO_NUMBER)}  # noqa: RUF012  marshmallow's own way


def filled(most: int, description: str, *, required: bool = True, **more: Any) -> Text:  # noqa: ANN401
    """Return a field of text that is not blank."""
    checks = [_length(1, most), _Form(_FILLED, anywhere=True, error=words.BLANK)]
    return Text(required=required, validate=checks, metadata=_about(description), **more)


class Body(Schema):
    """A body or a query: fields that nobody asked for are refused."""

    class Meta:
        """Whatever we did not ask for is refused."""

        unknown = RAISE

    error_messages = {"unknown": _told(words.UNKNOWN), "type": _told(words.NO_OBJECT)}  # noqa: RUF012  as above


class IdentityBody(Body):
    """Who reports. Every field may be left out, null or empty; it is sealed and opened only with a reason."""

    name = Text(
        load_default="", allow_none=True, validate=[_at_most(200), _Form(_ONE_LINE)], metadata=_about("In one line.")
    )
    phone = Text(load_default="", allow_none=True, validate=[_Form(_PHONE)], metadata=_about("Digits, 7 to 30."))
    email = Text(load_default="", allow_none=True, validate=[_at_most(254), _Form(_EMAIL)], metadata=_about("Whole."))
    nik = Text(load_default="", allow_none=True, validate=[_Form(_NIK)], metadata=_about("The 16 digits of the card."))


class Base64(fields.String):
    """The bytes behind base64 text (RFC 4648 section 4, with padding)."""

    default_error_messages = {**_TELL, "invalid": _told(words.BASE64)}  # noqa: RUF012  marshmallow's own way

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:  # noqa: ANN401  marshmallow's
        text = super()._deserialize(value, attr, data, **more)
        try:
            return base64.b64decode(text, validate=True)
        except ValueError:
            raise self.make_error("invalid") from None


class AttachmentBody(Body):
    """A file."""

    name = Text(required=True, validate=_at_most(255), metadata=_about("As the reporter's device calls it."))
    content = Base64(
        required=True,
        metadata=_about(
            "The file in base64. Its content tells what it is: JPEG, PNG, WebP, HEIC, PDF, MP3, M4A, OGG, WAV or MP4.",
            contentEncoding="base64",
        ),
    )
    type = Text(load_default="", validate=_at_most(100), metadata=_about("Taken, and not looked at."))


def _known(find: Callable[[str], object], unknown: type[Exception], told: words.Words) -> Callable[[str], None]:
    def check(code: str) -> None:
        if code:
            try:
                find(code)
            except unknown:
                raise ValidationError([_told(told)]) from None

    return check


class FilingBody(Body):
    """A report as a whole."""

    kind = Text(data_key="class", required=True, validate=_one_of(list(KINDS)), metadata=_about("What it is."))
    topic = Text(
        load_default="",
        validate=[_at_most(120), _Form(_TOPIC), _known(topic, UnknownTopicError, words.TOPIC)],
        metadata=_about("A code of `GET /topics`; empty: not known."),
    )
    region = Text(
        load_default="",
        validate=[_Form(_REGION), _known(region, UnknownRegionError, words.REGION)],
        metadata=_about("A code of `GET /regions`, down to the district; empty: not known."),
    )
    text = filled(MAX_TEXT_CHARACTERS, "What the reporter writes; kept character by character.")
    secrecy = Text(
        required=True,
        validate=_one_of(list(SECRECIES)),
        metadata=_about("`open`: named. `anonymous`: the name is sealed. `secret`: the content is never published."),
    )
    identity = fields.Nested(IdentityBody, load_default=None, allow_none=True, error_messages={**_TELL})
    attachments = fields.List(
        fields.Nested(AttachmentBody, error_messages={**_TELL}),
        load_default=list,
        validate=validate.Length(max=MAX_FILES, error=_told(words.TOO_MANY_FILES)),
        error_messages={**_TELL, "invalid": _told(words.NO_LIST)},
        metadata=_about("Photos, PDF, sound or video: 10 at most, 20 MB (20,971,520 bytes) together."),
    )


class FilingHeaders(Schema):
    """The headers of a filing that mean something to us."""

    key = Text(
        data_key="Idempotency-Key",
        validate=[_length(16, 200), _Form(_KEY)],
        metadata=_about(
            "Makes a repeated request safe: the same key with the same body gives the same number and receipt. Use a "
            "fresh one of at least 128 random bits for each report and keep it as secret as the receipt: whoever knows "
            "both key and body can ask for the receipt again."
        ),
    )


class TrackBody(Body):
    """A receipt code."""

    receipt = Text(
        required=True, validate=_length(1, 100), metadata=_about("As it stands on the receipt; dashes may be left out.")
    )


class MessageBody(TrackBody):
    """What a reporter adds."""

    text = filled(MAX_TEXT_CHARACTERS, "What the reporter adds.")


class LoginBody(Body):
    """An officer's name and password."""

    username = Text(required=True, validate=[_length(1, 64), _Form(_ONE_LINE)])
    password = Text(required=True, validate=_length(1, 1_024), load_only=True, metadata=_about("", format="password"))
    totp = Text(
        load_default=None,
        allow_none=True,
        validate=_at_most(16),
        metadata=_about("The one-time code. No account has one yet: it is taken, and not looked at."),
    )


class AttachmentQuery(TrackBody):
    """Which attachment."""

    id = Text(required=True, validate=_Form(_FILE_ID), metadata=_about("The `id` that `POST /track` gave."))


class ListQuery(Body):
    """Which cases to list."""

    limit = Whole(
        load_default=DEFAULT_LIST,
        validate=validate.Range(1, MAX_LIST, error=_told(words.RANGE)),
        metadata=_about("How many at most."),
    )
    after = Text(
        validate=[_length(1, 100), _Form(_CURSOR)], metadata=_about("The value of `next` in the answer before.")
    )
    state = Text(validate=_one_of([state.value for state in State]), metadata=_about("Only cases in this state."))


class OfferBody(Body):
    """Whom to offer a case to."""

    to = Text(
        load_default=None,
        allow_none=True,
        validate=_Form(_PARTY),
        metadata=_about("A member's id of `GET /directory`; may be left out where a ruling names the office."),
    )
    reason = filled(MAX_REASON_CHARACTERS, "Why; the recipient reads it.")


class ReplyBody(Body):
    """An answer to the reporter."""

    text = filled(MAX_TEXT_CHARACTERS, "Goes sealed to the reporter's mailbox.")


class TransitionBody(Body):
    """Where to move a case."""

    to = Text(required=True, validate=_one_of([state.value for state in State]), metadata=_about("The next state."))
    reason = Text(
        load_default="",
        validate=_at_most(MAX_REASON_CHARACTERS),
        metadata=_about(
            "Needed for `incomplete`, `archived`, `answered` and `resolved` (the reporter reads it), for "
            "`awaiting_ruling` (triage reads it), and to open a finished case again."
        ),
    )


class ReasonBody(Body):
    """Why an identity is opened."""

    reason = filled(MAX_REASON_CHARACTERS, "The reporter will read it.")


class RecallBody(Body):
    """Why an offer is taken back."""

    reason = filled(MAX_REASON_CHARACTERS, "Kept beside the case; sent nowhere.")


class RulingBody(Body):
    """Whose matter it is."""

    to = Text(required=True, validate=_Form(_PARTY), metadata=_about("A member's id of `GET /directory`."))
    reason = filled(MAX_REASON_CHARACTERS, "The office that asked reads it.")


class RegionQuery(Body):
    """What to look for."""

    q = Text(
        load_default="",
        validate=[_at_most(100), _Form(_ONE_LINE)],
        metadata=_about("A place as a person types it. Left out: the provinces."),
    )

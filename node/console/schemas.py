"""What the forms of the console must be, with the words for whoever has to mend them."""

from typing import Final

from flask_babel import lazy_gettext as _l
from marshmallow import RAISE, Schema, fields, validate

MAX_REASON_CHARACTERS: Final = 2_000
MAX_ANSWER_CHARACTERS: Final = 8_000
CONFIRMED: Final = "ya"

_CONFIRM: Final = _l("Beri tanda bahwa Anda memahami akibatnya.")
_WANTED: Final = _l("Wajib diisi.")
_TOO_LONG: Final = _l("Terlalu panjang: paling banyak {max} huruf.")


def _filled(most: int) -> validate.Validator:
    return validate.And(
        validate.Regexp(r"(?s).*\S", error=_WANTED),
        validate.Length(max=most, error=_TOO_LONG),
    )


def _text(most: int) -> fields.String:
    return fields.String(required=True, validate=_filled(most), error_messages={"required": _WANTED})


def _confirm() -> fields.String:
    return fields.String(
        required=True, validate=validate.Equal(CONFIRMED, error=_CONFIRM), error_messages={"required": _CONFIRM}
    )


class _Form(Schema):
    class Meta:
        """Whatever we did not ask for is refused."""

        unknown = RAISE


class HandOverForm(_Form):
    """Hand a case to another member."""

    to = fields.String(
        required=True,
        validate=validate.Length(min=1, error=_l("Pilih kantor tujuan.")),
        error_messages={"required": _l("Pilih kantor tujuan.")},
    )
    reason = _text(MAX_REASON_CHARACTERS)
    confirm = _confirm()


class RuleForm(HandOverForm):
    """Rule on a question of triage."""


class ReasonForm(_Form):
    """Ask triage."""

    reason = _text(MAX_REASON_CHARACTERS)


class RecallForm(_Form):
    """Take an open offer back."""

    reason = _text(MAX_REASON_CHARACTERS)
    confirm = _confirm()


class ObeyForm(_Form):
    """Obey a ruling."""

    confirm = _confirm()


class AnswerForm(_Form):
    """Answer the reporter."""

    text = _text(MAX_ANSWER_CHARACTERS)


class CloseForm(_Form):
    """Close a case with a last word."""

    text = _text(MAX_ANSWER_CHARACTERS)
    confirm = _confirm()


class OpenIdentityForm(_Form):
    """Open the identity, with the reason that the reporter will read."""

    reason = _text(MAX_REASON_CHARACTERS)
    confirm = _confirm()


class LoginForm(_Form):
    """Name and password."""

    username = fields.String(load_default="")
    password = fields.String(load_default="")

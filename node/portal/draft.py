"""A report while it is being written: the fields of the form, in and out of the page.

The answer to a form is URL-encoded. Every page brings all of these back, so that the server keeps nothing between:

    form_id, receipt, token     what GET /lapor served
    kind, text, region, topic, secrecy, name, phone, email, nik
    step      the page that is answered (a name of `wizard.PAGES`); absent or "send": store the report
    goto      a page to show instead, with nothing checked (the "change" and "back" buttons)
    review    "1" when the page was opened from the review page, which then comes next
    region_q, province, category, skip    answers of pages that only narrow a choice down
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self

from marshmallow import RAISE, Schema
from marshmallow import fields as wire

from node.cases.views import BlankForm, Complaint, Identity


@dataclass(frozen=True, slots=True, repr=False)
class Draft:
    """What was typed so far, byte for byte; empty means not yet. Its repr shows nothing."""

    form_id: str = ""
    receipt: str = ""
    token: str = ""
    kind: str = ""
    text: str = ""
    region: str = ""
    topic: str = ""
    secrecy: str = ""
    name: str = ""
    phone: str = ""
    email: str = ""
    nik: str = ""

    def __repr__(self) -> str:
        return "Draft(hidden)"

    @classmethod
    def of(cls, values: dict[str, str]) -> Self:
        """Take the fields of a draft out of a form's values."""
        return cls(**{name: values.get(name, "") for name in NAMES})

    @property
    def form(self) -> BlankForm:
        """The form that this draft answers."""
        return BlankForm(self.form_id, self.receipt, self.token)

    @property
    def complaint(self) -> Complaint:
        """The report itself."""
        return Complaint(self.kind, self.topic, self.region, self.text, self.secrecy)

    @property
    def identity(self) -> Identity:
        """Who reports, without the blanks around what was typed."""
        return Identity(self.name.strip(), self.phone.strip(), self.email.strip(), self.nik.replace(" ", ""))

    def on(self, form: BlankForm) -> Self:
        """The same report on a fresh form."""
        return replace(self, form_id=form.form_id, receipt=form.receipt, token=form.token)

    def values(self) -> dict[str, str]:
        """The fields by name, in the order of the form."""
        return {name: getattr(self, name) for name in NAMES}


NAMES: Final = tuple(field.name for field in fields(Draft))

#: Fields of a page that are no part of the report.
STEERING: Final = ("step", "goto", "review", "region_q", "province", "category", "skip")


class Envelope(Schema):
    """Every field that an answer may have; all optional, all text, and no other field."""

    class Meta:
        """Whatever we did not ask for is refused."""

        unknown = RAISE
        include: Final[dict[str, Any]] = {name: wire.String(load_default="") for name in (*NAMES, *STEERING)}

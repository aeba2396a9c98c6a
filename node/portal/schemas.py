"""What a report must be, question by question, with the words for whoever has to mend it."""

import re
from typing import Any, Final

from flask_babel import gettext as _
from marshmallow import RAISE, Schema, ValidationError, fields, validates, validates_schema

from node.reference.regions import UnknownRegionError, region
from node.reference.topics import UnknownTopicError, topic
from node.web.words import KINDS, SECRECIES

MAX_NAME_CHARACTERS: Final = 200
MAX_EMAIL_CHARACTERS: Final = 254
_PHONE: Final = re.compile(r"[+(]?[0-9][0-9 ().-]{5,28}[0-9]")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_NIK: Final = re.compile(r"[0-9]{16}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class ReportSchema(Schema):
    """A whole report; validate a part of it with `only=`."""

    class Meta:
        """A field that is not asked for is refused, at every step."""

        unknown = RAISE

    kind = fields.String()
    text = fields.String()
    region = fields.String()
    topic = fields.String()
    secrecy = fields.String()
    name = fields.String()
    phone = fields.String()
    email = fields.String()
    nik = fields.String()

    def __init__(self, *, max_text_characters: int, **options: Any) -> None:  # noqa: ANN401 - marshmallow's own
        super().__init__(**options)
        self._max_text_characters = max_text_characters

    @validates("kind")
    def _kind(self, value: str, **_rest: object) -> None:
        if value not in KINDS:
            raise ValidationError(_("Pilih salah satu jenis laporan."))

    @validates("text")
    def _text(self, value: str, **_rest: object) -> None:
        if not value.strip():
            raise ValidationError(_("Tuliskan apa yang ingin Anda sampaikan."))
        # A browser sends each line end as two characters; the reporter typed one.
        length = len(value.replace("\r\n", "\n"))
        if length > self._max_text_characters:
            raise ValidationError(
                _(
                    "Tulisan Anda %(length)d huruf; paling banyak %(most)d. Kurangi %(over)d huruf.",
                    length=length,
                    most=self._max_text_characters,
                    over=length - self._max_text_characters,
                )
            )

    @validates("region")
    def _region(self, value: str, **_rest: object) -> None:
        if not value:
            return
        try:
            region(value)
        except UnknownRegionError:
            raise ValidationError(_("Tempat ini tidak kami kenal. Pilih lagi tempatnya.")) from None

    @validates("topic")
    def _topic(self, value: str, **_rest: object) -> None:
        if not value:
            return
        try:
            topic(value)
        except UnknownTopicError:
            raise ValidationError(_("Topik ini tidak kami kenal. Pilih lagi topiknya.")) from None

    @validates("secrecy")
    def _secrecy(self, value: str, **_rest: object) -> None:
        if value not in SECRECIES:
            raise ValidationError(_("Pilih siapa yang boleh tahu nama Anda."))

    @validates("name")
    def _name(self, value: str, **_rest: object) -> None:
        if len(value) > MAX_NAME_CHARACTERS or _CONTROL.search(value):
            raise ValidationError(_("Tulis nama dalam satu baris, paling banyak %(most)d huruf.", most=200))

    @validates("phone")
    def _phone(self, value: str, **_rest: object) -> None:
        if value.strip() and _PHONE.fullmatch(value.strip()) is None:
            raise ValidationError(_("Tulis nomor telepon dengan angka saja, misalnya 0812 3456 7890."))

    @validates("email")
    def _email(self, value: str, **_rest: object) -> None:
        typed = value.strip()
        if typed and (len(typed) > MAX_EMAIL_CHARACTERS or _EMAIL.fullmatch(typed) is None or _CONTROL.search(typed)):
            raise ValidationError(_("Tulis alamat email lengkap, misalnya nama@contoh.id."))

    @validates("nik")
    def _nik(self, value: str, **_rest: object) -> None:
        typed = value.replace(" ", "")
        if typed and _NIK.fullmatch(typed) is None:
            raise ValidationError(_("NIK terdiri dari 16 angka. Periksa lagi, atau kosongkan."))

    @validates_schema(skip_on_field_errors=False)
    def _named(self, data: dict[str, Any], **_rest: object) -> None:
        if data.get("secrecy") == "open" and not data.get("name", "").strip() and "name" in self.fields:
            raise ValidationError(_("Untuk laporan terbuka, tulis nama Anda; atau pilih anonim."), "name")

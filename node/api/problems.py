"""Errors as problem details (RFC 9457): one table from what went wrong to status, type and words in both languages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Flask, Response, jsonify, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from keys.errors import KeysError, ReceiptCodeError
from node.api import wire, words
from node.api.words import Words
from node.cases.views import (
    CaseError,
    ForbiddenError,
    NoSuchCaseError,
    NotStoredError,
    RecipientError,
    SetBack,
    SetBackError,
    StateError,
)
from node.web import errors
from node.web.i18n import language
from protocol.errors import ProtocolError

PREFIX: Final = "/api/v1"
MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 5
_URN: Final = "urn:simpul:api:"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem; its `type` is `urn:simpul:api:<name>` and never changes."""

    status: int
    name: str
    title: Words
    detail: Words

    @property
    def type(self) -> str:
        """The stable URN."""
        return f"{_URN}{self.name}"


def _kind(status: int, name: str, title: tuple[str, str], detail: tuple[str, str]) -> Kind:
    return Kind(status, name, Words(*title), Words(*detail))


MALFORMED: Final = _kind(
    400, "malformed",
    ("Permintaan tidak dapat dibaca", "The request cannot be read"),
    ("Isi permintaan harus JSON yang sah dalam UTF-8.", "The body must be valid JSON in UTF-8."),
)  # fmt: skip
TOKEN: Final = _kind(
    401, "token",
    ("Token diperlukan", "A token is needed"),
    ("Token tidak ada, keliru, atau sudah berakhir. Minta yang baru lewat POST /api/v1/session.",
     "No token, a wrong one, or one that has ended. Ask for another with POST /api/v1/session."),
)  # fmt: skip
LOGIN: Final = _kind(
    401, "login",
    ("Gagal masuk", "Login failed"),
    ("Nama pengguna atau kata sandi keliru.", "The username or the password is wrong."),
)  # fmt: skip
FORBIDDEN: Final = _kind(
    403, "forbidden",
    ("Tidak diizinkan", "Not allowed"),
    ("Peran Anda tidak memuat tindakan ini.", "None of your roles allows this."),
)  # fmt: skip
NOT_FOUND: Final = _kind(
    404, "not-found",
    ("Tidak ditemukan", "Not found"),
    ("Tidak ada apa pun di alamat ini, atau tidak ada laporan dengan nomor atau kode ini di simpul ini.",
     "There is nothing at this address, or no case with this number or code at this node."),
)  # fmt: skip
SET_BACK: Final = _kind(
    404, "set-back",
    ("Tidak ditemukan, dan kantor ini pernah memasang kembali cadangan",
     "Not found, and this office was put back to a backup"),
    ("Laporan yang dikirim antara kedua waktu dalam `set_back` mungkin hilang; nomornya di `numbers`. Kirim lagi.",
     "Reports filed between the two times in `set_back` may be lost; `numbers` names them. File it again."),
)  # fmt: skip
METHOD: Final = _kind(
    405, "method",
    ("Metode tidak didukung", "Method not allowed"),
    ("Header Allow menyebut metode yang dapat dipakai.", "The Allow header names the methods that can be used."),
)  # fmt: skip
STATE: Final = _kind(
    409, "state",
    ("Keadaan laporan tidak memungkinkan", "The case is not in a state for this"),
    ("Langkah ini tidak tersedia sekarang; `possible` menyebut yang tersedia.",
     "This step is not open now; `possible` names those that are."),
)  # fmt: skip
TOO_LARGE: Final = _kind(
    413, "too-large",
    ("Kiriman terlalu besar", "The request is too large"),
    ("Isi permintaan paling besar 256 KiB; laporan dengan lampiran 28 MiB (20 MB lampiran). Tidak ada yang tersimpan.",
     "A body has at most 256 KiB; a report with attachments 28 MiB (20 MB of files). Nothing was stored."),
)  # fmt: skip
MEDIA: Final = _kind(
    415, "media-type",
    ("Bentuk kiriman tidak diterima", "Media type not taken"),
    ("Kirim application/json.", "Send application/json."),
)  # fmt: skip
INVALID: Final = _kind(
    422, "invalid",
    ("Isian tidak sesuai", "Some fields are not right"),
    ("`errors` menyebut setiap bidang yang perlu dibetulkan. Tidak ada yang tersimpan.",
     "`errors` names each field to mend. Nothing was stored."),
)  # fmt: skip
KEY_REUSED: Final = _kind(
    422, "idempotency-key-reused",
    ("Kunci idempotensi sudah dipakai", "The idempotency key was used before"),
    ("Kunci ini sudah dipakai untuk laporan dengan isi lain. Pakai kunci baru untuk laporan baru.",
     "This key was used for a report with another body. Use a new key for a new report."),
)  # fmt: skip
INTERNAL: Final = _kind(
    500, "internal",
    ("Ada kesalahan di pihak kami", "Something failed on our side"),
    ("Permintaan dengan Idempotency-Key yang sama aman diulang.",
     "A request with the same Idempotency-Key may safely be repeated."),
)  # fmt: skip
UNAVAILABLE: Final = _kind(
    503, "unavailable",
    ("Layanan sedang terganggu", "Not available now"),
    ("Tidak ada yang tersimpan dari permintaan ini. Ulangi setelah waktu dalam Retry-After.",
     "Nothing of this request was stored. Repeat it after the time in Retry-After."),
)  # fmt: skip

KINDS: Final = (
    MALFORMED, TOKEN, LOGIN, FORBIDDEN, NOT_FOUND, SET_BACK, METHOD, STATE, TOO_LARGE, MEDIA, INVALID, KEY_REUSED,
    INTERNAL, UNAVAILABLE,
)  # fmt: skip
_OF_STATUS: Final = {kind.status: kind for kind in reversed(KINDS)}


class ProblemError(Exception):
    """What a route answers instead of what was asked for."""

    def __init__(
        self,
        kind: Kind,
        errors: Mapping[str, object] | None = None,
        possible: Sequence[str] | None = None,
        detail: str = "",
        set_back: SetBack | None = None,
    ) -> None:
        """`errors` maps a field to what is wrong with it; `possible` is what could have been asked for."""
        super().__init__(kind.name)
        self.kind: Final = kind
        self.errors: Final = errors
        self.possible: Final = possible
        self.detail: Final = detail
        self.set_back: Final = set_back


def answer(problem: ProblemError) -> Response:
    """Return the problem document."""
    kind = problem.kind
    body: dict[str, Any] = {
        "type": kind.type,
        "title": str(kind.title),
        "status": kind.status,
        "detail": problem.detail or str(kind.detail),
    }
    if problem.errors is not None:
        body["errors"] = {field: [str(each) for each in _listed(told)] for field, told in problem.errors.items()}
    if problem.possible is not None:
        body["possible"] = list(problem.possible)
    if problem.set_back is not None:
        body["set_back"] = wire.set_back(problem.set_back)
    response = jsonify(body)
    response.status_code = kind.status
    response.mimetype = MEDIA_TYPE
    response.headers["Content-Language"] = language()
    if kind.status == UNAVAILABLE.status:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if kind.status == TOKEN.status:
        response.headers["WWW-Authenticate"] = 'Bearer realm="simpul"'
    return response


def install(app: Flask) -> None:
    """Let errors below the API's prefix become problems; at every other address they keep their pages."""
    for kind, page in errors.HANDLERS.items():
        app.register_error_handler(kind, _either(page))


def of(error: Exception) -> ProblemError:
    """Return the problem that stands for an error; what is not foreseen is noted in the log, without its message."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, CaseError):
        return _of_case_error(error)
    if isinstance(error, ReceiptCodeError):
        return ProblemError(INVALID, {"receipt": words.RECEIPT})
    if isinstance(error, HTTPException):
        return ProblemError(_OF_STATUS.get(error.code or INTERNAL.status, _nearest(error)))
    errors.log(error)
    known = (SQLAlchemyError, OSError, KeysError, ProtocolError)
    return ProblemError(UNAVAILABLE if isinstance(error, known) else INTERNAL)


def _of_case_error(error: CaseError) -> ProblemError:
    # The domain speaks Indonesian; another reader gets the words of the kind.
    told = str(error) if language() == "id" else ""
    if isinstance(error, SetBackError):
        return ProblemError(SET_BACK, detail=told, set_back=error.told)
    if isinstance(error, NoSuchCaseError):
        return ProblemError(NOT_FOUND, detail=told)
    if isinstance(error, RecipientError):
        return ProblemError(INVALID, {"to": told or words.RECIPIENT})
    if isinstance(error, StateError):
        return ProblemError(STATE, possible=error.possible, detail=told)
    if isinstance(error, NotStoredError):
        errors.log(error)
        return ProblemError(UNAVAILABLE)
    return ProblemError(FORBIDDEN if isinstance(error, ForbiddenError) else STATE, detail=told)


def _either(page: Callable[[Any], Response]) -> Callable[[Any], Response]:
    def handler(error: Exception) -> Response:
        if not is_ours(request.path):
            return page(error)
        response = answer(of(error))
        if isinstance(error, HTTPException):
            for name, value in error.get_headers() or ():
                if name.lower() not in {"content-type", "content-length"}:
                    response.headers[name] = value  # Allow on 405
        return response

    return handler


def is_ours(path: str) -> bool:
    """Whether an address belongs to the API."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def _nearest(error: HTTPException) -> Kind:
    return INTERNAL if (error.code or INTERNAL.status) >= INTERNAL.status else MALFORMED


def _listed(told: object) -> Sequence[object]:
    return told if isinstance(told, list | tuple) else (told,)

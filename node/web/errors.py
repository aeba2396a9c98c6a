"""Error pages in the common layout, which repeat nothing of what was sent; logs that name types and places only."""

import logging
from collections.abc import Callable
from typing import Any, Final

from flask import Flask, Response, make_response, render_template, request
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from node.cases.views import CaseError, ForbiddenError, NoSuchCaseError
from node.web.safelog import Public, describe

_LOG: Final = logging.getLogger(__name__)

_WORDS: Final = {
    400: (_l("Permintaan tidak dapat dibaca"), _l("Kembali ke halaman sebelumnya, muat ulang, lalu coba lagi.")),
    401: (_l("Anda perlu masuk"), _l("Masuk dahulu untuk membuka halaman ini.")),
    403: (_l("Tidak diizinkan"), _l("Peran Anda tidak memuat tindakan ini, atau permintaan datang dari situs lain.")),
    404: (_l("Halaman tidak ditemukan"), _l("Periksa alamatnya, atau mulai dari halaman depan.")),
    405: (_l("Cara membuka halaman ini keliru"), _l("Mulai lagi dari halaman depan.")),
    409: (_l("Keadaan sudah berubah"), _l("Muat ulang halaman sebelumnya untuk melihat keadaan terbaru.")),
    413: (
        _l("Kiriman terlalu besar"),
        _l("Laporan belum tersimpan. Kembali, ringkas tulisan Anda, lalu kirim lagi."),
    ),
    415: (_l("Bentuk kiriman tidak diterima"), _l("Gunakan formulir di situs ini.")),
    500: (
        _l("Ada kesalahan di pihak kami"),
        _l(
            "Bila Anda sedang mengirim laporan: kembali, lalu kirim lagi. "
            "Formulir yang sama tidak akan tersimpan dua kali."
        ),
    ),
    503: (
        _l("Layanan sedang terganggu"),
        _l("Tidak ada yang tersimpan dari kiriman terakhir Anda. Tunggu beberapa menit, lalu coba lagi."),
    ),
}
_OTHER: Final = 500


def install(app: Flask) -> None:
    """Register the handlers on the application."""
    for kind, handler in HANDLERS.items():
        app.register_error_handler(kind, handler)


def page(status: int, message: str = "") -> Response:
    """Return the page of an HTTP status; `message` (never what was sent) stands in place of the usual words."""
    title, words = _WORDS.get(status, _WORDS[_OTHER])
    body = render_template("error.html", title=title, words=message or words, status=status)
    return make_response(body, status)


def log(error: BaseException) -> None:
    """Note an error by the rule that answered, its type and its places; never its message nor the address."""
    rule = request.url_rule.rule if request.url_rule is not None else "(no rule)"
    # Described here already, so that no handler, however it is set up, can print the message.
    _LOG.error("request failed: %s: %s", Public(f"{request.method} {rule}"), Public(describe(error)))


def _http(error: HTTPException) -> Response:
    if error.response is not None:
        return make_response(error.response)
    answer = page(error.code or _OTHER)
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            answer.headers[name] = value
    return answer


def _no_such_case(error: NoSuchCaseError) -> Response:
    return page(404, _words_of(error))


def _forbidden(error: ForbiddenError) -> Response:
    return page(403, _words_of(error))


def _unavailable(error: Exception) -> Response:
    log(error)
    return page(503)


def _unexpected(error: Exception) -> Response:
    log(error)
    return page(_OTHER)


def _words_of(error: CaseError) -> str:
    return str(error.args[0]) if error.args else ""


#: What each kind of error becomes for a person; the API puts answers of its own before these.
HANDLERS: Final[dict[type[Exception], Callable[[Any], Response]]] = {
    HTTPException: _http,
    NoSuchCaseError: _no_such_case,
    ForbiddenError: _forbidden,
    SQLAlchemyError: _unavailable,
    OSError: _unavailable,
    Exception: _unexpected,
}

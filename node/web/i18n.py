"""Language and dates: Indonesian first, English beside it, times in WIB with the zone named."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from babel.dates import format_date
from flask import Flask, Response, request
from flask_babel import Babel, get_locale, gettext, ngettext

#: Languages by code, each named in itself.
LANGUAGES: Final = {"id": "Bahasa Indonesia", "en": "English"}
COOKIE: Final = "bahasa"

_WIB: Final = timezone(timedelta(hours=7), "WIB")  # Western Indonesia has had no summer time since 1964.
_A_YEAR: Final = 365 * 24 * 3600


def install(app: Flask) -> None:
    """Let each request choose its language: `?lang=`, then the cookie, then Indonesian; programs by Accept-Language."""
    Babel(app, default_locale="id", default_timezone="Asia/Jakarta", locale_selector=_choose)
    app.after_request(_remember)


def language() -> str:
    """Return the language of this request: "id" or "en"."""
    locale = get_locale()
    return locale.language if locale is not None else "id"


def _choose() -> str:
    if _by_program():
        return request.accept_languages.best_match(list(LANGUAGES)) or "id"
    for wanted in (request.args.get("lang"), request.cookies.get(COOKIE)):
        if wanted in LANGUAGES:
            return wanted
    return "id"


def _by_program() -> bool:
    """Whether a program asks, which says its language in a header and keeps no cookies."""
    return request.path.startswith("/api/")


def _remember(response: Response) -> Response:
    wanted = request.args.get("lang")
    if wanted in LANGUAGES and not _by_program():
        response.set_cookie(COOKIE, wanted, max_age=_A_YEAR, samesite="Lax", httponly=True, secure=request.is_secure)
    return response


def day(seconds: int) -> str:
    """Return a date in words, "Sabtu, 21 November 2026"."""
    return format_date(_local(seconds), "EEEE, d MMMM y", locale=language())


def moment(seconds: int) -> str:
    """Return a date and time with the zone, "21 November 2026, 14.05 WIB"."""
    local = _local(seconds)
    clock = local.strftime("%H:%M" if language() == "en" else "%H.%M")
    return f"{format_date(local, 'd MMMM y', locale=language())}, {clock} {local.tzname()}"


def short(seconds: int) -> str:
    """Return a date and time for a narrow column, "21 Nov 2026 14.05"."""
    local = _local(seconds)
    clock = local.strftime("%H:%M" if language() == "en" else "%H.%M")
    return f"{format_date(local, 'd MMM y', locale=language())} {clock}"


def iso(seconds: int) -> str:
    """Return the machine form for a `time` element, "2026-11-21T07:05:00Z"."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def until(due_at: int, now: int) -> str:
    """Say how far off a deadline is, in days of the calendar: "hari ini", "3 hari lagi", "terlambat 2 hari"."""
    words = _until_words(due_at, now)
    return str(words)


def _until_words(due_at: int, now: int) -> object:
    days = (_local(due_at).date() - _local(now).date()).days
    if due_at < now:
        late = -days
        return ngettext("terlambat %(num)d hari", "terlambat %(num)d hari", late) if late else gettext("baru terlewat")
    if days == 0:
        return gettext("hari ini")
    if days == 1:
        return gettext("besok")
    return ngettext("%(num)d hari lagi", "%(num)d hari lagi", days)


def _local(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, _WIB)

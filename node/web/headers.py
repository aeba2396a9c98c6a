"""The headers of every answer: no script, nothing from elsewhere, no frame, no copy kept."""

from typing import Final

from flask import Flask, Response, request

# No script at all: what a page cannot run, nobody can plant. `data:` is for nothing but small images.
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
_ALWAYS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_STATIC: Final = "/static/"
_STATIC_SECONDS: Final = 3600


def install(app: Flask) -> None:
    """Put the headers on every answer of the application, error pages too."""
    app.after_request(_dress)


def _dress(response: Response) -> Response:
    for name, value in _ALWAYS.items():
        # A download brings a policy that allows less still.
        response.headers.setdefault(name, value)
    if request.path.startswith(_STATIC) and response.status_code < 400:  # noqa: PLR2004 - an HTTP status
        response.headers["Cache-Control"] = f"public, max-age={_STATIC_SECONDS}"
    else:
        response.headers["Cache-Control"] = "no-store"
    return response

"""An attachment as an answer: saved and not shown, never run, whatever it claims to be."""

import unicodedata
from itertools import chain
from typing import Final
from urllib.parse import quote

from flask import Response

from node.cases.attachments import Download
from node.files.kinds import TYPES

_UNKNOWN_TYPE: Final = "application/octet-stream"
#: Should a browser show it all the same, it has no origin, no script and no network.
_POLICY: Final = "default-src 'none'; sandbox"


def send(download: Download) -> Response:
    """Return the answer; what is wrong with the first chunk is raised, so that it still can be told in words."""
    about = download.about
    first = next(download.content, b"")
    response = Response(
        chain([first], download.content),
        # Another office's word for a type is not taken for one that a browser would act on.
        content_type=about.type if about.type in TYPES else _UNKNOWN_TYPE,
        headers={"Content-Security-Policy": _POLICY, "Content-Length": str(about.size)},
    )
    response.headers.set("Content-Disposition", "attachment", **_named(about.name))
    return response


def _named(name: str) -> dict[str, str]:
    """Return a name as a header has it (RFC 6266): headers are ASCII, names are not."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    if plain == name:
        return {"filename": name}
    return {"filename": plain, "filename*": f"UTF-8''{quote(name, safe='')}"}

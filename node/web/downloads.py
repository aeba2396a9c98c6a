"""An attachment as an answer: saved and not shown, never run, whatever it claims to be."""

from itertools import chain
from typing import Final

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
    response.headers.set("Content-Disposition", "attachment", filename=about.name)
    return response

"""The receipt as a reporter sees it: the code in groups, as a square for a phone's camera, and the first date."""

import io

import segno

from node.cases.deadlines import due_at
from node.cases.lifecycle import State


def groups(receipt: str) -> tuple[str, ...]:
    """Split a code at its dashes, so that a page can set each group apart."""
    return tuple(part for part in receipt.split("-") if part)


def qr_svg(receipt: str) -> str:
    """Return the code's text as an inline SVG square, without styles.

    The square holds the code alone and no address: what a camera opens by itself would carry the code in an address.
    """
    drawn = io.BytesIO()
    segno.make(receipt, error="m", micro=False).save(
        drawn, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=3, dark="#000", light="#fff", nl=False
    )
    return drawn.getvalue().decode()


def verify_by(filed_at: int) -> int | None:
    """Return by when a report filed at `filed_at` must be verified.

    None when the holidays of that year are not known yet: a receipt never fails for want of a date.
    """
    try:
        return due_at(State.RECEIVED, filed_at)
    except ValueError:
        return None

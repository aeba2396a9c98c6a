"""Giving an attachment to who may have it: an officer of the office that has the case, or the holder of the receipt."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from keys.receipt import ReceiptCode
from node.cases.atrest import open_content
from node.cases.desk import find_case
from node.cases.tracking import find_tracked, own_filing
from node.cases.views import Attached, NoSuchCaseError
from node.context import Node
from node.files import shelf
from protocol.attachment import Attachment
from protocol.content import read_filing


@dataclass(frozen=True, slots=True)
class Download:
    """An attachment on its way to a person; `content` gives its bytes, each chunk verified before it is given."""

    about: Attached
    content: Iterator[bytes]


def of_case(session: Session, node: Node, number: str, file_id: str) -> Download:
    """Return an attachment of a case that is here; raise NoSuchCaseError, KeyDestroyedError once it was handed on."""
    case = find_case(session, number)
    if case.content is None:
        raise _no_such_file()
    filing = read_filing(open_content(node, case.case_id, case.content, "content"))
    return _download(node, filing.attachments, file_id)


def of_receipt(session: Session, node: Node, receipt: str, file_id: str) -> Download:
    """Return what a reporter attached, opened with the receipt code; raise NoSuchCaseError, ReceiptCodeError."""
    code = ReceiptCode.parse(receipt)
    return _download(node, own_filing(find_tracked(session, code), code.mailbox()).attachments, file_id)


def _download(node: Node, files: Sequence[Attachment], file_id: str) -> Download:
    found = next((each for each in files if each.id == file_id), None)
    if found is None:
        raise _no_such_file()
    return Download(Attached(found.id, found.name, found.type, found.size), shelf.read(node, found))


def _no_such_file() -> NoSuchCaseError:
    return NoSuchCaseError("Tidak ada lampiran seperti ini pada laporan ini.")

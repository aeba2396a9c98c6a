"""Writing what was taken: leaves, entries, parts and counters, in the transaction in which it was judged."""

from collections.abc import Mapping

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from hub.log.tree import Head, LogWriter
from hub.models import BoxHead, LinkHead, LoggedEntry, StoredPart
from hub.parts.rows import note_names
from hub.sync.ledger import Ledger, Taken
from protocol.attachment import FileName
from protocol.entry import Entry
from protocol.leaf import leaf_of
from protocol.seal import PartName


def record(session: Session, log: LogWriter, head: Head, ledger: Ledger, parts: Mapping[str, bytes], now: int) -> Head:
    """Log and store everything that the ledger has taken; return the head that covers it."""
    if not ledger.taken:
        return head
    head = log.append(session, head, [leaf_of(taken.signed) for taken in ledger.taken], now)
    session.execute(insert(LoggedEntry), [entry_row(taken, now) for taken in ledger.taken])
    rows = [row for taken in ledger.taken for row in _part_rows(taken, parts)]
    if rows:
        session.execute(insert(StoredPart), rows)
    note_names(session, ledger.node, [(taken.logged.index, taken.signed.entry.files) for taken in ledger.taken])
    _move_links(session, ledger)
    _move_boxes(session, ledger)
    return head


def entry_row(taken: Taken, now: int) -> dict[str, object]:
    """Return the row of a LoggedEntry."""
    entry, logged = taken.signed.entry, taken.logged
    return {
        "index": logged.index,
        "h": logged.h,
        "id": entry.id,
        "kind": entry.kind,
        "sender": entry.sender,
        "recipient": entry.recipient,
        "seq": entry.seq,
        "inc": entry.inc,
        "at": entry.at,
        "ref": entry.ref,
        "re": entry.re,
        "answer_slot": logged.answer_slot,
        "sent_pos": logged.sent_pos,
        "inbox_pos": taken.inbox_pos,
        "received_at": now,
        "jws": taken.signed.raw,
    }


def _part_rows(taken: Taken, parts: Mapping[str, bytes]) -> list[dict[str, object]]:
    return [
        {
            "entry_index": taken.logged.index,
            "purpose": purpose,
            "id": name.id,
            "bytes_count": name.len,
            "content": parts[name.id],
        }
        for purpose, name in bundled(taken.signed.entry).items()
    ]


def bundled(entry: Entry) -> dict[str, PartName | FileName]:
    """Return what came in the bundle with an entry: its seals by their purposes, its small files by their places."""
    small = {f"file:{place}": name for place, name in enumerate(entry.files) if name.bundled}
    return {**entry.parts, **small}


def _move_links(session: Session, ledger: Ledger) -> None:
    for recipient in {taken.logged.recipient for taken in ledger.taken}:
        values = {"seq": ledger.links[recipient]}
        if recipient in ledger.stored_links:
            here = (LinkHead.sender == ledger.node, LinkHead.recipient == recipient)
            session.execute(update(LinkHead).where(*here).values(values))
        else:
            session.execute(insert(LinkHead).values(sender=ledger.node, recipient=recipient, **values))


def _move_boxes(session: Session, ledger: Ledger) -> None:
    for party in {ledger.node, *(taken.logged.recipient for taken in ledger.taken)}:
        box = ledger.boxes[party]
        values = {"inbox": box.inbox, "sent": box.sent}
        if party in ledger.stored_boxes:
            session.execute(update(BoxHead).where(BoxHead.party == party).values(values))
        else:
            session.execute(insert(BoxHead).values(party=party, **values))

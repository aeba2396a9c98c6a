"""The verdict on one pushed entry, by the rules that need to know the log (docs/protocol.md sections 4, 5 and 8)."""

from typing import Final

from hub.sync.examine import Candidate
from hub.sync.ledger import Ledger, Logged
from keys import b64u
from protocol.bundle import Pushed, PushState
from protocol.content import read_ruling_body
from protocol.custody import answer_slot, check_answer, check_incarnation
from protocol.entry import Entry, SignedEntry
from protocol.errors import RemoteError
from protocol.kinds import ANSWERS

#: The state that tells a node what to do about a broken rule; every other rule is "bad": do not send this again.
STATES: Final[dict[str, PushState]] = {
    "seq": "gap",
    "part-missing": "part",
    "part-key": "rekey",
    "slot-taken": "lost",
    "closed": "closed",
}
#: What the thread of these must be: kind -> (member that names it, kind that it names).
_THREADS: Final = {"ruling": ("ref", "ask"), "opinion": ("ref", "consult"), "grant": ("re", "accept")}


def judge(candidate: Candidate, ledger: Ledger) -> Pushed:
    """Return the verdict; an entry that keeps every rule is taken into the ledger."""
    name = b64u.encode(candidate.h)
    known = ledger.by_h.get(candidate.h)
    if known is not None and known.sender == ledger.node:
        return Pushed(name, "dup", known.index, known.sent_pos)
    try:
        signed = _accepted(candidate, ledger)
    except RemoteError as refusal:
        index = refusal.expected.get("index")
        return Pushed(
            name,
            STATES.get(refusal.rule.name, "bad"),
            index=index if isinstance(index, int) else None,
            reason=refusal.rule.name,
        )
    logged = ledger.take(signed)
    return Pushed(name, "ok", logged.index, logged.sent_pos)


def _accepted(candidate: Candidate, ledger: Ledger) -> SignedEntry:
    if candidate.refusal is not None:
        raise candidate.refusal
    signed = candidate.signed
    if signed is None:
        raise RemoteError("members", "no entry")
    entry = signed.entry
    # Here and not only by the request's incarnation: what the log says of fences is never forgotten.
    check_incarnation(entry, ledger.size, ledger)
    if entry.id in ledger.by_id:
        raise RemoteError("id-reused", "the id stands on another entry in the log")
    if entry.seq != ledger.next_seq(entry.recipient):
        raise RemoteError("seq", "not the next position of the link", seq=ledger.next_seq(entry.recipient))
    _check_thread(entry, ledger)
    _check_files(entry, ledger)
    if entry.kind in ANSWERS:
        _check_answer(entry, ledger)
    elif entry.kind == "offer":
        _check_offer(signed, ledger)
    return signed


def _check_thread(entry: Entry, ledger: Ledger) -> None:
    expected = _THREADS.get(entry.kind)
    if expected is None:
        return
    member, kind = expected
    named = ledger.by_id.get((entry.ref if member == "ref" else entry.re) or "")
    back = named is not None and (named.sender, named.recipient) == (entry.recipient, entry.sender)
    if named is None or named.kind != kind or not back:
        raise RemoteError("thread", f"{member} names the {kind} that came from the recipient")
    if entry.kind == "grant" and named.re != entry.ref:
        raise RemoteError("thread", "the accept is one of another offer")


def _check_files(entry: Entry, ledger: Ledger) -> None:
    for name in entry.files:
        if not name.bundled and ledger.uploaded.get(name.id) != name.len:
            raise RemoteError("part-missing", "put the file at /parts/v1 first", id=name.id)


def _check_answer(entry: Entry, ledger: Ledger) -> None:
    offer = ledger.by_id.get(entry.re or "")
    if offer is None or offer.kind != "offer":
        raise RemoteError("answer", "the offer is not in the log")
    check_answer(offer.signed(), entry)
    _check_free(entry, ledger)


def _check_offer(signed: SignedEntry, ledger: Ledger) -> None:
    entry = signed.entry
    if entry.slot in ledger.reserved or answer_slot(signed.raw) in ledger.slots:
        raise RemoteError("slot", "an answer's slot belongs to the answers of its offer alone")
    _check_free(entry, ledger)
    if entry.re is not None:
        _check_ruling(entry, ledger)


def _check_free(entry: Entry, ledger: Ledger) -> None:
    winner = ledger.slots.get(entry.slot or "")
    if winner is not None:
        raise RemoteError("slot-taken", "another leaf has this slot", index=winner)


def _check_ruling(entry: Entry, ledger: Ledger) -> None:
    """Raise RemoteError("binding") unless the ruling that the offer names was given to its sender for its recipient."""
    ruling = ledger.by_id.get(entry.re or "")
    if ruling is None or ruling.kind != "ruling" or ruling.recipient != entry.sender:
        raise RemoteError("binding", "re names no ruling that was given to the sender")
    if read_ruling_body(ruling.signed().entry.body) != entry.recipient:
        raise RemoteError("binding", "the ruling names another member")
    if any(_is_live(offer, ledger) for offer in ledger.under_ruling.get(ruling.id, ())):
        raise RemoteError("binding", "another offer stands under this ruling already")


def _is_live(offer: Logged, ledger: Ledger) -> bool:
    # A recall takes the offer back, and with it the use of the ruling; an accept uses the ruling up.
    return ledger.answered.get(offer.answer_slot or "") != "recall"

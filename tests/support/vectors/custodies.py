"""Vectors of slots and answers."""

import hmac
from hashlib import sha256

from keys import b64u
from protocol import custody
from protocol.entry import SignedEntry
from tests.support.federation import (
    World,
    made_id,
    seed,
    signing,
)
from tests.support.vectors.form import Json, write


def custody_vectors() -> None:
    """Slots, computed here with the standard library alone, and answers that fit or not."""
    slots: list[Json] = []
    for name, key, case, epoch in (
        ("at the origin", "jabar", "form", 0),
        ("the next epoch", "jabar", "form", 1),
        ("another case", "jabar", "other form", 0),
        ("another node", "kemnaker", "form", 0),
        ("the largest epoch", "jabar", "form", 2**32 - 1),
    ):
        slot_key, case_id = seed(f"{key}/slot"), seed(case)[:16]
        digest = hmac.digest(slot_key, b"simpul/offer/v1\0" + case_id + epoch.to_bytes(4, "big"), "sha256")
        slots.append(
            {
                "name": name,
                "slot_key": slot_key.hex(),
                "case": b64u.encode(case_id),
                "epoch": epoch,
                "slot": b64u.encode(digest[:16]),
            }
        )
    write(
        "custody/offer_slots.json", "Section 8: HMAC-SHA256 over label, 00, case id and epoch, 16 bytes of it.", slots
    )
    world = World.founded()
    offer, ruled = world.offer("jabar", "kemnaker", epoch=2), world.offer("jabar", "kemnaker", re=made_id("ruling"))
    digest = sha256(b"simpul/answer/v1\0" + offer.raw.encode()).digest()
    vectors = [{"name": "an offer", "offer": offer.raw, "slot": b64u.encode(digest[:16])}]
    write("custody/answer_slots.json", "Section 8: H over label, 00 and the offer's JWS, 16 bytes of it.", vectors)
    _answers(world, offer, ruled)


def _answers(world: World, offer: SignedEntry, ruled: SignedEntry) -> None:
    def vector(name: str, outcome: str, kind: str, asked: SignedEntry = offer, **changes: object) -> Json:
        entry = world.answer_draft(kind, asked, **changes)
        return {"name": name, "offer": asked.raw, "answer": entry.sign(signing(entry.sender)).raw, "outcome": outcome}

    other = made_id("other")
    grant = world.draft("grant", "jabar", "kemnaker", ref=offer.entry.id, re=offer.entry.id, epoch=3)
    vectors = [
        vector("an accept", "ok", "accept"),
        vector("a reject", "ok", "reject"),
        vector("a recall", "ok", "recall"),
        vector("an accept under a ruling", "ok", "accept", ruled),
        vector("a recall under a ruling", "ok", "recall", ruled),
        vector("a reject under a ruling", "binding", "reject", ruled),
        vector("an accept by a third", "answer", "accept", sender="jateng"),
        vector("an accept to a third", "answer", "accept", recipient="jateng"),
        vector("an accept by the one who offered", "answer", "accept", sender="jabar", recipient="kemnaker"),
        vector("a recall by the one who was asked", "answer", "recall", sender="kemnaker", recipient="jabar"),
        vector("an accept of another offer", "answer", "accept", re=other, ref=other),
        vector("an accept of another epoch", "answer", "accept", epoch=3),
        vector("an accept in the slot of another offer", "slot", "accept", slot=custody.answer_slot(ruled.raw)),
        vector("an accept in the offer's own slot", "slot", "accept", slot=offer.entry.slot),
        {"name": "a grant", "offer": offer.raw, "answer": grant.sign(signing("jabar")).raw, "outcome": "answer"},
        {"name": "an answer to an answer", "offer": world.answer("accept", offer).raw, "outcome": "answer"},
    ]
    vectors[-1]["answer"] = vectors[0]["answer"]
    write("custody/answers.json", "Section 8: each answer is checked against its offer.", vectors)

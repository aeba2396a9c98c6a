"""Vectors of entries and leaves."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from keys import b64u
from protocol import jws
from protocol.attachment import FileName
from protocol.entry import Entry, SignedEntry
from protocol.kinds import KINDS
from protocol.leaf import Fence, Leaf
from protocol.seal import PartName
from tests.support.federation import NOW, World, forged, made_id, seed, signing
from tests.support.vectors.form import SHORT, Change, Json, changed, drop, put, write


def entry_vectors() -> None:
    """Every kind once as it should be, then an offer and its like with one thing wrong."""
    world = World.founded()
    good = {kind: world.draft(kind, "jabar", "kemnaker", ref=made_id("thread"), re=made_id("re")) for kind in KINDS}
    good["offer"] = replace(good["offer"], re=None)
    for kind in ("accept", "reject", "recall"):
        good[kind] = replace(good[kind], re=good[kind].ref)
    for kind in ("receipt", "fence", "publish", "stats", "plan", "notice"):
        good[kind] = replace(good[kind], ref=None)
    vectors = [_entry(f"{kind} as it should be", good[kind].payload(), "ok") for kind in KINDS]
    ruled = replace(good["offer"], re=made_id("ruling"))
    vectors.append(_entry("an offer under a ruling", ruled.payload(), "ok"))
    longest = replace(good["offer"], sender="a" * 63, seq=2**32 - 1, inc=2**32 - 1, epoch=2**32 - 1, at=2**53 - 1)
    vectors.append(_entry("the longest name and the largest numbers", longest.payload(), "ok"))
    file = PartName(b64u.encode(seed("file")), 66_672, b64u.encode(seed("kid")))
    with_file = replace(good["reply"], parts={**good["reply"].parts, "file": file})
    vectors.append(_entry("a reply with an optional part of the largest length", with_file.payload(), "ok"))
    named = replace(good["offer"], files=(FileName(b64u.encode(seed("photo")), 1_040), LONG_FILE))
    vectors.append(_entry("an offer with two attachments", named.payload(), "ok"))
    vectors += [
        _entry(f"{kind} with an attachment", replace(good[kind], files=(LONG_FILE,)).payload(), "ok")
        for kind in ("ask", "message", "reply", "refer")
    ]
    for kind, name, change, outcome in ENTRY_FLAWS:
        vectors.append(_entry(f"{kind}: {name}", changed(good[kind].payload(), change), outcome))
    for value, name in ((None, "null"), ([], "an array"), ("offer", "text"), ({}, "an empty object")):
        raw = jws.sign(signing("jabar"), jws.ENTRY, value)
        vectors.append({"name": f"the payload is {name}", "jws": raw, "outcome": "kind" if value == {} else "members"})
    offer = good["offer"].sign(signing("jabar"))
    vectors += [
        {"name": "signed as another type", "jws": _as(good["offer"], jws.REQUEST), "outcome": "jws-type"},
        {"name": "the signature is another's", "jws": _other_signature(offer), "outcome": "signature"},
        {"name": "one character too many", "jws": offer.raw + "A", "outcome": "jws-form"},
        {"name": "not ASCII", "jws": "é" + offer.raw, "outcome": "jws-form"},
        {"name": "nothing at all", "jws": "", "outcome": "jws-form"},
    ]
    write(
        "entry/entries.json",
        "Section 4: each text is read as an entry and verified under the key of signer's seed.",
        vectors,
        seed=seed("jabar/sign").hex(),
    )


def _entry(name: str, payload: Mapping[str, Any], outcome: str) -> Json:
    return {"name": name, "jws": forged(payload, signing("jabar")), "outcome": outcome}


def _as(entry: Entry, typ: str) -> str:
    return forged(entry.payload(), signing("jabar"), typ)


def _other_signature(signed: SignedEntry) -> str:
    other = replace(signed.entry, at=NOW + 99).sign(signing("jabar")).raw
    return signed.raw.rpartition(".")[0] + "." + other.rpartition(".")[2]


LONG_FILE: Final = FileName(b64u.encode(seed("audio")), 33_562_624)


def _files(*lengths: int) -> list[Json]:
    return [FileName(b64u.encode(seed(f"file {n}")), length).wire() for n, length in enumerate(lengths)]


ENTRY_FLAWS: Final[tuple[tuple[str, str, Change, str], ...]] = (
    ("offer", "a kind that does not exist", put("kind", value="seize"), "kind"),
    ("offer", "a kind that is no text", put("kind", value=7), "kind"),
    ("offer", "no kind", drop("kind"), "kind"),
    ("offer", "version 2", put("v", value=2), "members"),
    ("offer", "version true", put("v", value=True), "members"),
    ("offer", "no version", drop("v"), "members"),
    ("offer", "an unknown member", put("prio", value=1), "members"),
    ("offer", "a body where none belongs", put("body", value={}), "members"),
    ("offer", "no epoch", drop("epoch"), "members"),
    ("offer", "a negative epoch", put("epoch", value=-1), "members"),
    ("offer", "an epoch over 32 bits", put("epoch", value=2**32), "members"),
    ("offer", "an epoch of null", put("epoch", value=None), "members"),
    ("offer", "no slot", drop("slot"), "members"),
    ("offer", "a slot of null", put("slot", value=None), "members"),
    ("offer", "a slot of 15 bytes", put("slot", value=SHORT), "base64url"),
    ("offer", "no re", drop("re"), "members"),
    ("offer", "a re of 15 bytes", put("re", value=SHORT), "base64url"),
    ("offer", "no seen", drop("seen"), "members"),
    ("offer", "a seen of null", put("seen", value=None), "members"),
    ("offer", "a seen without root", drop("seen", "root"), "members"),
    ("offer", "a seen with a negative size", put("seen", "size", value=-1), "members"),
    ("offer", "a seen with a root of 15 bytes", put("seen", "root", value=SHORT), "base64url"),
    ("offer", "an id of 15 bytes", put("id", value=SHORT), "base64url"),
    ("offer", "an id with padding", put("id", value=made_id("x") + "=="), "base64url"),
    ("offer", "an id whose last character is loose", put("id", value=made_id("x")[:-1] + "B"), "base64url"),
    ("offer", "another thread than its own", put("ref", value=made_id("other")), "thread"),
    ("offer", "no thread", put("ref", value=None), "thread"),
    ("offer", "to itself", put("to", value="jabar"), "kind"),
    ("offer", "a sender in capitals", put("from", value="Jabar"), "members"),
    ("offer", "a sender of one letter", put("from", value="j"), "members"),
    ("offer", "a sender of 64 letters", put("from", value="j" * 64), "members"),
    ("offer", "a sender that ends with a newline", put("from", value="jabar\n"), "members"),
    ("offer", "a recipient with a path", put("to", value="../kemnaker"), "members"),
    ("offer", "position 0", put("seq", value=0), "members"),
    ("offer", "a position over 32 bits", put("seq", value=2**32), "members"),
    ("offer", "a position as text", put("seq", value="1"), "members"),
    ("offer", "incarnation 0", put("inc", value=0), "members"),
    ("offer", "a negative time", put("at", value=-1), "members"),
    ("offer", "no part", put("parts", value={}), "members"),
    ("offer", "parts of null", put("parts", value=None), "members"),
    ("offer", "an identity beside the case", lambda p: p["parts"].update(identity=p["parts"]["case"]), "members"),
    ("offer", "a part of a length that no seal has", put("parts", "case", "len", value=2_161), "part-form"),
    ("offer", "a part of length 0", put("parts", "case", "len", value=0), "part-form"),
    ("offer", "a part without a kid", drop("parts", "case", "kid"), "members"),
    ("offer", "a part with an id of 16 bytes", put("parts", "case", "id", value=made_id("x")), "base64url"),
    ("offer", "a part with the content in it", put("parts", "case", "content", value="x"), "members"),
    ("offer", "an empty list of files", put("files", value=[]), "members"),
    ("offer", "files of null", put("files", value=None), "members"),
    ("offer", "a file that is an id", put("files", value=[made_id("x")]), "members"),
    ("offer", "a file without a length", put("files", value=[{"id": b64u.encode(seed("x"))}]), "members"),
    ("offer", "a file with its key", put("files", value=[{**_files(1_040)[0], "key": made_id("x")}]), "members"),
    ("offer", "a file with an id of 16 bytes", put("files", value=[{"id": made_id("x"), "len": 1_040}]), "base64url"),
    ("offer", "a file of a length that no attachment has", put("files", value=_files(1_041)), "part-form"),
    ("offer", "a file of a seal's length", put("files", value=_files(2_160)), "part-form"),
    ("offer", "a file of 64 MiB", put("files", value=_files(67_125_248)), "part-form"),
    ("offer", "a file of a negative length", put("files", value=_files(-1_040)), "members"),
    ("offer", "a file of a length as text", put("files", value=[{**_files(1)[0], "len": "1040"}]), "members"),
    ("offer", "a file twice", put("files", value=_files(1_040) * 2), "part-form"),
    ("offer", "ten files", put("files", value=_files(*[1_040] * 10)), "ok"),
    ("offer", "eleven files", put("files", value=_files(*[1_040] * 11)), "too-large"),
    ("offer", "files of over 48 MiB together", put("files", value=_files(33_562_624, 33_562_624)), "too-large"),
    ("accept", "files", put("files", value=_files(1_040)), "members"),
    ("grant", "files", put("files", value=_files(1_040)), "members"),
    ("progress", "files", put("files", value=_files(1_040)), "members"),
    ("receipt", "files", put("files", value=_files(1_040)), "members"),
    ("accept", "re is not its thread", put("re", value=made_id("other")), "answer"),
    ("accept", "re is null", put("re", value=None), "answer"),
    ("accept", "a part", put("parts", value={}), "members"),
    ("reject", "re is not its thread", put("re", value=made_id("other")), "answer"),
    ("reject", "no reason", drop("parts", "message"), "members"),
    ("recall", "re is null", put("re", value=None), "answer"),
    ("recall", "no thread", put("ref", value=None), "thread"),
    ("grant", "re is null", put("re", value=None), "thread"),
    ("grant", "a slot", put("slot", value=made_id("x")), "members"),
    ("grant", "no identity", drop("parts", "identity"), "members"),
    ("message", "an epoch", put("epoch", value=0), "members"),
    ("message", "no thread", put("ref", value=None), "thread"),
    ("ask", "another thread than its own", put("ref", value=made_id("other")), "thread"),
    ("ruling", "no body", drop("body"), "members"),
    ("ruling", "a body that is a list", put("body", value=[]), "members"),
    ("receipt", "a thread", put("ref", value=made_id("x")), "thread"),
    ("receipt", "a part", put("parts", value={}), "members"),
    ("fence", "a body", put("body", value={}), "members"),
    ("stats", "a body that is text", put("body", value="3"), "members"),
)


def leaf_vectors() -> None:
    """The four forms of a leaf, and what comes near them."""
    h, slot = b64u.encode(seed("h")), made_id("slot")
    texts = [
        ("an entry", Leaf(seed("h")).encode().decode(), "ok"),
        ("an entry with a slot", Leaf(seed("h"), slot=slot).encode().decode(), "ok"),
        ("a fence", Leaf(seed("h"), fence=Fence("jabar", 2)).encode().decode(), "ok"),
        ("a version of the directory", Leaf(seed("h"), directory=3).encode().decode(), "ok"),
        ("a directory with a slot", f'{{"dir":3,"h":"{h}","slot":"{slot}"}}', "members"),
        ("a fence with a slot", f'{{"fence":{{"inc":2,"node":"jabar"}},"h":"{h}","slot":"{slot}"}}', "members"),
        ("version 0", f'{{"dir":0,"h":"{h}"}}', "members"),
        ("a version that is text", f'{{"dir":"3","h":"{h}"}}', "members"),
        ("a fence without incarnation", f'{{"fence":{{"node":"jabar"}},"h":"{h}"}}', "members"),
        ("a fence of incarnation 0", f'{{"fence":{{"inc":0,"node":"jabar"}},"h":"{h}"}}', "members"),
        ("a fence of nobody", f'{{"fence":{{"inc":2,"node":""}},"h":"{h}"}}', "members"),
        ("a fence of null", f'{{"fence":null,"h":"{h}"}}', "members"),
        ("no hash", "{}", "members"),
        ("a slot alone", f'{{"slot":"{slot}"}}', "members"),
        ("a slot of null", f'{{"h":"{h}","slot":null}}', "members"),
        ("a slot of 15 bytes", f'{{"h":"{h}","slot":"{SHORT}"}}', "base64url"),
        ("a hash of 16 bytes", f'{{"h":"{slot}"}}', "base64url"),
        ("an unknown member", f'{{"h":"{h}","who":"jabar"}}', "members"),
        ("members in another order", f'{{"slot":"{slot}","h":"{h}"}}', "canonical"),
        ("a space", f'{{"h": "{h}"}}', "canonical"),
        ("a member twice", f'{{"h":"{h}","h":"{h}"}}', "canonical"),
        ("a list", f'["{h}"]', "members"),
        ("not JSON", "leaf", "canonical"),
        ("nothing", "", "canonical"),
        ("over 1,024 bytes", f'{{"h":"{"A" * 1_024}"}}', "too-large"),
    ]
    vectors = [{"name": name, "leaf": text, "outcome": outcome} for name, text, outcome in texts]
    write("entry/leaves.json", "Section 6: each text is read as a leaf of the log.", vectors)

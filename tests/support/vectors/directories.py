"""Vectors of directories and routing."""

import json
from hashlib import sha256

from keys import b64u
from protocol import canonical, jws
from protocol.directory import Competence, Kind, Status, Use, sealing_record
from protocol.party import REPORTER
from tests.support.federation import (
    HUB,
    directory,
    forged,
    made_id,
    member,
    records,
    sealing,
    signing,
)
from tests.support.vectors.form import Change, Json, changed, drop, payload_of, put, write


def directory_vectors() -> None:
    """A directory, and each way in which one is wrong."""
    few = member("jabar", keys=records("jabar")[:2])
    sign = records("kemnaker")[:1]
    good = directory(few, member("kemnaker", Kind.MINISTRY, keys=sign), member("triase", Kind.TRIAGE, keys=()))
    wire = payload_of(good.sign(signing("registrar")))
    jabar = ("members", "jabar")
    copied = records("kemnaker")
    flaws: list[tuple[str, Change, str]] = [
        ("as it should be", lambda _: None, "ok"),
        ("no members yet", put("members", value={}), "ok"),
        ("a closed key", lambda p: _keys(p)[0].update(state="closed"), "ok"),
        ("version 2 of the format", put("v", value=2), "directory"),
        ("version 0", put("version", value=0), "members"),
        ("a negative time", put("issued_at", value=-1), "members"),
        ("members in a list", put("members", value=[]), "members"),
        ("a member under another id", lambda p: p["members"].update(jateng=p["members"].pop("jabar")), "directory"),
        ("the hub among the members", lambda p: p["members"].update(pusat=_renamed(p, HUB)), "directory"),
        (
            "the reporter among the members",
            lambda p: p["members"].update(reporter=_renamed(p, REPORTER)),
            "directory",
        ),
        ("a key of two members", put(*jabar, "keys", value=[r.wire() for r in copied]), "directory"),
        ("a key with two uses", lambda p: _keys(p).append(_twice()), "directory"),
        ("a key twice, open and closed", lambda p: _keys(p).append(_closed()), "directory"),
        ("a kind that does not exist", put(*jabar, "kind", value="kingdom"), "members"),
        ("a status that does not exist", put(*jabar, "status", value="asleep"), "members"),
        ("a status of null", put(*jabar, "status", value=None), "members"),
        ("a parent that is no party", put(*jabar, "parent", value="Pusat!"), "members"),
        ("a name of 201 characters", put(*jabar, "name", value="x" * 201), "members"),
        ("no competence", drop(*jabar, "competence"), "members"),
        ("a competence without topics", put(*jabar, "competence", value=[{"regions": []}]), "members"),
        ("201 competences", put(*jabar, "competence", value=[{"regions": [], "topics": []}] * 201), "too-large"),
        ("a key of an unknown use", lambda p: _keys(p)[0].update(use="all"), "members"),
        ("a key of an unknown state", lambda p: _keys(p)[0].update(state="new"), "members"),
        ("a key state that is a list", lambda p: _keys(p)[0].update(state=[]), "members"),
        ("a kid of another key", lambda p: _keys(p)[0].update(kid=copied[0].kid), "directory"),
        (
            "a signing key of small order",
            lambda p: _keys(p)[0].update(public="A" * 43),
            "directory",
        ),
        (
            "a signing key of 16 bytes",
            lambda p: _keys(p)[0].update(public=made_id("x")),
            "base64url",
        ),
        ("a sealing key out of the field", lambda p: _keys(p)[1].update(_all_ones()), "directory"),
        ("a hub without keys", drop("hub", "keys"), "members"),
        ("an unknown member of the file", put("expires", value=1), "members"),
    ]
    vectors = [
        {"name": name, "jws": forged(changed(wire, change), signing("registrar"), jws.DIRECTORY), "outcome": outcome}
        for name, change, outcome in flaws
    ]
    raw = good.sign(signing("registrar"))
    vectors += [
        {"name": "signed by a member", "jws": good.sign(signing("jabar")), "outcome": "unknown-key"},
        {"name": "signed as an entry", "jws": forged(wire, signing("registrar")), "outcome": "jws-type"},
        {"name": "another's signature", "jws": raw[:-86] + "A" * 86, "outcome": "signature"},
        {"name": "nothing", "jws": "", "outcome": "jws-form"},
    ]
    source = "Section 7: each text is read as a directory by the registrar of seed."
    write("directory/directories.json", source, vectors, seed=signing("registrar").seed.hex())


def _keys(payload: Json) -> list[Json]:
    found: list[Json] = payload["members"]["jabar"]["keys"]
    return found


def _renamed(payload: Json, name: str) -> Json:
    copy: Json = json.loads(json.dumps(payload["members"]["jabar"]))
    payload["members"].pop("jabar")
    return {**copy, "id": name}


def _twice() -> Json:
    return sealing_record(sealing("jabar").public, Use.IDENTITY).wire()


def _closed() -> Json:
    return {**records("jabar")[0].wire(), "state": "closed"}


def _all_ones() -> Json:
    raw = b"\xff" * 1_216
    return {"public": b64u.encode(raw), "kid": b64u.encode(sha256(raw).digest())}


def routing_vectors() -> None:
    """One country, many questions."""
    everywhere: tuple[str, ...] = ()
    offices = directory(
        member("jabar", regions=("32",)),
        member("bandung", Kind.REGENCY, regions=("32.04",)),
        member("kota-bandung", Kind.CITY, regions=("32.73",)),
        member("jateng", regions=("33",)),
        member("dinas-jateng", Kind.AGENCY, regions=("33",)),
        member("kemnaker", Kind.MINISTRY, competence=(Competence(everywhere, ("ketenagakerjaan", "bansos/kartu")),)),
        member("bpjs", Kind.AGENCY, competence=(Competence(everywhere, ("ketenagakerjaan/jaminan",)),)),
        member("bp2mi", Kind.AGENCY, competence=(Competence(everywhere, ("ketenagakerjaan",)),)),
        member("ombudsman", Kind.OMBUDSMAN, competence=(Competence(everywhere, ("maladministrasi",)),)),
        member("tidur", regions=("34",), status=Status.SUSPENDED),
        member("bubar", regions=("34",), status=Status.RETIRED),
        member("triase", Kind.TRIAGE, regions=everywhere),
        member("tanpa", competence=()),
        member("dua", competence=(Competence(("51",), ()), Competence(("51.71",), ("jalan",)))),
    )
    questions = [
        ("the longest region wins", "32.04.05", "jalan", [], ["bandung", "jabar"]),
        ("a code without dots is the same code", "320405", "jalan", [], ["bandung", "jabar"]),
        ("a city is nobody's regency", "32.73", "jalan", [], ["kota-bandung", "jabar"]),
        ("region before topic", "32", "ketenagakerjaan/gaji", [], ["jabar", "bp2mi", "kemnaker"]),
        ("among equals the nearest to the citizen", "33.74", "jalan", [], ["jateng", "dinas-jateng"]),
        ("the longest topic wins", "", "ketenagakerjaan/jaminan/hari-tua", [], ["bpjs", "bp2mi", "kemnaker"]),
        ("a topic is matched by whole words", "", "ketenagakerjaan-asing", [], []),
        ("a topic of two words", "", "bansos/kartu/hilang", [], ["kemnaker"]),
        ("half of a claimed topic is not claimed", "", "bansos", [], []),
        ("the office complained about is never the answer", "32.04", "jalan", ["bandung"], ["jabar"]),
        ("nobody is left", "32.04", "jalan", ["bandung", "jabar"], []),
        ("who sleeps or is gone gets nothing", "34.71", "jalan", [], []),
        ("triage is asked, never offered to", "91", "jalan", [], []),
        ("no region and no topic", "", "", [], []),
        ("the better of one member's own rules", "51.71", "jalan/rusak", [], ["dua"]),
        ("half a code claims nothing of the whole", "3", "jalan", [], []),
        ("the ombudsman by topic", "91", "maladministrasi/pungli", [], ["ombudsman"]),
    ]
    vectors = [
        {"name": name, "region": region, "topic": topic, "excluded": excluded, "claims": expected}
        for name, region, topic, excluded, expected in questions
    ]
    members = json.loads(canonical.encode([each.wire() for each in offices.members.values()]))
    for each in members:
        each["keys"] = []
    write("routing/claims.json", "Section 7: who claims a matter, the best first.", vectors, members=members)

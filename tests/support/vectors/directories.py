"""Vectors of directories and routing."""

import json
from hashlib import sha256
from typing import Final

from securesystemslib.formats import encode_canonical

from keys import b64u
from protocol import canonical
from protocol.directory import Competence, Kind, Status, Use, sealing_record
from protocol.metadata import MAX_TARGETS_SECONDS, Contents, FileName
from protocol.party import REPORTER
from protocol.publishing import sign_contents
from tests.support.federation import (
    HUB,
    NOW,
    ONLINE,
    REGISTRAR,
    directory,
    made_id,
    member,
    records,
    root,
    sealing,
    signing,
)
from tests.support.vectors.form import Change, Json, changed, drop, put, write

JABAR: Final = "members/jabar.json"


def directory_vectors() -> None:
    """A version of the directory, and each way in which one is wrong: in a file, in what is signed, in how."""
    few = member("jabar", keys=records("jabar")[:2])
    sign = records("kemnaker")[:1]
    good = directory(few, member("kemnaker", Kind.MINISTRY, keys=sign), member("triase", Kind.TRIAGE, keys=()))
    wire: dict[str, Json] = {path: json.loads(raw) for path, raw in good.files().items()}
    copied = records("kemnaker")
    flaws: list[tuple[str, Change, str]] = [
        ("as it should be", lambda _: None, "ok"),
        ("no members yet", lambda w: [w.pop(path) for path in list(w) if path != "hub.json"], "ok"),
        ("a closed key", lambda w: _keys(w)[0].update(state="closed"), "ok"),
        ("no file of the hub", drop("hub.json"), "directory"),
        ("a hub without keys", drop("hub.json", "keys"), "members"),
        ("a hub that is no party", put("hub.json", "id", value="Pusat!"), "members"),
        ("a file that is none of ours", put("install.sh", value={}), "members"),
        ("a member in the wrong folder", lambda w: w.update({"jabar.json": w.pop(JABAR)}), "directory"),
        ("a member under another id", lambda w: w.update({"members/jateng.json": w.pop(JABAR)}), "directory"),
        ("the hub among the members", lambda w: _rename(w, HUB), "directory"),
        ("the reporter among the members", lambda w: _rename(w, REPORTER), "directory"),
        ("a key of two members", put(JABAR, "keys", value=[r.wire() for r in copied]), "directory"),
        ("a key with two uses", lambda w: _keys(w).append(_twice()), "directory"),
        ("a key twice, open and closed", lambda w: _keys(w).append(_closed()), "directory"),
        ("a kind that does not exist", put(JABAR, "kind", value="kingdom"), "members"),
        ("a status that does not exist", put(JABAR, "status", value="asleep"), "members"),
        ("a status of null", put(JABAR, "status", value=None), "members"),
        ("a parent that is no party", put(JABAR, "parent", value="Pusat!"), "members"),
        ("a name of 201 characters", put(JABAR, "name", value="x" * 201), "members"),
        ("no competence", drop(JABAR, "competence"), "members"),
        ("a competence without topics", put(JABAR, "competence", value=[{"regions": []}]), "members"),
        ("201 competences", put(JABAR, "competence", value=[{"regions": [], "topics": []}] * 201), "too-large"),
        ("a key of an unknown use", lambda w: _keys(w)[0].update(use="all"), "members"),
        ("a key of an unknown state", lambda w: _keys(w)[0].update(state="new"), "members"),
        ("a key state that is a list", lambda w: _keys(w)[0].update(state=[]), "members"),
        ("a kid of another key", lambda w: _keys(w)[0].update(kid=copied[0].kid), "directory"),
        ("a signing key of small order", lambda w: _keys(w)[0].update(public="A" * 43), "directory"),
        ("a signing key of 16 bytes", lambda w: _keys(w)[0].update(public=made_id("x")), "base64url"),
        ("a sealing key out of the field", lambda w: _keys(w)[1].update(_all_ones()), "directory"),
        ("a member more than is known", put(JABAR, "expires", value=1), "members"),
    ]
    vectors = [_vector(name, _encoded(changed(wire, change)), outcome) for name, change, outcome in flaws]
    vectors += _signed_flaws(_encoded(wire))
    source = "Section 7: each targets.json is read under the root, with its own files or those that stand here."
    files = {path: raw.decode() for path, raw in _encoded(wire).items()}
    write("directory/directories.json", source, vectors, root=root().decode(), files=files)


def _signed_flaws(files: dict[str, bytes]) -> list[Json]:
    """What is wrong with the metadata around files that are right."""
    name = next(iter(files))
    flaws: list[tuple[str, Change, str]] = [
        ("no member of our own", drop("simpul"), "members"),
        ("a root that is not there", put("simpul", "root", value=2), "directory"),
        ("root 0", put("simpul", "root", value=0), "members"),
        ("made at a negative time", put("simpul", "issued_at", value=-1), "members"),
        ("good for thirty-one days", put("simpul", "issued_at", value=NOW - 86_400), "directory"),
        ("good until before it was made", put("simpul", "issued_at", value=NOW + 90 * 86_400), "directory"),
        ("version 0", put("version", value=0), "directory"),
        ("another role", put("_type", value="snapshot"), "directory"),
        ("TUF of another major version", put("spec_version", value="2.0.0"), "directory"),
        ("files in a list", put("targets", value=[]), "directory"),
        ("a hash of another kind", put("targets", name, "hashes", value={"sha512": "00" * 64}), "directory"),
        ("two hashes", lambda s: s["targets"][name]["hashes"].update(sha512="00" * 64), "directory"),
        ("a hash in capitals", lambda s: _capitals(s["targets"][name]["hashes"]), "directory"),
        ("a hash of 31 bytes", put("targets", name, "hashes", value={"sha256": "00" * 31}), "directory"),
        ("the hash of another file", put("targets", name, "hashes", value={"sha256": "00" * 32}), "directory"),
        ("another length", put("targets", name, "length", value=7), "directory"),
        ("a file of no length", put("targets", name, "length", value=0), "directory"),
        ("a file of more than a megabyte", put("targets", name, "length", value=2**20 + 1), "directory"),
        ("somebody else to ask as well", put("delegations", value={"keys": {}, "roles": []}), "directory"),
        ("letters that TUF writes otherwise", put("simpul", "note", value="\n"), "directory"),
    ]
    good = _contents(files)
    found = [(name, _resigned(good, change), outcome) for name, change, outcome in flaws]
    found += [
        ("signed by a member", _resigned(good, lambda _: None, "jabar"), "signature"),
        ("signed by the hub's own key", _resigned(good, lambda _: None, ONLINE), "signature"),
        ("signed by nobody", canonical.encode({**json.loads(good), "signatures": []}), "signature"),
        ("a signature twice", _doubled(good), "directory"),
        ("another's signature", good.replace(b'"sig":"', b'"sig":"00', 1), "signature"),
        ("spaces", good + b" ", "canonical"),
        ("nothing", b"", "canonical"),
        ("an empty object", b"{}", "members"),
        ("more beside what is signed", canonical.encode({**json.loads(good), "more": 1}), "members"),
    ]
    return [{"name": name, "targets": raw.decode(), "outcome": outcome} for name, raw, outcome in found]


def _vector(name: str, files: dict[str, bytes], outcome: str) -> Json:
    texts = {path: raw.decode() for path, raw in files.items()}
    return {"name": name, "targets": _contents(files).decode(), "files": texts, "outcome": outcome}


def _contents(files: dict[str, bytes]) -> bytes:
    names = {path: FileName(path, sha256(raw).digest(), len(raw)) for path, raw in files.items()}
    return sign_contents(Contents(1, 1, NOW, NOW + MAX_TARGETS_SECONDS, names), [signing(REGISTRAR)])


def _resigned(raw: bytes, change: Change, signer: str = REGISTRAR) -> bytes:
    found = changed(json.loads(raw), lambda _: None)
    change(found["signed"])
    keyid = found["signatures"][0]["keyid"]
    payload = str(encode_canonical(found["signed"])).encode()
    found["signatures"] = [{"keyid": keyid, "sig": signing(signer).sign(payload).hex()}]
    return canonical.encode(found)


def _doubled(raw: bytes) -> bytes:
    found = json.loads(raw)
    return canonical.encode({**found, "signatures": found["signatures"] * 2})


def _capitals(hashes: Json) -> None:
    hashes["sha256"] = hashes["sha256"].upper()


def _encoded(wire: Json) -> dict[str, bytes]:
    return {path: canonical.encode(value) for path, value in wire.items()}


def _keys(wire: Json) -> list[Json]:
    found: list[Json] = wire[JABAR]["keys"]
    return found


def _rename(wire: Json, name: str) -> None:
    wire[f"members/{name}.json"] = {**wire.pop(JABAR), "id": name}


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

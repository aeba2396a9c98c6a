"""Vectors of bundles and their manifests."""

import json

from keys import b64u
from protocol import canonical, jws
from protocol.bundle import Answer, Bundle, Conflict, Pull, Pulled, Pushed, Request
from protocol.entry import TreeHead
from protocol.seal import part_id
from tests.support.federation import HUB, World, forged, made_id, seed, signing
from tests.support.vectors.form import Change, Json, changed, drop, payload_of, put, write


def bundle_vectors() -> None:
    """The envelope, then the three manifests."""
    world = World.founded()
    entry = world.draft("message", "jabar", "kemnaker", ref=made_id("t")).sign(signing("jabar")).raw
    content = b"sealed"
    good = Bundle("a.b.c", (entry,), {part_id(content): content})
    wire = json.loads(good.encode())
    name = part_id(content)
    flaws: list[tuple[str, Json, str]] = [
        ("as it should be", wire, "ok"),
        ("nothing in it", {"entries": [], "manifest": "a.b.c", "parts": {}}, "ok"),
        ("256 entries", changed(wire, put("entries", value=["x"] * 256)), "ok"),
        ("257 entries", changed(wire, put("entries", value=["x"] * 257)), "too-large"),
        ("no manifest", changed(wire, drop("manifest")), "members"),
        ("a manifest of null", changed(wire, put("manifest", value=None)), "members"),
        ("no entries", changed(wire, drop("entries")), "members"),
        ("entries in an object", changed(wire, put("entries", value={})), "members"),
        ("an entry that is an object", changed(wire, put("entries", value=[{}])), "members"),
        ("an entry that is not ASCII", changed(wire, put("entries", value=["jalan é"])), "jws-form"),
        ("no parts", changed(wire, drop("parts")), "members"),
        ("parts in a list", changed(wire, put("parts", value=[])), "members"),
        ("a part that is a number", changed(wire, put("parts", value={name: 1})), "members"),
        ("a part with padding", changed(wire, put("parts", value={name: b64u.encode(content) + "="})), "base64url"),
        ("a part under another's id", changed(wire, put("parts", value={name: b64u.encode(b"x")})), "part-id"),
        ("a part under no id", changed(wire, put("parts", value={"": b64u.encode(content)})), "part-id"),
        ("an unknown member", changed(wire, put("wait", value=1)), "members"),
    ]
    vectors = [{"name": n, "bundle": canonical.encode(v).decode(), "outcome": o} for n, v, o in flaws]
    vectors += [
        {"name": "a list", "bundle": "[]", "outcome": "members"},
        {"name": "not canonical", "bundle": json.dumps(wire), "outcome": "canonical"},
        {"name": "not JSON", "bundle": "POST", "outcome": "canonical"},
        {"name": "nothing", "bundle": "", "outcome": "canonical"},
    ]
    write("bundle/bundles.json", "Section 5: each text is read as a bundle.", vectors)
    _request_vectors()
    _answer_vectors()
    _conflict_vectors()


def _manifests(path: str, source: str, good: Json, flaws: list[tuple[str, Change, str]], *, signer: str) -> None:
    key = signing(signer)
    typ = jws.ANSWER if signer == HUB else jws.REQUEST
    other = jws.ANSWER if typ == jws.REQUEST else jws.REQUEST
    vectors = [
        {"name": name, "jws": forged(changed(good, change), key, typ), "outcome": outcome}
        for name, change, outcome in [("as it should be", lambda _: None, "ok"), *flaws]
    ]
    touched = forged(good, key, typ)
    vectors += [
        {"name": "signed as another type", "jws": forged(good, key, other), "outcome": "jws-type"},
        {"name": "another's signature", "jws": touched[:-86] + "A" * 86, "outcome": "signature"},
        {"name": "signed by another", "jws": forged(good, signing("stranger"), typ), "outcome": "unknown-key"},
        {"name": "the payload is a list", "jws": jws.sign(key, typ, []), "outcome": "members"},
    ]
    write(path, source, vectors, seed=key.seed.hex())


def _request_vectors() -> None:
    head = TreeHead(7, seed("root"))
    request = Request(HUB, "jabar", 1, 2, (seed("e"),), Pull(3, 4, 256), 0, head)
    good = payload_of(request.sign(signing("jabar")))
    flaws: list[tuple[str, Change, str]] = [
        ("with a cosignature", put("cosig", value="— witness …\n"), "ok"),
        ("the largest counter", put("ctr", value=2**53 - 1), "ok"),
        ("a pull of nothing", put("pull", "max", value=0), "ok"),
        ("a pull of 257", put("pull", "max", value=257), "members"),
        ("a pull without inbox", drop("pull", "inbox"), "members"),
        ("a pull of null", put("pull", value=None), "members"),
        ("a negative position", put("pull", "sent", value=-1), "members"),
        ("version 2", put("v", value=2), "members"),
        ("counter 0", put("ctr", value=0), "members"),
        ("incarnation 0", put("inc", value=0), "members"),
        ("a negative floor", put("floor", value=-1), "members"),
        ("no seen", drop("seen"), "members"),
        ("no cosig", drop("cosig"), "members"),
        ("a cosig that is a number", put("cosig", value=1), "members"),
        ("an entry hash of 16 bytes", put("entries", value=[made_id("x")]), "base64url"),
        ("257 entries", put("entries", value=[b64u.encode(seed("e"))] * 257), "too-large"),
        ("a node with a path", put("node", value="../jabar"), "members"),
        ("a hub of null", put("hub", value=None), "members"),
        ("an unknown member", put("wait", value=30), "members"),
    ]
    source = "Section 5: each text is read as a request manifest and verified under the key of seed."
    _manifests("bundle/requests.json", source, good, flaws, signer="jabar")


def _answer_vectors() -> None:
    pushed = Pushed(b64u.encode(seed("e")), "ok", 7, 3)
    unknown = Pushed(b64u.encode(seed("f")), "bad", reason="canonical")
    pulled = (Pulled("inbox", 1, 8, seed("g")), Pulled("sent", 3, 7, seed("e")))
    answer = Answer(HUB, "jabar", seed("r"), (pushed, unknown), pulled, False, "note\n", (seed("c"),))
    good = payload_of(answer.sign(signing(HUB)))

    def item(box: str, name: str, value: object) -> Change:
        return lambda found: found[box][0].update({name: value})

    flaws: list[tuple[str, Change, str]] = [
        ("nothing pushed or pulled", lambda p: p.update(push=[], pull=[]), "ok"),
        ("version 2", put("v", value=2), "members"),
        ("more of 1", put("more", value=1), "members"),
        ("no more", drop("more"), "members"),
        ("a state that does not exist", item("push", "state", "fine"), "members"),
        ("a state of null", item("push", "state", None), "members"),
        ("a verdict on no hash", item("push", "id", made_id("x")), "base64url"),
        ("a negative index", item("push", "index", -1), "members"),
        ("a negative position", item("push", "pos", -1), "members"),
        ("a reason of 33 characters", item("push", "reason", "x" * 33), "members"),
        ("a verdict without reason", lambda p: p["push"][0].pop("reason"), "members"),
        ("a box that does not exist", item("pull", "box", "outbox"), "members"),
        ("a box that is a list", item("pull", "box", []), "members"),
        ("a pull without index", item("pull", "index", None), "members"),
        ("a pull of a short hash", item("pull", "h", made_id("x")), "base64url"),
        ("257 pulled", lambda p: p.update(pull=p["pull"][:1] * 257), "too-large"),
        ("65 proof hashes", lambda p: p.update(consistency=p["consistency"] * 65), "too-large"),
        ("req of null", put("req", value=None), "members"),
        ("a checkpoint of null", put("checkpoint", value=None), "members"),
        ("an unknown member", put("wait", value=30), "members"),
    ]
    source = "Section 5: each text is read as the hub's manifest, verified under the key of seed."
    _manifests("bundle/answers.json", source, good, flaws, signer=HUB)


def _conflict_vectors() -> None:
    good = payload_of(Conflict(HUB, "jabar", seed("r"), 9, 1, seed("k")).sign(signing(HUB)))
    flaws: list[tuple[str, Change, str]] = [
        ("nothing known yet", put("known", value=None), "ok"),
        ("version 2", put("v", value=2), "members"),
        ("no counter", drop("ctr"), "members"),
        ("a negative counter", put("ctr", value=-1), "members"),
        ("an incarnation that is text", put("inc", value="1"), "members"),
        ("a known of 16 bytes", put("known", value=made_id("x")), "base64url"),
        ("an answer's members", put("push", value=[]), "members"),
    ]
    source = "Section 5: each text is read as a signed 409, verified under the key of seed."
    _manifests("bundle/conflicts.json", source, good, flaws, signer=HUB)

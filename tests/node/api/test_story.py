"""The whole way of a complaint over the API alone, at three real offices."""

from tests.support.caller import FILING, caller, officer
from tests.support.offices import Country


def test_a_case_is_filed_handed_over_answered_and_tracked(lands: Country) -> None:
    citizen, admin = caller(lands["jabar"]), officer(lands["jabar"], "admin")
    filed = citizen.file()
    number, receipt = filed["number"], filed["receipt"]
    assert citizen.track(receipt)["complaint"]["text"] == FILING["text"]
    first = citizen.post("/track/messages", {"receipt": receipt, "text": "Kartunya nomor 7."}, 202)
    assert first == {"number": number}

    page = admin.get(f"/cases/{number}")
    assert (page["complaint"]["text"], page["identity_sealed"]) == (FILING["text"], True)
    assert page["suggestion"]["id"] in {each["id"] for each in citizen.get("/directory")["items"]}
    offered = admin.post(f"/cases/{number}/offers", {"to": "kemensos", "reason": "Penyaluran PKH."}, 202)
    assert (offered["status"], offered["to"]["id"]) == ("offered", "kemensos")
    lands.settle()

    there = officer(lands["kemensos"], "admin")
    page = there.get(f"/cases/{number}")
    assert (page["status"], page["custody"], page["identity_pending"]) == ("received", "held", False)
    assert [hop["from"]["id"] + ">" + hop["to"]["id"] for hop in page["hops"]] == ["jabar>kemensos"]
    # What was added before the hand-over, while the first office had the case, has come along.
    assert [line["text"] for line in page["thread"] if line["from_reporter"]] == ["Kartunya nomor 7."]
    assert there.post(f"/cases/{number}/transitions", {"to": "verified"})["status"] == "verified"
    assert there.post(f"/cases/{number}/replies", {"text": "Kami periksa."}, 201)["status"] == "answered"
    citizen.post("/track/messages", {"receipt": receipt, "text": "Sudah saya tunggu."}, 202)
    lands.settle()

    seen = citizen.track(receipt)
    assert (seen["status"], seen["custodian"]) == ("answered", {"id": "kemensos", "name": "Kementerian Sosial"})
    assert [(each["office"]["id"], each["text"]) for each in seen["replies"]] == [("kemensos", "Kami periksa.")]
    assert [each["text"] for each in seen["messages"]] == ["Kartunya nomor 7.", "Sudah saya tunggu."]
    assert (seen["openings"], len(seen["hops"]), seen["deadline"][-1]) == ([], 1, "Z")
    assert seen["hops"][0]["log_index"] > 0
    assert there.get(f"/cases/{number}")["thread"][-1]["text"] == "Sudah saya tunggu."

    opened = officer(lands["kemensos"], "custodian").post(f"/cases/{number}/identity", {"reason": "Menelepon."})
    assert opened == {"identity": {**FILING["identity"]}, "shown_to_reporter": True}
    lands.settle()
    told = citizen.track(receipt)["openings"]
    assert [(each["office"]["id"], each["role"], each["reason"]) for each in told] == [
        ("kemensos", "custodian", "Menelepon.")
    ]

    assert (
        there.post(f"/cases/{number}/transitions", {"to": "resolved", "reason": "Sudah cair."})["status"] == "resolved"
    )
    lands.settle()
    assert citizen.track(receipt)["status"] == "resolved"
    assert citizen.track(receipt)["replies"][-1]["text"] == "Sudah cair."
    reopened = there.post(f"/cases/{number}/transitions", {"to": "in_progress", "reason": "Ternyata belum cair."})
    assert reopened["status"] == "in_progress"

    stub = admin.get(f"/cases/{number}")
    assert (stub["complaint"], stub["custody"], stub["custodian"]["id"]) == (None, "gone", "kemensos")
    assert (stub["actions"], stub["transitions"], stub["thread"]) == ([], [], [])


def test_triage_rules_and_the_holder_obeys(lands: Country) -> None:
    citizen, admin = caller(lands["jabar"]), officer(lands["jabar"], "admin")
    triage = officer(lands["triase"], "admin")
    number = citizen.file(topic="", region="", text="Siapa yang mengurus ini?")["number"]
    asked = admin.post(f"/cases/{number}/transitions", {"to": "awaiting_ruling", "reason": "Milik siapa?"})
    assert asked["status"] == "awaiting_ruling"
    problem = admin.post(f"/cases/{number}/offers", {"to": "kemensos", "reason": "Coba saja."}, 409)
    assert problem["type"] == "urn:simpul:api:state"
    lands.settle()

    ask = next(each for each in triage.get("/asks")["items"] if each["ruled_at"] is None)
    question = triage.get(f"/asks/{ask['id']}")
    assert (question["asked_by"]["id"], question["reason"]) == ("jabar", "Milik siapa?")
    assert question["complaint"]["text"] == "Siapa yang mengurus ini?"
    ruling = {"to": "kemensos", "reason": "Bantuan sosial."}
    ruled = triage.post(f"/asks/{ask['id']}/rulings", ruling, 202)
    assert ruled == {"id": ask["id"], "to": {"id": "kemensos", "name": "Kementerian Sosial"}}
    assert triage.post(f"/asks/{ask['id']}/rulings", ruling, 409)["type"] == "urn:simpul:api:state"
    assert triage.get(f"/asks/{ask['id']}")["complaint"] is None
    lands.settle()

    page = admin.get(f"/cases/{number}")
    assert (page["ruling"]["id"], page["actions"], page["transitions"]) == ("kemensos", ["obey"], [])
    wrong = admin.post(f"/cases/{number}/offers", {"to": "triase", "reason": "Bukan itu."}, 422)
    assert list(wrong["errors"]) == ["to"]
    assert admin.post(f"/cases/{number}/offers", {"reason": "Sesuai penetapan."}, 202)["to"]["id"] == "kemensos"
    lands.settle()
    assert officer(lands["kemensos"], "admin").get(f"/cases/{number}")["status"] == "received"


def test_a_case_that_lacks_something_asks_the_reporter_and_goes_on(lands: Country) -> None:
    citizen, admin = caller(lands["jabar"]), officer(lands["jabar"], "admin")
    filed = citizen.file(identity=None)
    path = f"/cases/{filed['number']}/transitions"
    assert list(admin.post(path, {"to": "incomplete"}, 422)["errors"]) == ["reason"]
    admin.post(path, {"to": "incomplete", "reason": "Di jalan apa?"})
    seen = citizen.track(filed["receipt"])
    assert (seen["status"], seen["replies"][-1]["text"]) == ("incomplete", "Di jalan apa?")
    citizen.post("/track/messages", {"receipt": filed["receipt"], "text": "Jalan Braga."}, 202)
    possible = admin.post(path, {"to": "received"}, 409)["possible"]
    assert possible == ["archived", "verified"] == sorted(admin.get(f"/cases/{filed['number']}")["transitions"])
    for to in ("verified", "assigned", "in_progress"):
        admin.post(path, {"to": to, "reason": "Lanjut."})
    for to in ("offered", "returned", "received", "merged", "auto_closed", "disputed", "referred"):
        assert admin.post(path, {"to": to, "reason": "x"}, 409)["possible"] == ["answered"]
    assert admin.post(path, {"to": "answered", "reason": "Sudah diperbaiki."})["status"] == "answered"
    assert citizen.track(filed["receipt"])["replies"][-1]["text"] == "Sudah diperbaiki."
    custodian = officer(lands["jabar"], "custodian")
    opened = custodian.post(f"/cases/{filed['number']}/identity", {"reason": "Memastikan."})
    assert opened == {"identity": None, "shown_to_reporter": True}


def test_an_archived_case_is_received_again(lands: Country) -> None:
    citizen, admin = caller(lands["jabar"]), officer(lands["jabar"], "admin")
    path = f"/cases/{citizen.file()['number']}/transitions"
    admin.post(path, {"to": "incomplete", "reason": "Di mana?"})
    admin.post(path, {"to": "archived", "reason": "Tidak ada keterangan."})
    assert admin.post(path, {"to": "received"}, 422)["errors"].keys() == {"reason"}
    assert admin.post(path, {"to": "received", "reason": "Keterangan datang."})["status"] == "received"


def test_the_list_is_walked_by_pages_without_gaps_or_doubles(lands: Country) -> None:
    citizen, leader = caller(lands["jabar"]), officer(lands["jabar"], "leader")
    made = [citizen.file(text=f"Laporan {at}")["number"] for at in range(5)]
    page = leader.get("/cases?limit=2")
    found = [each["number"] for each in page["items"]]
    while page["next"] is not None:
        assert len(page["items"]) == 2
        page = leader.get(f"/cases?limit=2&after={page['next']}")
        found += [each["number"] for each in page["items"]]
    assert len(set(found)) == len(found)
    assert set(made) <= set(found)
    received = leader.get("/cases?limit=200&state=received")["items"]
    assert {each["status"] for each in received} == {"received"}
    assert leader.get("/cases?state=referred") == {"items": [], "next": None}


def test_an_outsider_finds_every_code(lands: Country) -> None:
    citizen = caller(lands["jabar"])
    topics = {each["code"]: each for each in citizen.get("/topics")["items"]}
    assert topics["bantuan-sosial/pkh"]["parent"] == "bantuan-sosial"
    assert "32.73" in {each["code"] for each in citizen.get("/regions?q=kota bandung")["items"]}
    assert {each["level"] for each in citizen.get("/regions")["items"]} == {1}
    members = {each["id"]: each for each in citizen.get("/directory")["items"]}
    assert members["triase"] == {"id": "triase", "name": "Triase Nasional", "kind": "triage", "takes_offers": False}

"""What a real hub logged, published and exported passes; what it was told wrongly and logged all the same does not."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from audit.cli import main
from hub.auditors.access import add_auditor
from hub.export import export_folder
from protocol.content import receipt_body
from tests.support.federation import NOW
from tests.support.hub import MEMBERS, FoundedHub, found_hub, node_of, served


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, arguments)], catch_exceptions=False)


def walk(hub: FoundedHub, url: str) -> None:
    """A case that triage rules on, that is handed over and answered."""
    jabar, kemnaker, triase = (node_of(hub, name, url) for name in ("jabar", "kemnaker", "triase"))
    ask = jabar.say("ask", "triase")
    jabar.sync(ask)
    ruling = triase.rule(ask, "kemnaker")
    triase.sync(ruling)
    offer = jabar.offer("kemnaker", re=ruling.entry.id)
    jabar.sync(offer)
    kemnaker.sync()
    accept = kemnaker.answer("accept", offer)
    kemnaker.sync(accept)
    jabar.sync()
    jabar.sync(jabar.grant(offer, accept))
    kemnaker.sync(kemnaker.say("reply", "jabar", ref=ask.entry.id), kemnaker.receipt("jabar", 2))


def test_a_real_hub_passes_over_http_and_as_a_folder(tmp_path: Path) -> None:
    hub = found_hub(tmp_path / "hub", *MEMBERS)
    (tmp_path / "federation.json").write_bytes(hub.federation.encode())
    with served(hub) as url:
        walk(hub, url)
        with hub.database.transaction() as session:
            (tmp_path / "token").write_text(add_auditor(session, "bpkp", NOW))
        with hub.database.reading() as session:
            export_folder(session, hub.federation, tmp_path / "audit", entries=True)
        anchors = ("--federation", tmp_path / "federation.json")
        online = run(url, *anchors, "--token-file", tmp_path / "token", "--all", "--json")
        assert online.exit_code == 0, online.output
        first_use = run(url)
        assert first_use.exit_code == 0
        assert "TRUST ON FIRST USE" in first_use.stdout
    offline = run(tmp_path / "audit", *anchors, "--all", "--json")
    assert offline.exit_code == 0, offline.output
    one, other = json.loads(online.stdout), json.loads(offline.stdout)
    assert one["facts"] == other["facts"]
    assert one["facts"]["entries"] == 7


def test_starts_fences_and_receipts_of_a_real_hub_pass(tmp_path: Path) -> None:
    hub = found_hub(tmp_path / "hub", *MEMBERS)
    with served(hub) as url:
        jabar, kemnaker = node_of(hub, "jabar", url), node_of(hub, "kemnaker", url)
        jabar.sync(jabar.fence())
        offer = jabar.offer("kemnaker")
        jabar.sync(offer)
        kemnaker.sync(kemnaker.fence())
        accept = kemnaker.answer("accept", offer)
        kemnaker.sync(accept, kemnaker.say("receipt", "jabar", body=receipt_body(1, kemnaker.seen)))
        jabar.sync(jabar.fence(9))
        jabar.sync(jabar.grant(offer, accept))
        with hub.database.reading() as session:
            export_folder(session, hub.federation, tmp_path / "audit", entries=True)
    result = run(tmp_path / "audit", "--all", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["facts"]["entries"] == 7


def test_a_second_text_that_a_real_hub_refused_is_found_in_its_folder_and_over_http(tmp_path: Path) -> None:
    hub = found_hub(tmp_path / "hub", *MEMBERS)
    (tmp_path / "federation.json").write_bytes(hub.federation.encode())
    with served(hub) as url:
        jabar = node_of(hub, "jabar", url)
        jabar.sync(jabar.say("consult", "kemnaker"))
        jabar.sync(jabar.say("consult", "kemnaker", seq=1))
        with hub.database.transaction() as session:
            (tmp_path / "token").write_text(add_auditor(session, "bpkp", NOW))
        with hub.database.reading() as session:
            export_folder(session, hub.federation, tmp_path / "audit", entries=True)
        anchors = ("--federation", tmp_path / "federation.json", "--json")
        online = run(url, *anchors, "--token-file", tmp_path / "token")
    for result in (online, run(tmp_path / "audit", *anchors)):
        assert result.exit_code == 1
        (found,) = [finding for check in json.loads(result.stdout)["checks"] for finding in check["findings"]]
        assert (found["rule"], found["expected"]["party"], found["expected"]["position"]) == ("seq", "jabar", 1)


def test_an_offer_by_one_who_holds_nothing_is_found_though_the_hub_logged_it(tmp_path: Path) -> None:
    """The hub passes on what is signed and in its turn; who held which case is for the readers of the log."""
    hub = found_hub(tmp_path / "hub", *MEMBERS)
    with served(hub) as url:
        jabar = node_of(hub, "jabar", url)
        jabar.sync()
        offer = jabar.offer("kemnaker", epoch=7)
        assert jabar.sync(offer).verdict(offer).state == "ok"
        with hub.database.reading() as session:
            export_folder(session, hub.federation, tmp_path / "audit", entries=True)
    result = run(tmp_path / "audit", "--json")
    assert result.exit_code == 1
    assert [check["name"] for check in json.loads(result.stdout)["checks"] if check["findings"]] == ["custody"]

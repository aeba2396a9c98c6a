"""What a real hub logged, published and exported passes; what it was told wrongly and logged all the same does not."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from audit.cli import main
from hub.auditors.access import add_auditor
from hub.export import export_folder
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

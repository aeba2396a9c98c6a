"""The command line, as an operator uses it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hub import clock
from hub.cli import main
from keys.keyfile import KdfCost
from keys.keyring import Keyring
from protocol.bundle import Pull
from protocol.enrol import EnrolRequest
from tests.support.federation import NOW, records, signing
from tests.support.hub import PASSPHRASE, FoundedHub, node_of, served

CHEAP = KdfCost(memory_kib=8, passes=1, lanes=1)


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner(env={"SIMPUL_PASSPHRASE": PASSPHRASE})


def request_file(path: Path, party: str = "aceh", **changes: str) -> Path:
    members = {"id": party, "name": "Provinsi Aceh", "hub": "pusat", **changes}
    asked = EnrolRequest(members["id"], members["name"], members["hub"], NOW, records(party))
    path.write_text(asked.sign(signing(party)) + "\n")
    return path


def run(runner: CliRunner, data: Path, *arguments: str, **options: object) -> Result:
    return runner.invoke(main, [arguments[0], "--data", str(data), *arguments[1:]], **options)  # type: ignore[arg-type]


def one_line(result: Result) -> str:
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands make key files that open fast."""
    save = Keyring.save

    def cheaply(self: Keyring, path: Path, passphrase: str, **more: Any) -> None:  # noqa: ANN401  passed on
        save(self, path, passphrase, **{**more, "cost": CHEAP})

    monkeypatch.setattr(Keyring, "save", cheaply)


def test_founding_enrolling_and_listing(runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cheap_keys(monkeypatch)
    data = tmp_path / "hub"
    founded = run(runner, data, "init", "--name", "pusat", "--url", "https://hub.example/")
    assert founded.exit_code == 0, founded.output
    assert '"url":"https://hub.example"' in (data / "federation.json").read_text()
    competence = tmp_path / "competence.json"
    competence.write_text(json.dumps([{"regions": ["11"], "topics": []}]))
    asked = request_file(tmp_path / "aceh.request")
    arguments = ("enrol", str(asked), "--kind", "province", "--region", "11", "--competence", str(competence))
    declined = run(runner, data, *arguments, input="n\n")
    assert declined.exit_code == 1
    assert signing("aceh").public.kid in declined.output
    assert "aceh" not in run(runner, data, "members").output
    enrolled = run(runner, data, *arguments, "--yes")
    assert "enrolled aceh: directory version 2" in enrolled.output
    line = next(line for line in run(runner, data, "members").output.splitlines() if line.startswith("aceh"))
    assert line.split() == ["aceh", "Provinsi", "Aceh", "province", "active", "never", "0", "-"]
    assert "already" in one_line(run(runner, data, "init", "--url", "http://x"))


def test_suspending_and_activating(runner: CliRunner, data_dir: Path) -> None:
    assert "jabar is suspended" in run(runner, data_dir, "suspend", "jabar").output
    assert "suspended" in next(x for x in run(runner, data_dir, "members").output.splitlines() if x.startswith("jabar"))
    assert "already" in one_line(run(runner, data_dir, "suspend", "jabar"))
    assert "jabar is active" in run(runner, data_dir, "activate", "jabar").output
    assert "no member" in one_line(run(runner, data_dir, "suspend", "nobody"))


def test_the_list_shows_last_contact_and_queue(runner: CliRunner, founded: FoundedHub) -> None:
    with served(founded) as url:
        jabar = node_of(founded, "jabar", url)
        jabar.sync(jabar.receipt("kemnaker", 1), jabar.receipt("kemnaker", 2))
    lines = {
        line.split()[0]: line.split() for line in run(runner, founded.settings.data_dir, "members").output.splitlines()
    }
    assert lines["kemnaker"][-4:] == ["never", "2", "2026-09-21", "14:13"]
    assert lines["jabar"][-4:] == ["2026-09-21", "14:13", "0", "-"]


def test_the_list_shows_since_when_a_member_leaves_its_inbox_alone(runner: CliRunner, founded: FoundedHub) -> None:
    """A member that is in contact and fetches nothing, or is shown none of it: the oldest entry tells since when."""
    times = iter(range(NOW, NOW + 100_000, 3_600))
    with served(founded, lambda: next(times)) as url:
        jabar, kemnaker = node_of(founded, "jabar", url), node_of(founded, "kemnaker", url)
        for n in range(1, 4):
            jabar.sync(jabar.receipt("kemnaker", n))
        kemnaker.sync(pull=Pull(1, 0, 0), follow=False)
    lines = run(runner, founded.settings.data_dir, "members").output.splitlines()
    line = next(line.split() for line in lines if line.startswith("kemnaker"))
    assert line[-4:] == ["17:13", "2", "2026-09-21", "15:13"]


def test_retiring_a_member(runner: CliRunner, founded: FoundedHub) -> None:
    data = founded.settings.data_dir
    with served(founded) as url:
        jabar, kemnaker = node_of(founded, "jabar", url), node_of(founded, "kemnaker", url)
        offer = jabar.offer("kemnaker")
        jabar.sync(offer)
        assert offer.entry.id in one_line(run(runner, data, "retire", "kemnaker", "--drained"))
        kemnaker.sync(kemnaker.answer("reject", offer))
    assert "--drained" in one_line(run(runner, data, "retire", "kemnaker"))
    done = run(runner, data, "retire", "kemnaker", "--drained")
    assert "kemnaker is retired: directory version" in done.output, done.output
    assert "retired" in next(x for x in run(runner, data, "members").output.splitlines() if x.startswith("kemnaker"))
    assert "already" in one_line(run(runner, data, "retire", "kemnaker", "--drained"))
    assert "no member" in one_line(run(runner, data, "retire", "nobody", "--drained"))


def test_what_is_no_request_is_refused(runner: CliRunner, data_dir: Path, tmp_path: Path) -> None:
    for content in (b"", b"hello", request_file(tmp_path / "a").read_bytes()[:-9]):
        path = tmp_path / "bad.request"
        path.write_bytes(content)
        assert "no enrolment request" in one_line(run(runner, data_dir, "enrol", str(path), "--kind", "city", "--yes"))
    other = request_file(tmp_path / "b", hub="daerah")
    assert "another hub" in one_line(run(runner, data_dir, "enrol", str(other), "--kind", "city", "--yes"))
    taken = request_file(tmp_path / "c", "jabar")
    assert "taken" in one_line(run(runner, data_dir, "enrol", str(taken), "--kind", "city", "--yes"))


def test_the_registrars_key_may_lie_elsewhere(runner: CliRunner, data_dir: Path, tmp_path: Path) -> None:
    offline = tmp_path / "offline.key"
    (data_dir / "registrar" / "registrar.key").rename(offline)
    assert "no key file" in one_line(run(runner, data_dir, "suspend", "jabar"))
    done = run(runner, data_dir, "suspend", "jabar", "--registrar", str(offline))
    assert done.exit_code == 0, done.output


def test_another_registrars_key_is_refused(runner: CliRunner, data_dir: Path) -> None:
    done = run(runner, data_dir, "suspend", "jabar", "--registrar", str(data_dir / "keys" / "hub.key"))
    assert "another key" in one_line(done)


def root_of(data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((data / "federation.json").read_text())["root"]["signed"]
    return found


def test_holders_of_the_root_sign_the_next_one(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two holders found a hub, keep their files elsewhere, and later replace the registrar and the hub's own key."""
    cheap_keys(monkeypatch)
    data, ani, budi = tmp_path / "hub", tmp_path / "ani.key", tmp_path / "budi.key"
    founded = run(runner, data, "init", "--url", "http://x", "--root-key", str(ani), "--root-key", str(budi))
    assert founded.exit_code == 0, founded.output
    assert root_of(data)["roles"]["root"]["threshold"] == 2
    assert root_of(data)["roles"]["root"]["keyids"] != root_of(data)["roles"]["targets"]["keyids"]
    assert "not those whom the root asks for" in one_line(run(runner, data, "rotate"))
    assert "not those whom the root asks for" in one_line(run(runner, data, "rotate", "--root-key", str(ani)))
    both = ("--root-key", str(ani), "--root-key", str(budi))
    assert "root 2: directory version 2" in run(runner, data, "rotate", *both).output
    online = (data / "keys" / "online.key").read_bytes()
    new = tmp_path / "new.key"
    done = run(runner, data, "rotate", *both, "--new-registrar", str(new), "--new-online")
    assert "root 3: directory version 3" in done.output, done.output
    assert (data / "keys" / "online.key").read_bytes() != online
    assert "another key" in one_line(run(runner, data, "renew"))
    assert "directory version 4" in run(runner, data, "renew", "--registrar", str(new)).output
    citra = tmp_path / "citra.key"
    last = run(runner, data, "rotate", *both, "--new-root-key", str(citra), "--registrar", str(new))
    assert "root 4: directory version 5" in last.output, last.output
    assert "not those whom" in one_line(run(runner, data, "rotate", *both, "--registrar", str(new)))
    assert "root 5" in run(runner, data, "rotate", "--root-key", str(citra), "--registrar", str(new)).output


def test_a_threshold_that_cannot_be_met_is_refused(runner: CliRunner, tmp_path: Path) -> None:
    data = tmp_path / "hub"
    assert "named" in one_line(run(runner, data, "init", "--url", "http://x", "--root-threshold", "2"))


def test_what_runs_out_is_told_with_the_way_out(runner: CliRunner, data_dir: Path, founded: FoundedHub) -> None:
    """The clock of the command is the real one; the hub was founded long before or after it, as the tests are run."""
    with founded.database.transaction() as session:
        founded.registrar.renew(session, clock.now() - 25 * 86_400)
    told = run(runner, data_dir, "members").stderr
    assert "expires in 4 days: run `simpul-hub renew`" in told or "expires in 5 days" in told
    assert run(runner, data_dir, "renew").exit_code == 0
    assert "renew" not in run(runner, data_dir, "members").stderr


def test_an_auditor_and_an_export(runner: CliRunner, data_dir: Path, tmp_path: Path) -> None:
    token = run(runner, data_dir, "members").output
    made = runner.invoke(main, ["auditor", "add", "--data", str(data_dir), "bpk"])
    assert made.exit_code == 0
    token = made.output.strip()
    assert len(token) == 43
    assert "already" in one_line(runner.invoke(main, ["auditor", "add", "--data", str(data_dir), "bpk"]))
    exported = run(runner, data_dir, "export", str(tmp_path / "folder"), "--entries")
    assert "exported 8 leaves" in exported.output
    assert (tmp_path / "folder" / "checkpoint").is_file()


def test_without_a_hub_it_says_so(runner: CliRunner, tmp_path: Path) -> None:
    for arguments in (["members"], ["serve"], ["export", str(tmp_path / "x")], ["suspend", "jabar"]):
        assert "run `simpul-hub init`" in one_line(run(runner, tmp_path / "nothing", *arguments))
    assert "--data" in one_line(runner.invoke(main, ["members"]))
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["init"],
        ["enrol"],
        ["suspend"],
        ["activate"],
        ["retire"],
        ["renew"],
        ["rotate"],
        ["members"],
        ["serve"],
        ["export"],
        ["auditor"],
    ],
)
def test_everything_explains_itself(runner: CliRunner, command: list[str]) -> None:
    result = runner.invoke(main, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_the_passphrase_may_come_through_a_pipe(data_dir: Path) -> None:
    done = CliRunner().invoke(main, ["suspend", "--data", str(data_dir), "jabar"], input=PASSPHRASE + "\n")
    assert done.exit_code == 0, done.output

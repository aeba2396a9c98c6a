"""simpul-keys: one line for every error, and never a secret on the screen."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from keys import b64u
from keys.cli import main
from keys.keyring import Keyring
from keys.receipt import ReceiptCode
from keys.sealing import SealingPublicKey

PASSPHRASE = "empat kata yang acak"
OTHER = "empat kata yang lain"

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("SIMPUL_PASSPHRASE", raising=False)
    monkeypatch.delenv("SIMPUL_PASSPHRASE_FILE", raising=False)

    def invoke(*arguments: object, passphrase: str | None = None, typed: str = "") -> Result:
        env = {} if passphrase is None else {"SIMPUL_PASSPHRASE": passphrase}
        return CliRunner().invoke(main, [str(argument) for argument in arguments], input=typed, env=env)

    return invoke


def failed(result: Result, message: str) -> None:
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_new_keys_are_written_and_shown_without_anything_secret(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "keys" / "node.key"
    made = run("new", file, passphrase=PASSPHRASE)
    assert made.exit_code == 0
    keyring = Keyring.load(file, PASSPHRASE)
    shown = run("show", file, passphrase=PASSPHRASE)
    assert shown.exit_code == 0
    assert shown.stdout in made.stdout
    for kid in (keyring.signing.public.kid, *(record.key.public.kid for record in keyring.sealing)):
        assert kid in shown.stdout
    for secret in (keyring.signing.seed, *(r.key.seed for r in keyring.sealing), *keyring.secrets.values()):
        assert b64u.encode(secret) not in made.output
        assert secret.hex() not in made.output


def test_show_as_json_is_what_an_enrolment_needs(run: Run, tmp_path: Path) -> None:
    run("new", tmp_path / "k", passphrase=PASSPHRASE)
    public = json.loads(run("show", "--json", tmp_path / "k", passphrase=PASSPHRASE).stdout)
    keyring = Keyring.load(tmp_path / "k", PASSPHRASE)
    assert public["signing"] == {
        "kid": keyring.signing.public.kid,
        "key": b64u.encode(keyring.signing.public.raw),
    }
    assert [entry["use"] for entry in public["sealing"]] == ["case", "identity"]
    for entry in public["sealing"]:
        assert SealingPublicKey(b64u.decode(entry["key"])).kid == entry["kid"]


def test_a_hub_gets_a_signing_key_alone(run: Run, tmp_path: Path) -> None:
    assert run("new", "--signing-only", tmp_path / "k", passphrase=PASSPHRASE).exit_code == 0
    assert Keyring.load(tmp_path / "k", PASSPHRASE).sealing == ()


def test_a_changed_passphrase_opens_the_same_keys(run: Run, tmp_path: Path) -> None:
    run("new", tmp_path / "k", passphrase=PASSPHRASE)
    before = Keyring.load(tmp_path / "k", PASSPHRASE)
    new = tmp_path / "new-passphrase"
    new.write_text(OTHER + "\n")
    new.chmod(0o600)
    assert run("passphrase", tmp_path / "k", "--new-passphrase-file", new, passphrase=PASSPHRASE).exit_code == 0
    assert Keyring.load(tmp_path / "k", OTHER) == before
    failed(run("show", tmp_path / "k", passphrase=PASSPHRASE), "does not open")
    assert run("show", tmp_path / "k", "--passphrase-file", new, passphrase=PASSPHRASE).exit_code == 0


def test_passphrases_can_be_piped_in(run: Run, tmp_path: Path) -> None:
    assert run("new", tmp_path / "k", typed=PASSPHRASE + "\n").exit_code == 0
    assert run("passphrase", tmp_path / "k", typed=f"{PASSPHRASE}\n{OTHER}\n").exit_code == 0
    assert run("show", tmp_path / "k", typed=OTHER).exit_code == 0
    failed(run("show", tmp_path / "k", typed=""), "empty")


def test_every_error_is_one_line(run: Run, tmp_path: Path) -> None:
    run("new", tmp_path / "k", passphrase=PASSPHRASE)
    failed(run("new", tmp_path / "k", passphrase=PASSPHRASE), "exists already")
    failed(run("new", tmp_path / "short", passphrase="pendek"), "guessed too soon")
    assert not (tmp_path / "short").exists()
    failed(run("show", tmp_path / "none", passphrase=PASSPHRASE), "simpul-keys new")
    failed(run("show", tmp_path / "k", passphrase=OTHER), "does not open")
    failed(run("show", tmp_path / "k", "--passphrase-file", tmp_path / "none"), "cannot read the passphrase file")
    (tmp_path / "k").chmod(0o644)
    failed(run("show", tmp_path / "k", passphrase=PASSPHRASE), "chmod 600")
    (tmp_path / "k").chmod(0o600)
    (tmp_path / "k").write_bytes(b"{}")
    failed(run("show", tmp_path / "k", passphrase=PASSPHRASE), "damaged")


def test_wrong_usage_is_told_from_failure(run: Run) -> None:
    for arguments in (["show"], ["unknown"], ["new", "--unknown", "x"]):
        assert run(*arguments).exit_code == 2
    helped = run("--help")
    assert helped.exit_code == 0
    assert all(name in helped.stdout for name in ("new", "show", "passphrase", "selftest", "receipt"))


def test_selftest_names_its_parts(run: Run) -> None:
    result = run("selftest")
    assert result.exit_code == 0
    assert result.stdout.count("ok  ") == 8


def test_a_receipt_code_is_checked_and_not_echoed(run: Run) -> None:
    code = ReceiptCode.generate().text
    good = run("receipt", typed=code.lower() + "\n")
    assert (good.exit_code, good.output) == (0, "well-formed\n")
    bad = run("receipt", typed=code[:-1] + "\n")
    failed(bad, "too short by 1")
    assert code[:4] not in bad.output


def test_at_a_terminal_the_passphrase_is_asked_for_unseen(tmp_path: Path) -> None:
    """A real process on a real terminal: prompts come, twice for a new passphrase, and the answer is not echoed."""
    controller, terminal = pty.openpty()
    command = [sys.executable, "-c", "from keys.cli import main; main()", "new", "--signing-only", str(tmp_path / "k")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIMPUL_")}
    process = subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment, start_new_session=True
    )
    os.close(terminal)
    seen = b""
    for prompt in (b"New passphrase: ", b"Repeat for confirmation: "):
        while not seen.endswith(prompt):
            seen += os.read(controller, 1000)
        os.write(controller, PASSPHRASE.encode() + b"\n")
    while b"kid" not in seen:
        seen += os.read(controller, 1000)
    assert process.wait(timeout=20) == 0
    os.close(controller)
    assert PASSPHRASE.encode() not in seen
    assert Keyring.load(tmp_path / "k", PASSPHRASE).sealing == ()

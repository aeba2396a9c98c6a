"""Where the passphrase comes from, in which order, and what is refused."""

from pathlib import Path

import pytest

from keys.errors import ExposedKeyFileError, KeyFileError
from keys.passphrase import MAX_PASSPHRASE_BYTES, passphrase_from


def never() -> str:
    pytest.fail("asked although a passphrase was given")


def secret_file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def test_the_order_is_option_file_variable_prompt(tmp_path: Path) -> None:
    option = secret_file(tmp_path / "option", b"from the option\n")
    named = secret_file(tmp_path / "named", b"from the named file\n")
    environ = {"SIMPUL_PASSPHRASE_FILE": str(named), "SIMPUL_PASSPHRASE": "from the variable"}
    assert passphrase_from(option, environ, never) == "from the option"
    assert passphrase_from(None, environ, never) == "from the named file"
    del environ["SIMPUL_PASSPHRASE_FILE"]
    assert passphrase_from(None, environ, never) == "from the variable"
    assert passphrase_from(None, {}, lambda: "typed") == "typed"


@pytest.mark.parametrize(
    ("content", "passphrase"),
    [
        (b"sandi", "sandi"),
        (b"sandi\n", "sandi"),
        (b"sandi\r\n", "sandi"),
        (b"sandi\n\n", "sandi\n"),
        (b" sandi ", " sandi "),
        ("sandi é\n".encode(), "sandi é"),
    ],
)
def test_one_newline_at_the_end_is_no_part_of_it(tmp_path: Path, content: bytes, passphrase: str) -> None:
    assert passphrase_from(secret_file(tmp_path / "p", content), {}, never) == passphrase


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n"])
def test_an_empty_file_is_a_mistake_and_is_not_passed_over(tmp_path: Path, content: bytes) -> None:
    file = secret_file(tmp_path / "p", content)
    with pytest.raises(KeyFileError, match="empty"):
        passphrase_from(file, {"SIMPUL_PASSPHRASE": "other"}, never)


def test_an_empty_variable_or_answer_is_refused() -> None:
    with pytest.raises(KeyFileError, match=r"empty \(SIMPUL_PASSPHRASE\)"):
        passphrase_from(None, {"SIMPUL_PASSPHRASE": ""}, never)
    with pytest.raises(KeyFileError, match="empty"):
        passphrase_from(None, {}, lambda: "\n")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = secret_file(tmp_path / "p", b"sandi")
    file.chmod(mode)
    with pytest.raises(ExposedKeyFileError, match="chmod 600"):
        passphrase_from(file, {}, never)


def test_a_link_to_a_private_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(secret_file(tmp_path / "p", b"sandi"))
    assert passphrase_from(tmp_path / "link", {}, never) == "sandi"


def test_what_is_no_passphrase_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        passphrase_from(tmp_path / "none", {}, never)
    with pytest.raises(KeyFileError, match="directory"):
        passphrase_from(tmp_path, {}, never)
    with pytest.raises(KeyFileError, match="more than"):
        passphrase_from(secret_file(tmp_path / "big", b"x" * (MAX_PASSPHRASE_BYTES + 1)), {}, never)
    with pytest.raises(KeyFileError, match="UTF-8"):
        passphrase_from(secret_file(tmp_path / "latin", b"caf\xe9"), {}, never)

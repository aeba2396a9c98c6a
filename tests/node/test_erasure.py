"""What a person wrote stands nowhere in the clear: in no file of the office at any step, and in no line of its log."""

import base64
import io
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from node.cases.intake import blank_form, file_complaint
from node.cases.views import Identity, NotStoredError
from node.serving import sweep
from node.web import safelog
from protocol.custody import Stance
from protocol.errors import RemoteError
from tests.support.nodes import WORDS, Country, Office

TEXT = "Upah kami di pabrik Sukamakmur ditahan mandor"
ANSWER = "Pengawas datang hari Selasa pagi"
WHY = "Menelepon pelapor tentang slip gajinya"
WHO = Identity(name="Rahmawati Kusumaningtyas", phone="081298765432", email="rahma@example.id", nik="3273014501900007")
MARKS = (TEXT, ANSWER, WHY, WHO.name, WHO.phone, WHO.email, WHO.nik)


def forms(text: str) -> Iterator[bytes]:
    """The same words as a file may hold them: plain, UTF-16, hex, URL-encoded, and base64 at each of its alignments."""
    raw = text.encode()
    yield raw
    yield from (text.encode("utf-16-le"), text.encode("utf-16-be"), raw.hex().encode(), raw.hex().upper().encode())
    yield quote(text).encode()
    for shift in range(3):
        # The first and last characters depend on the neighbours; what stands between does not.
        inner = base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4]
        yield inner
        yield inner.replace(b"+", b"-").replace(b"/", b"_")


def found_in(folder: Path) -> list[tuple[str, str]]:
    """Each file below a folder, its name included, in which one of the marks stands in any form."""
    return [
        (str(path.relative_to(folder)), mark)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for content in [path.read_bytes() + str(path).encode()]
        for mark in MARKS
        if any(form in content for form in forms(mark))
    ]


@pytest.mark.parametrize("form", range(12))
def test_the_search_finds_what_is_planted(tmp_path: Path, form: int) -> None:
    every = list(forms(TEXT))
    assert len(every) == 12
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "page").write_bytes(b"\x7f..." + every[form] + b"...\x00")
    assert found_in(tmp_path) == [("sub/page", TEXT)]


@pytest.mark.database("sqlite")
def test_no_file_of_any_office_or_of_the_hub_holds_what_was_written(land: Country) -> None:
    """Searched after each step, with the write-ahead log as it stands: nothing is checkpointed or closed for it.

    The disk of PostgreSQL is searched in tests/story/test_postgres_disk.py.
    """
    filed = land.jabar.file(replace(WORDS, text=TEXT), WHO)
    assert found_in(land.folder) == []
    assert land.jabar.page(filed.number).complaint == replace(WORDS, text=TEXT)
    land.jabar.hand_over(filed.number, "jateng", WHY)
    land.jabar.sync_well()
    assert found_in(land.folder) == []
    land.settle()
    land.jateng.ask(filed.number, WHY)
    land.settle()
    land.triase.rule(land.triase.asks()[0], "kemnaker", WHY)
    assert found_in(land.folder) == []
    land.settle()
    land.jateng.obey(filed.number)
    land.settle()
    assert land.kemnaker.open_identity(filed.number, WHY) == WHO
    land.kemnaker.reply(filed.number, ANSWER)
    assert found_in(land.folder) == []
    land.settle()
    tracking = land.jabar.track(filed.receipt)
    assert (tracking.messages[0].text, tracking.openings[0].reason) == (ANSWER, WHY)
    assert (land.folder / "jabar" / "node.db-wal").stat().st_size > 0
    assert found_in(land.folder) == []


def test_only_the_handler_has_keys_in_the_end(land: Country) -> None:
    filed = land.jabar.file(replace(WORDS, text=TEXT), WHO)
    land.jabar.hand_over(filed.number, "jateng")
    land.settle()
    land.jateng.ask(filed.number)
    land.settle()
    land.triase.rule(land.triase.asks()[0], "kemnaker")
    land.settle()
    land.jateng.obey(filed.number)
    land.settle()
    held = {office.node.member_id: {use for _, use in office.node.case_keys.listing()} for office in land.offices}
    assert held == {
        "jabar": set(),
        "jateng": set(),
        "triase": set(),
        "kemensos": set(),
        "kemnaker": {"content", "identity"},
    }


# The crash between the commit and the destruction.


def test_the_sweep_finishes_an_erasure_that_a_crash_cut_short(land: Country) -> None:
    filed = land.jabar.file()
    case_id = land.jabar.case(filed.number).case_id
    kept = {path: path.read_bytes() for path in wrappings(land.jabar)}
    land.jabar.hand_over(filed.number, "kemnaker")
    land.settle()
    assert wrappings(land.jabar) == []
    # The database says erased, and the files are still there: as if the process had died right after its commit.
    for path, content in kept.items():
        path.write_bytes(content)
    assert land.jabar.keys_of(case_id) == {"content", "identity"}
    sweep(land.jabar.node)
    assert land.jabar.keys_of(case_id) == set()


def test_the_sweep_keeps_every_key_that_is_needed(land: Country) -> None:
    """Held, offered, passed and asked about: each still needs what it has."""
    held, offered, passed, asked = (land.jabar.file().number for _ in range(4))
    land.jabar.ask(asked)
    land.settle()
    land.jabar.hand_over(passed, "gelap")
    land.jabar.sync_well()
    crook = land.crook()
    crook.push(crook.answer("accept", crook.heard("offer")))
    land.settle()
    land.jabar.hand_over(offered, "kemnaker")
    assert [land.jabar.case(n).stance for n in (held, offered, passed)] == [Stance.HELD, Stance.OFFERED, Stance.PASSED]
    before = sorted(land.jabar.node.case_keys.listing()), sorted(land.triase.node.case_keys.listing())
    sweep(land.jabar.node)
    sweep(land.triase.node)
    assert (sorted(land.jabar.node.case_keys.listing()), sorted(land.triase.node.case_keys.listing())) == before
    assert len(before[0]) == 8
    assert len(before[1]) == 1


def wrappings(office: Office) -> list[Path]:
    return [path for path in office.node.settings.case_keys_dir.rglob("*") if path.is_file()]


# Logs.


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a served node writes to its log."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    handler = logging.StreamHandler(stream)
    handler.setFormatter(safelog.SafeFormatter())
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG)
    yield stream
    root.handlers[:], root.level = before[0], before[1]


def test_the_whole_way_of_a_complaint_logs_none_of_it(land: Country, log: io.StringIO) -> None:
    filed = land.jabar.file(replace(WORDS, text=TEXT), WHO)
    land.jabar.hand_over(filed.number, "kemnaker", WHY)
    land.settle()
    land.kemnaker.open_identity(filed.number, WHY)
    land.kemnaker.reply(filed.number, ANSWER)
    land.settle()
    assert log.getvalue()
    assert not [mark for mark in MARKS if mark in log.getvalue()]


@pytest.mark.parametrize(
    "error",
    [ValueError(TEXT), RemoteError("members", TEXT), UnicodeDecodeError("utf-8", TEXT.encode(), 0, 1, TEXT)],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_that_quotes_a_text_is_logged_without_it(error: Exception, log: io.StringIO) -> None:
    logger = logging.getLogger("node.test")
    try:
        raise RuntimeError(WHO.name) from error  # noqa: TRY301  the log must follow the cause
    except RuntimeError as outer:
        logger.exception("a handler failed: %s", outer)  # noqa: TRY401  the argument is what is tested
    logger.error("about %s and %r", TEXT, WHO)
    told = log.getvalue()
    assert "RuntimeError" in told
    assert type(error).__name__ in told
    assert not [mark for mark in MARKS if mark in told]


def test_a_failing_statement_does_not_quote_its_parameters(land: Country) -> None:
    """The driver's errors carry the parameters of the statement; the engine is told to hide them."""
    form = blank_form(land.jabar.node, land.clock.now())
    with land.jabar.node.database.engine.connect() as connection:
        connection.exec_driver_sql("DROP TABLE tracked_event")
        connection.commit()
    with (
        pytest.raises(NotStoredError) as caught,
        land.jabar.node.database.transaction() as session,
    ):
        file_complaint(session, land.jabar.node, form, replace(WORDS, text=TEXT), WHO, land.clock.now())
    told = [str(error) + repr(error) for error in (caught.value, caught.value.__cause__)]
    assert not [mark for mark in MARKS for text in told if mark in text]

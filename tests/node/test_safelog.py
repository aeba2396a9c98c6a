"""Logs that tell where something failed and never what people wrote."""

import io
import logging
import subprocess
import sys

import pytest

from node.web.safelog import Public, SafeFormatter, describe

SECRET = "Siti Rahayu 0812"


def line(template: object, *args: object, error: BaseException | None = None) -> str:
    info = (type(error), error, error.__traceback__) if error is not None else None
    record = logging.LogRecord("node.test", logging.ERROR, __file__, 1, template, args, info)
    record.created = 1_790_000_000
    return SafeFormatter().format(record)


def failed() -> BaseException:
    try:
        try:
            int(SECRET)
        except ValueError as error:
            raise RuntimeError(SECRET) from error
    except RuntimeError as error:
        caught = error
    return caught


def test_a_line_is_stamped_in_utc_and_stays_one_line() -> None:
    assert line("two\nlines") == "2026-09-21T14:13:20Z ERROR node.test two lines"


@pytest.mark.parametrize("value", [SECRET, SECRET.encode(), {"name": SECRET}, [SECRET], object(), ValueError(SECRET)])
def test_an_argument_that_nobody_vouched_for_is_not_shown(value: object) -> None:
    assert SECRET not in line("got %s", value)
    assert SECRET not in line("got %r and %d", value, 7)


def test_numbers_and_what_was_marked_public_are_shown() -> None:
    assert line("%s sent %d of %s", Public("jabar"), 3, 7.5).endswith("jabar sent 3 of 7.5")
    assert line("%(who)s sent %(n)s", {"who": Public("jabar"), "n": 2}).endswith("jabar sent 2")


def test_a_line_that_does_not_fit_its_arguments_is_still_written() -> None:
    assert line("%s and %s", 1).endswith("%s and %s")


def test_an_object_in_place_of_a_template_is_not_shown() -> None:
    assert SECRET not in line(RuntimeError(SECRET))
    assert SECRET not in line({"text": SECRET})


def test_an_error_is_told_by_type_and_place_with_its_causes() -> None:
    told = describe(failed())
    assert "RuntimeError at" in told
    assert "ValueError at" in told
    assert "test_safelog.py:" in told
    assert "in failed" in told
    assert SECRET not in told
    assert SECRET not in line("it failed", error=failed())


@pytest.mark.parametrize("where", ["main", "thread", "warning", "handler"])
def test_a_process_that_dies_or_warns_leaks_nothing_either(where: str) -> None:
    script = f"""
import logging, sys, threading, warnings
from node.web.safelog import configure
configure(sys.stderr)
secret = {SECRET!r}
def fail():
    raise ValueError(secret)
if {where!r} == "thread":
    thread = threading.Thread(target=fail); thread.start(); thread.join()
elif {where!r} == "warning":
    warnings.warn(secret)
elif {where!r} == "handler":
    class Broken(logging.Handler):
        def emit(self, record):
            try:
                raise ValueError(secret)
            except ValueError:
                self.handleError(record)
    logging.getLogger("node").addHandler(Broken())
    logging.getLogger("node").error("x %s", secret)
else:
    fail()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert SECRET not in done.stderr + done.stdout
    if where in {"main", "thread"}:
        assert "ValueError" in done.stderr


def test_ours_are_told_and_the_chatter_of_libraries_is_not() -> None:
    code = (
        "import logging, sys\nfrom node.web.safelog import configure\nconfigure(sys.stderr)\n"
        "logging.getLogger('simpul.sync').info('ours')\nlogging.getLogger('apscheduler').info('theirs')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "ours" in done.stderr
    assert "theirs" not in done.stderr


def test_a_formatter_needs_no_configuration() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(SafeFormatter())
    logger = logging.getLogger("node.alone")
    logger.addHandler(handler)
    logger.error("x %s", SECRET)
    assert SECRET not in stream.getvalue()

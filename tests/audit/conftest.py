"""One honest log for all, and what an audit says of a spoilt one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from audit.source import FolderSource
from audit.verify import Options, verify
from tests.support.federation import World, story

Failed = set[tuple[str, str]]


@pytest.fixture(scope="session")
def files() -> dict[str, bytes]:
    """The files of the honest story; copy before changing."""
    return story().files()


@pytest.fixture
def audit(tmp_path: Path) -> Callable[..., Failed]:
    """Write files, run all checks, and return what failed as (check, rule)."""

    def run(found: dict[str, bytes] | World, *, need_all: bool = True, remembered: bytes | None = None) -> Failed:
        anchors = (found if isinstance(found, World) else World()).federation()
        published = found.files() if isinstance(found, World) else found
        for path, content in published.items():
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        report = verify(FolderSource(tmp_path), Options(anchors, remembered, need_all)).report
        for check in report.checks.values():
            assert all(finding.file for finding in check.findings)
        return {(check.name, finding.rule) for check in report.checks.values() for finding in check.findings}

    return run

"""The benchmark's own parts: it must fail rather than print a figure of something that did not work."""

import json
import subprocess
import sys
from pathlib import Path

from bench.figures import Figure, paired

ROOT = Path(__file__).resolve().parents[2]


def test_a_figure_is_written_with_its_ratio() -> None:
    assert Figure("seal", 1234.56789, "seals/s", 1.08765, "x").wire() == {
        "name": "seal",
        "value": 1234.568,
        "unit": "seals/s",
        "ratio": 1.088,
    }


def test_both_of_a_pair_are_called_as_often() -> None:
    called = {"ours": 0, "bare": 0}

    def count(which: str) -> None:
        called[which] += 1

    paired(lambda: count("ours"), lambda: count("bare"), 3)
    assert called["ours"] == called["bare"] > 0


def test_the_command_writes_a_list_of_figures(tmp_path: Path) -> None:
    target = tmp_path / "figures.json"
    command = [sys.executable, "-m", "bench", "--only", "sealing", "--json", str(target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    figures = json.loads(target.read_text())
    assert {figure["name"] for figure in figures} == {"seal", "open", "bundle_verify"}
    assert all(figure["value"] > 0 and figure["ratio"] > 0 and figure["unit"] for figure in figures)
    assert "bundle_verify" in done.stdout

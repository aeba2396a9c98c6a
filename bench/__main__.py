"""`./run bench [--json FILE]`: measure, print a table, write the figures."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from bench import filing, ingest, sealing
from bench.figures import Figure

_PARTS: Final[dict[str, Callable[[Path], Iterator[Figure]]]] = {
    "sealing": sealing.measure,
    "ingest": ingest.measure,
    "filing": filing.measure,
}


def main() -> int:
    """Measure everything once and tell; non-zero only where something did not work at all."""
    parser = argparse.ArgumentParser(prog="./run bench", description="Measure against bare references in the same run.")
    parser.add_argument("--json", type=Path, metavar="FILE", help='Write a list of {"name","value","unit","ratio"}.')
    parser.add_argument("--only", choices=list(_PARTS), help="Measure one part alone.")
    asked = parser.parse_args()
    figures: list[Figure] = []
    for name, measure in _PARTS.items():
        if asked.only in (None, name):
            sys.stdout.write(f"{name} …\n")
            sys.stdout.flush()
            with tempfile.TemporaryDirectory(prefix="simpul-bench-") as folder:
                for figure in measure(Path(folder) / "data"):
                    figures.append(figure)
                    sys.stdout.write(
                        f"  {figure.name:20} {figure.value:12.1f} {figure.unit:10} ratio {figure.ratio:6.2f}"
                    )
                    sys.stdout.write(f"   {figure.what}\n")
                    sys.stdout.flush()
    if asked.json is not None:
        asked.json.write_text(json.dumps([figure.wire() for figure in figures], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

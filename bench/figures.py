"""A figure of the benchmark, and how often something can be done in a second."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median

_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the result: `ratio` is to a reference that was measured in the same run.

    Wire form: `{"name":…,"ratio":1.08,"unit":"entries/s","value":1720.5}`.
    """

    name: str
    value: float
    unit: str
    ratio: float
    what: str

    def wire(self) -> dict[str, object]:
        """Return the wire form, rounded to what was measured."""
        found = asdict(self)
        del found["what"]
        return {**found, "value": round(self.value, 3), "ratio": round(self.ratio, 3)}


def paired(ours: Callable[[], object], bare: Callable[[], object], times: int) -> tuple[float, float]:
    """Return the median seconds of one call of each, measured in turns so that both meet the same machine."""
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(_ROUNDS):
        for call, into in zip((ours, bare), took, strict=True):
            began = time.perf_counter()
            for _ in range(times):
                call()
            into.append((time.perf_counter() - began) / times)
    return median(took[0]), median(took[1])

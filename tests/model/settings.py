"""The settings that are searched, and for every rule one in which it is missed."""

from dataclasses import dataclass, replace
from typing import Final

from tests.model.invariants import CONTRADICTION, FORK
from tests.model.rules import SHIPPED, Faults, Rules


@dataclass(frozen=True, slots=True)
class Setting:
    """A search under a name. `tolerated` is what a dishonest party can do, and what gives it away."""

    name: str
    faults: Faults
    rules: Rules = SHIPPED
    tolerated: tuple[str, ...] = ()


_A: Final = Faults(restored=(0,), restores=1)
_B: Final = Faults(restored=(1,), restores=1)
_AB: Final = Faults(restored=(0, 1), restores=2)
_CLOSED: Final = Faults(suspends=True)
_GRANTS: Final = Faults(grants=True)
_EVIL: Final = Faults(evil=True, squats=1, forge=True)
_COURIER: Final = Faults(evil=True, squats=1, forge=True, courier=True)
_DISHONEST: Final = Faults(dishonest=True)
_WITHHOLDING: Final = Faults(dishonest=True, withholds=1)
_LYING: Final = Faults(dishonest=True, lies=True)
_SPLIT: Final = Faults(dishonest=True, split=True)


def _faults(leaves: int, *parts: Faults, **more: int) -> Faults:
    """Join faults: what any of the parts has, with this bound of the log."""
    joined: dict[str, object] = {}
    plain = Faults()
    for part in parts:
        joined |= {
            name: getattr(part, name) for name in Faults.__slots__ if getattr(part, name) != getattr(plain, name)
        }
    return replace(plain, **{**joined, **more, "leaves": leaves})  # type: ignore[arg-type]


#: Searched by `./run model`.
DEFAULT: Final = (
    Setting("no faults", _faults(7)),
    Setting("crashes, two in all", _faults(5, crashes=2)),
    Setting("A restored", _faults(6, _A)),
    Setting("B restored", _faults(6, _B)),
    Setting("A restored twice", _faults(5, _A, restores=2)),
    Setting("A restored, and a crash", _faults(4, _A, crashes=1)),
    Setting("C closed and opened", _faults(6, _CLOSED)),
    Setting("C closed and opened, A restored", _faults(4, _A, _CLOSED)),
    Setting("grants", _faults(7, _GRANTS)),
    Setting("grants, A restored", _faults(5, _A, _GRANTS)),
    Setting("grants, B restored", _faults(5, _B, _GRANTS)),
    Setting("C squats, forges, forks", _faults(7, _EVIL, squats=2), tolerated=(FORK,)),
    Setting("C carries bundles too", _faults(6, _COURIER, squats=2), tolerated=(FORK,)),
    Setting("C carries bundles, A restored", _faults(5, _COURIER, _A), tolerated=(FORK,)),
    Setting("C carries bundles, B restored", _faults(5, _COURIER, _B), tolerated=(FORK,)),
    Setting("hub withholds, A restored", _faults(4, _A, _WITHHOLDING)),
    Setting("hub withholds and lies, B restored", _faults(3, _B, _WITHHOLDING, _LYING)),
    Setting("hub and C dishonest, A restored", _faults(5, _A, _DISHONEST, _EVIL), tolerated=(FORK,)),
    Setting("hub shows two logs", _faults(4, _SPLIT), tolerated=(CONTRADICTION,)),
    Setting("hub shows two logs, A restored", _faults(3, _A, _SPLIT), tolerated=(CONTRADICTION,)),
)

#: Searched by `./run model --deep` on top.
DEEP: Final = (
    Setting("no faults, longer", _faults(9)),
    Setting("A restored, longer", _faults(7, _A)),
    Setting("B restored, longer", _faults(7, _B)),
    Setting("A and B restored, two in all", _faults(4, _AB)),
    Setting("hub withholds, A restored, longer", _faults(5, _A, _WITHHOLDING)),
    Setting("hub withholds and lies, B restored, longer", _faults(4, _B, _WITHHOLDING, _LYING)),
    Setting("hub and C dishonest, B restored", _faults(5, _B, _DISHONEST, _EVIL), tolerated=(FORK,)),
)


def _without(*rules: str) -> Rules:
    return replace(SHIPPED, **dict.fromkeys(rules, False))


def _weakened(name: str, faults: Faults, *rules: str, tolerated: tuple[str, ...] = ()) -> Setting:
    return Setting(name, faults, _without(*rules), tolerated)


#: rule -> settings in which it is missed: every one of them has a counterexample.
WEAKENED: Final[dict[str, tuple[Setting, ...]]] = {
    "lock": (_weakened("no faults, without the lock", _faults(4), "lock"),),
    "order": (_weakened("no faults, without an order", _faults(4), "order"),),
    "leaves": (_weakened("dishonest hub, proofs of inclusion only", _faults(4, _DISHONEST), "leaves"),),
    "fence": (_weakened("A restored, without fences", _faults(4, _A), "fence"),),
    "sent": (
        _weakened("A restored, without what it sent", _faults(4, _A), "sent"),
        _weakened("the same, without the look at its own slots behind it", _faults(4, _A), "sent", "ownslot"),
    ),
    "slotkey": (_weakened("C squats, one slot key for all", _faults(5, _EVIL), "slotkey"),),
    "ownslot": (_weakened("hub withholds, A restored", _faults(4, _A, _WITHHOLDING), "ownslot"),),
    "past": (_weakened("hub hands out late, A restored", _faults(5, _A, _WITHHOLDING), "past"),),
    "resume": (_weakened("A restored, acts as soon as it is fenced", _faults(4, _A), "resume"),),
    "incarnation": (_weakened("A restored twice", _faults(5, _A, restores=2), "incarnation"),),
    "afresh": (_weakened("A restored, sends its old outbox again", _faults(4, _A), "afresh"),),
    "closed": (_weakened("C closed and opened, a refusal frees the case", _faults(4, _CLOSED), "closed"),),
    "reserve": (_weakened("C squats the slots of answers", _faults(4, _EVIL), "reserve"),),
    "chain": (_weakened("C forges, chains are not proven", _faults(4, _EVIL), "chain"),),
    "readers": (_weakened("dishonest hub, readers ignore fences", _faults(4, _A, _DISHONEST), "readers"),),
    "hops": (_weakened("the same, in chains only", _faults(5, _A, _DISHONEST, _EVIL), "hops", tolerated=(FORK,)),),
    "seen": (_weakened("two logs, A restored", _faults(4, _A, _SPLIT), "seen", tolerated=(CONTRADICTION,)),),
}

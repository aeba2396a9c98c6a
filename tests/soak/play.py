"""One seed from beginning to end: chance chooses, the world moves, the judge looks; then everything comes to rest."""

import hashlib
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from service.errors import is_temporary
from tests.soak import people
from tests.soak.chance import governed, stream
from tests.soak.crook import Member
from tests.soak.disk import KilledError
from tests.soak.evidence import findings
from tests.soak.faults import DEEDS
from tests.soak.invariants import Judge
from tests.soak.liar import KINDS
from tests.soak.weaken import plan_for
from tests.soak.world import Country, Plan, World

_MAX_ROUNDS: Final = 14
_MAX_TRIES: Final = 6
_MINUTE: Final = 60
#: An offer stands in the log when it is forked; one side answers it, the other takes it back.
_DIVIDED: Final = ("file", "hand over", "sync", "lie", "sync", "recall", "sync", "sync")
#: Lies after which offices may rightly refuse to go on with this hub.
_RESTLESS: Final = frozenset({"forks", "hoards"})
#: One honest seed in so many is audited as well.
_AUDITED: Final = 5
#: What a seed is made of: each seed draws how much of each.
WEIGHTS: Final[Mapping[str, int]] = {
    "sync": 30,
    "file": 6,
    "hand over": 12,
    "hand over again": 1,
    "ask": 2,
    "rule": 4,
    "obey": 4,
    "recall": 3,
    "reply": 2,
    "close": 1,
    "open identity": 2,
    "add": 2,
    "start": 8,
    "crash": 6,
    "crash in deed": 3,
    "hub crash": 3,
    "power cut": 2,
    "cut off": 3,
    "clock jump": 2,
    "hours": 2,
    "back up": 4,
    "restore": 4,
    "back up hub": 2,
    "restore hub": 2,
    "lie": 0,
    "cheat": 0,
}


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a seed; `digest` is over all that happened."""

    seed: int
    faults: int
    broken: tuple[str, ...]
    story: tuple[str, ...]
    digest: str


def plan_of(seed: int, weaken: str | None = None) -> Plan:
    """Draw what kind of seed this is; where a rule is left out, one in which it matters."""
    chance = stream(seed, "plan")
    roughness = chance.choice((0.0, 0.0, 0.05, 0.15, 0.3))
    weights = dict(WEIGHTS)
    plan = Plan(seed, chance.randint(10, 22), chance.choice((1, 1, 2)), roughness, weights)
    attacker = chance.choice((*(("",) * 9), "crook", "crook", "crook", *KINDS, "forks"))
    if weaken is not None:
        return plan_for(weaken, plan)
    if attacker == "crook":
        return replace(plan, crook=True, weights={**weights, "cheat": 14}, steps=plan.steps + 6)
    if attacker:
        plan = replace(plan, liar=attacker, weights={**weights, "lie": 8})
    return replace(plan, opening=_DIVIDED) if attacker == "forks" else plan


def play(country: Country, plan: Plan) -> Played:
    """Play a seed; whatever breaks ends it."""
    with governed(plan.seed):
        world = World(country, plan)
        world.crook = Member(world, stream(plan.seed, "crook"))
        judge = Judge(world)
        try:
            broken = _move(world, judge) or _rest(world, judge) or _audit(world, judge)
        except Exception as error:  # noqa: BLE001  whatever the product raises is a failure of the seed
            broken = [f"unexpected: {type(error).__name__}: {error}", traceback.format_exc()]
        finally:
            world.observer.close()
        return Played(plan.seed, len(world.faults), tuple(broken), tuple(world.story), _digest(world))


def _move(world: World, judge: Judge) -> list[str]:
    for number in range(world.plan.steps):
        world.network.deliver()
        world.pass_time(world.chance.randint(5, 300))
        line = _step(world, world.plan.opening[number] if number < len(world.plan.opening) else None)
        world.tell(f"{number + 1}. {line}")
        broken = judge.step()
        if broken:
            return broken
    return []


def _step(world: World, first: str | None) -> str:
    names, weights = list(world.plan.weights), list(world.plan.weights.values())
    for attempt in range(_MAX_TRIES):
        name = first if first and not attempt else world.chance.choices(names, weights)[0]
        line = do(world, name)
        if line is not None:
            return line
    return "nothing"


def do(world: World, name: str) -> str | None:
    """Let one thing happen; a process that ends in it is down afterwards."""
    try:
        return DEEDS[name](world)
    except KilledError as error:
        world.posts[error.party].crash()
        world.note_fault(str(error))
        return f"{error.party} goes down in: {name}"
    except people.REFUSALS as error:
        return f"{name}: refused ({type(error).__name__})"
    except SQLAlchemyError as error:
        if not is_temporary(error):
            raise
        return f"{name}: the disk is full"


def _rest(world: World, judge: Judge) -> list[str]:
    """End every fault, start everybody, and let all sync until nobody has anything to say or to hear."""
    world.network.heal()
    for post in world.posts.values():
        post.office.clock.seconds = world.country.hub_clock.seconds
    if world.plan.liar != "forks":
        world.route.update(dict.fromkeys(world.route, world.hub))
    while do(world, "start") is not None:
        pass
    for number in range(_MAX_ROUNDS):
        world.pass_time(_MINUTE)
        busy = [post for post in world.posts.values() if world.observer.busy(post)]
        for post in busy:
            world.tell(f"rest {number + 1}. {people.exchange(world, post)}")
        broken = judge.step()
        if broken or not busy:
            return broken or ([] if world.plan.liar in _RESTLESS else judge.rest())
    return [] if world.plan.liar in _RESTLESS else ["at rest: the offices never come to rest"]


def _audit(world: World, judge: Judge) -> list[str]:
    """Where two could act there is evidence; where nobody lied there is none."""
    honest = not world.plan.liar and not world.plan.crook
    if not judge.doubled and not (honest and world.plan.seed % _AUDITED == 0):
        return []
    found = findings(world)
    world.tell(f"the auditor finds {found or 'nothing'}")
    if judge.doubled and not found:
        return [f"evidence: two could act on {sorted(judge.doubled)}, and the auditor finds nothing"]
    return [f"the auditor blames the honest: {one}" for one in found] if honest else []


def _digest(world: World) -> str:
    made = hashlib.sha256("\n".join(world.story).encode())
    for disk in (*(hub.disk for hub in world.country.hubs), *(post.disk for post in world.posts.values())):
        made.update(disk.dump())
    return made.hexdigest()

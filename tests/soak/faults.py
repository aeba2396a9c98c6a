"""What goes wrong, beside the network: processes that end, disks that tear, backups put back, clocks that jump."""

from typing import Final

from tests.soak import people
from tests.soak.disk import MISHAPS, KilledError
from tests.soak.liar import Liar
from tests.soak.world import World

_MOST_COMMITS: Final = 5
_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400


def crash(world: World) -> str | None:
    """A process ends at a commit of what it does: a sync, or an officer's deed."""
    posts = world.up()
    if not posts:
        return None
    post, mishap = world.chance.choice(posts), world.chance.choice(MISHAPS)
    post.disk.arm(mishap, world.chance.randrange(_MOST_COMMITS), world.chance)
    line = people.exchange(world, post)
    if not post.disk.disarm():
        world.note_fault(f"{post.name}: {mishap}")
    return line


def crash_in_deed(world: World) -> str | None:
    """The same at the one commit of a deed."""
    deed = world.chance.choice((people.file, people.hand_over, people.reply, people.open_identity, people.add))
    mishap = world.chance.choice(MISHAPS)
    for post in world.up():
        post.disk.arm(mishap, 0, world.chance)
    try:
        return deed(world)
    except (KilledError, *people.REFUSALS):
        world.note_fault(f"a deed: {mishap}")
        raise
    finally:
        for post in world.posts.values():
            post.disk.disarm()


def hub_crash(world: World) -> str | None:
    """A hub's process ends at a commit of an exchange."""
    if world.hub.down:
        return None
    mishap = world.chance.choice(MISHAPS)
    world.hub.disk.arm(mishap, world.chance.randrange(3), world.chance)
    line = people.sync(world)
    world.hub.disk.disarm()
    return line


def power_cut(world: World) -> str | None:
    """An office's process ends between two things that it does."""
    posts = world.up()
    if not posts:
        return None
    post = world.chance.choice(posts)
    post.crash()
    world.note_fault(f"{post.name}: power cut")
    return f"{post.name} is down"


def start(world: World) -> str | None:
    """Whoever is down starts again."""
    down = [post for post in world.posts.values() if post.down]
    if world.hub.down:
        world.hub.start()
        return "the hub starts"
    if not down:
        return None
    post = world.chance.choice(down)
    post.start()
    return f"{post.name} starts"


def cut_off(world: World) -> str | None:
    """An office is cut off from the hub, or reaches it again."""
    name = world.chance.choice(list(world.posts))
    if name in world.network.cut:
        world.network.cut.discard(name)
        return f"{name} reaches the hub again"
    world.network.cut.add(name)
    world.note_fault(f"{name}: cut off")
    return f"{name} is cut off"


def clock_jump(world: World) -> str | None:
    """One office's clock is wrong from now on."""
    post = world.chance.choice(list(world.posts.values()))
    seconds = world.chance.choice((-_HOUR, -10 * _MINUTE, 10 * _MINUTE, _HOUR, _DAY))
    post.office.clock.advance(seconds)
    world.note_fault(f"{post.name}: clock jump {seconds}")
    return f"{post.name}'s clock jumps by {seconds} s"


def hours_pass(world: World) -> str | None:
    """Nothing happens for a while."""
    hours = world.chance.choice((1, 6, 26))
    world.pass_time(hours * _HOUR)
    return f"{hours} hours pass"


def back_up(world: World) -> str | None:
    """An office is backed up."""
    posts = world.up()
    if not posts:
        return None
    # Mostly those that have a case: others have little to forget.
    weights = [6 if world.observer.cases(post, "HELD") else 1 for post in posts]
    post = world.chance.choices(posts, weights)[0]
    post.save()
    return f"{post.name} is backed up"


def restore(world: World) -> str | None:
    """An office's disk is lost, and an older backup is put in its place."""
    posts = [post for post in world.posts.values() if post.saved is not None]
    if not posts or (not world.hub.down and world.hub.recovering()):
        return None
    post, keys = world.chance.choice(posts), world.chance.random() < 0.3
    assert post.saved is not None
    known = set(world.observer.eyes[post.name].numbers())
    post.restore(keys=keys)
    post.restored_at = len(world.story)
    lost = known - set(world.observer.eyes[post.name].numbers())
    for filing in world.filings:
        # With the database and the keys both of that day, no disk knows that there was such a case.
        filing.excused |= keys and filing.origin == post.name and filing.number in lost
    world.note_fault(f"{post.name}: restored{' with its keys' if keys else ''}")
    return f"{post.name} is put back to its backup"


def back_up_hub(world: World) -> str | None:
    """The hub is backed up."""
    if world.hub.down or world.plan.liar or world.plan.crook or world.hub.recovering():
        return None
    world.hub.save(world.country.folder / "hub-saved.db")
    world.hub_saved = len(world.story)
    return "the hub is backed up"


def restore_hub(world: World) -> str | None:
    """The hub's disk is lost, and an older backup is put in its place: the members give back what it signed since."""
    if world.hub_saved is None or world.hub.recovering():
        return None
    if any(post.restored_at >= world.hub_saved or post.set_back for post in world.posts.values()):
        return None  # what two parties forgot together nobody can give back
    read = [eye.ask("SELECT log_size FROM sync_state") for eye in world.observer.eyes.values()]
    world.observer.watch.read_by_somebody = max(rows[0][0] for rows in read if rows)
    world.hub.restore(world.absent)
    world.note_fault("the hub: restored")
    return "the hub is put back to its backup"


def lie(world: World) -> str | None:
    """A lying hub does what it does unasked."""
    if world.plan.liar == "forks":
        line: str | None = world.fork()
    else:
        end = world.ends[0]
        line = end.log_late() if isinstance(end, Liar) else None
    if line is not None:
        world.note_fault(line)
    return line


def cheat(world: World) -> str | None:
    """The crook acts."""
    if not world.plan.crook:
        return None
    line = world.crook.act()
    world.note_fault(line)
    return line


DEEDS: Final = {
    "sync": people.sync,
    "file": people.file,
    "hand over": people.hand_over,
    "hand over again": people.hand_over_again,
    "ask": people.ask,
    "rule": people.rule,
    "obey": people.obey,
    "recall": people.recall,
    "reply": people.reply,
    "close": people.close,
    "open identity": people.open_identity,
    "add": people.add,
    "start": start,
    "crash": crash,
    "crash in deed": crash_in_deed,
    "hub crash": hub_crash,
    "power cut": power_cut,
    "cut off": cut_off,
    "clock jump": clock_jump,
    "hours": hours_pass,
    "back up": back_up,
    "restore": restore,
    "back up hub": back_up_hub,
    "restore hub": restore_hub,
    "lie": lie,
    "cheat": cheat,
}

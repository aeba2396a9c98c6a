"""What people do: citizens file and add, officers hand on, ask, obey, answer, close and open identities.

Each deed picks its case by chance among those for which it makes sense, or finds none and gives up. What the product
refuses is no failure: an officer is told, and tries something else.
"""

from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from node.cases import desk
from node.cases.messages import add_message
from node.cases.views import (
    CaseAction,
    Complaint,
    ForbiddenError,
    NoSuchCaseError,
    NotStoredError,
    RecipientError,
    StateError,
    Words,
)
from node.custody.standing import RECALL_AFTER_SECONDS
from service.errors import is_temporary
from tests.soak.parties import Post
from tests.soak.world import Filing, World
from tests.support.nodes import OFFICER

TEXT: Final = Complaint("complaint", "ketenagakerjaan/upah", "32.73", "Upah kami belum dibayar.", "anonymous")
#: What an office may answer instead of doing it.
REFUSALS: Final = (StateError, ForbiddenError, RecipientError, NoSuchCaseError, NotStoredError)

Deed = Callable[[World], str | None]


def file(world: World) -> str | None:
    """Somebody files a complaint with a name to it."""
    origins = [post for post in world.up() if post.name in world.origins]
    if not origins or len(world.filings) >= world.plan.cases:
        return None
    post = world.chance.choice(origins)
    filed = post.office.file(TEXT)
    # Only now does the reporter hold a receipt: from here on nothing of it may be lost.
    world.filings.append(Filing(filed.number, post.name, filed.receipt, world.observer.thread_of(post, filed.number)))
    return f"{filed.number} is filed at {post.name}"


def hand_over(world: World) -> str | None:
    """An office hands a case on."""
    found = _pick(world, "HELD")
    if found is None:
        return None
    post, number = found
    others = [name for name in world.recipients if name != post.name]
    # The crook is popular where there is one: what it never gets it cannot misuse.
    to = world.chance.choices(others, [4 if name not in world.posts else 1 for name in others])[0]
    post.office.hand_over(number, to)
    return f"{post.name} hands {number} to {to}"


def hand_over_again(world: World) -> str | None:
    """An officer tries to hand on what is offered already."""
    found = _pick(world, "OFFERED")
    if found is None:
        return None
    post, number = found
    to = world.chance.choice([name for name in world.recipients if name != post.name])
    post.office.hand_over(number, to)
    return f"{post.name} hands {number} to {to} as well"


def ask(world: World) -> str | None:
    """An office asks triage whose a case is."""
    found = _pick(world, "HELD")
    if found is None or found[0].name == world.triage:
        return None
    found[0].office.ask(found[1])
    return f"{found[0].name} asks triage about {found[1]}"


def rule(world: World) -> str | None:
    """Triage rules on what it was asked."""
    post = world.posts[world.triage]
    asks = [] if post.down else post.office.asks()
    if not asks:
        return None
    to = world.chance.choice([name for name in world.recipients if name != post.name])
    post.office.rule(world.chance.choice(asks), to)
    return f"triage names {to}"


def obey(world: World) -> str | None:
    """An office obeys a ruling."""
    found = _pick(world, "RULED")
    if found is None:
        return None
    found[0].office.obey(found[1])
    return f"{found[0].name} obeys about {found[1]}"


def recall(world: World) -> str | None:
    """A day later nobody has answered, and an office takes its offer back."""
    found = _pick(world, "OFFERED")
    if found is None:
        return None
    world.pass_time(RECALL_AFTER_SECONDS)
    found[0].office.do(desk.recall, CaseAction(found[1], "", OFFICER))
    return f"{found[0].name} recalls {found[1]}"


def reply(world: World) -> str | None:
    """An officer answers the reporter."""
    found = _pick(world, "HELD")
    if found is None:
        return None
    found[0].office.reply(found[1])
    return f"{found[0].name} replies about {found[1]}"


def close(world: World) -> str | None:
    """An officer closes a case."""
    found = _pick(world, "HELD")
    if found is None:
        return None
    found[0].office.close(found[1])
    return f"{found[0].name} closes {found[1]}"


def open_identity(world: World) -> str | None:
    """An officer opens the identity, and must see the right one."""
    found = _pick(world, "IDENTIFIED")
    if found is None:
        return None
    opened = found[0].office.open_identity(found[1])
    assert opened.name is not None, "an identity opened to nothing"
    return f"{found[0].name} opens the identity of {found[1]}"


def add(world: World) -> str | None:
    """A reporter adds to the complaint under the receipt code."""
    filings = [each for each in world.filings if not world.posts[each.origin].down]
    if not filings:
        return None
    filing = world.chance.choice(filings)
    world.posts[filing.origin].office.do(add_message, Words(filing.receipt, "Masih belum dibayar."))
    return f"the reporter adds to {filing.number}"


def sync(world: World) -> str | None:
    """An office syncs."""
    posts = world.up()
    if not posts:
        return None
    # Mostly those that have something to say or to hear: an idle exchange shows little.
    weights = [6 if world.observer.busy(post) else 1 for post in posts]
    return exchange(world, world.chance.choices(posts, weights)[0])


def exchange(world: World, post: Post) -> str:
    """Let one office sync, as its scheduler would: whatever failed, the next one comes."""
    try:
        done = post.office.sync()
    except SQLAlchemyError as error:
        if not is_temporary(error):
            raise
        return f"{post.name} syncs: disk full"
    world.note_sync(post, done)
    return f"{post.name} syncs: {done.rounds} rounds, {done.pushed} out, {done.pulled} in, {done.trouble or 'well'}"


def _pick(world: World, what: str) -> tuple[Post, str] | None:
    """Return a case by chance for which `what` is so, at an office that is up."""
    found = [(post, number) for post in world.up() for number in world.observer.cases(post, what)]
    return world.chance.choice(found) if found else None

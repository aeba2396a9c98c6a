"""Moving a case along the lifecycle table by hand: what an officer may say, and what only custody or a clock may."""

from collections.abc import Callable
from typing import Final

from sqlalchemy.orm import Session

from node.cases import desk
from node.cases.lifecycle import TRANSITIONS, State
from node.cases.report import enter, report, send_reply
from node.cases.views import CaseAction, StateError, Transition
from node.context import Node
from node.models.cases import Case
from protocol.custody import Stance

#: States that have a service of their own, whose text the transition's reason is.
_SERVED: Final[dict[State, Callable[[Session, Node, CaseAction, int], None]]] = {
    State.AWAITING_RULING: desk.ask_triage,
    State.ANSWERED: desk.reply,
    State.RESOLVED: desk.close,
}
#: States that are entered by saying so. What is missing here is decided elsewhere: `offered` and `returned` by custody,
#: `disputed` and `referred` by the reporter, `auto_closed` by the clock.
_SAID: Final = frozenset({State.VERIFIED, State.INCOMPLETE, State.ASSIGNED, State.IN_PROGRESS, State.ARCHIVED})
_FINISHED: Final = frozenset({State.RESOLVED, State.AUTO_CLOSED, State.ARCHIVED})
#: What the reporter must be told: what is missing, why nothing more is done.
_TOLD: Final = frozenset({State.INCOMPLETE, State.ARCHIVED})


def next_states(case: Case, node: Node) -> tuple[State, ...]:
    """Return where an officer may move the case now, in the order of the table."""
    if Stance(case.stance) is not Stance.HELD:
        return ()
    present = State(case.state)
    if present is State.AWAITING_RULING:
        # It is for triage to say; only a ruling that names this very office leads on from here.
        return (State.VERIFIED,) if case.ruled_for == node.member_id else ()
    return tuple(state for state in State if state in TRANSITIONS[present] and _by_hand(present, state))


def needs_reason(present: State, to: State) -> bool:
    """Whether this step needs words: those that the reporter or triage will read, and why a case is opened again."""
    return to in _SERVED or to in _TOLD or present in _FINISHED


def move(session: Session, node: Node, command: Transition, now: int) -> Case:
    """Move a case; raise StateError, which names the states that are possible, for a step that is not open now."""
    case = desk.find_case(session, command.number)
    possible = next_states(case, node)
    if command.to not in possible:
        raise StateError("Laporan ini tidak dapat dipindahkan ke keadaan itu sekarang.", possible)
    present = State(case.state)
    act = CaseAction(command.number, command.reason, command.officer)
    if present is State.AWAITING_RULING:
        desk.obey_ruling(session, node, act, now)
    elif command.to in _SERVED:
        _SERVED[command.to](session, node, act, now)
    else:
        _say(session, node, case, command, now)
    return case


def _by_hand(present: State, to: State) -> bool:
    reopened = present is State.ARCHIVED and to is State.RECEIVED
    return to in _SERVED or to in _SAID or reopened


def _say(session: Session, node: Node, case: Case, command: Transition, now: int) -> None:
    if command.to in _TOLD:
        send_reply(session, node, case, command.reason, now)
        desk.keep_note(session, node, case, "reply", command.officer.display_name, command.reason, now)
    elif command.reason:
        desk.keep_note(session, node, case, "reason", node.member_id, command.reason, now)
    enter(session, case, command.to, now, command.officer.username)
    report(session, node, case, now)

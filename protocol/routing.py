"""Who should handle a matter: a pure function of the directory (docs/protocol.md section 7)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from protocol.directory import Directory, Kind, Member

#: Between members that claim a matter equally closely: the office nearest to the citizen first.
_NEAREST_FIRST: Final = (
    Kind.CITY,
    Kind.REGENCY,
    Kind.PROVINCE,
    Kind.AGENCY,
    Kind.MINISTRY,
    Kind.INSPECTORATE,
    Kind.OMBUDSMAN,
)


#: At the third return of one case triage says whose it is (docs/protocol.md section 7).
_RETURNS: Final = 3


def must_ask(returns: int) -> bool:
    """Whether a case that came back so often may only go where triage says.

    A return is an office that rejected it, or one that accepted it as not its own and hands it on.
    """
    return returns >= _RETURNS


@dataclass(frozen=True, slots=True)
class Claim:
    """A member that claims the matter, and by which prefixes ("" stands for everything)."""

    member: Member
    region: str
    topic: str


def claims(directory: Directory, region: str, topic: str, *, excluded: Collection[str] = ()) -> list[Claim]:
    """Return every claim, the best first: longest region prefix, then longest topic prefix, then kind, then id.

    `region` is a Kemendagri code with or without dots, `topic` a code such as `ketenagakerjaan/gaji-pekerja`; either
    may be empty. `excluded` names the office complained about, which is never the answer. An empty list means: ask
    triage. Nothing is refused for want of a route.
    """
    found: list[Claim] = []
    for member in directory.members.values():
        if member.takes_offers and member.id not in excluded:
            own = [
                Claim(member, by_region, by_topic)
                for rule in member.competence
                if (by_region := _longest(rule.regions, region, _digits)) is not None
                and (by_topic := _longest(rule.topics, topic, _segments)) is not None
            ]
            if own:
                found.append(min(own, key=_rank))
    return sorted(found, key=_rank)


def _rank(claim: Claim) -> tuple[int, int, int, str]:
    nearest = _NEAREST_FIRST.index(claim.member.kind)
    return (-len(_digits(claim.region)), -len(_segments(claim.topic)), nearest, claim.member.id)


def _digits(region: str) -> tuple[str, ...]:
    return tuple(region.replace(".", ""))


def _segments(topic: str) -> tuple[str, ...]:
    return tuple(topic.split("/")) if topic else ()


def _longest(prefixes: tuple[str, ...], value: str, split: Callable[[str], tuple[str, ...]]) -> str | None:
    """Return the longest of the prefixes that `value` starts with; "" when the rule names none; None for no match."""
    if not prefixes:
        return ""
    parts = split(value)
    matching = [prefix for prefix in prefixes if parts[: len(split(prefix))] == split(prefix)]
    return max(matching, key=lambda prefix: len(split(prefix)), default=None)

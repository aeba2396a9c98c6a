"""The topics of complaints: LAPOR!'s own two levels, with stable codes, and the national programmes as their own.

The list (`topics.json`) was made once from the public list of SP4N-LAPOR! and is kept by hand since: without the
entries of the pandemic, with Kartu Prakerja, PKH and the other social assistance as topics of their own. A row is

    {"code":"kependudukan/ktp","name":"KTP (Kartu Tanda Penduduk)","parent":"kependudukan",
     "group":"kependudukan/administrasi-kependudukan-dan-pencatatan-sipil"}

`group` names a broader topic of the same category: a reporter chooses among those without one, so that the 233 topics
of health come down to 19 on a phone. `source` keeps LAPOR!'s own spelling where a typing error was mended.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

import orjson

#: What a name is called when the reporter did not know.
UNKNOWN_NAME: Final = "Belum ditentukan"
_LAST: Final = "topik-lainnya"


class UnknownTopicError(LookupError):
    """No topic has this code."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A category (`parent` is None) or a topic in one. Codes match `[a-z0-9-]+(/[a-z0-9-]+)?` and never change."""

    code: str
    name: str
    parent: str | None = None
    group: str | None = None
    source: str | None = None


@cache
def _topics() -> Mapping[str, Topic]:
    rows = orjson.loads(resources.files("node.reference").joinpath("topics.json").read_bytes())
    return MappingProxyType({row["code"]: Topic(**row) for row in rows})


def topic(code: str) -> Topic:
    """Return the topic with this code; raise UnknownTopicError for any other text."""
    try:
        return _topics()[code]
    except KeyError:
        raise UnknownTopicError from None


@cache
def categories() -> tuple[Topic, ...]:
    """All categories by name, the catch-all last."""
    found = [each for each in _topics().values() if each.parent is None]
    return tuple(sorted(found, key=lambda each: (each.code == _LAST, each.name)))


@cache
def tree() -> tuple[tuple[Topic, tuple[Topic, ...]], ...]:
    """Every category with every topic in it, both by name."""
    return tuple(
        (category, tuple(sorted(_children(category.code), key=lambda each: each.name))) for category in categories()
    )


@cache
def choices(category: str) -> tuple[Topic, ...]:
    """The topics of a category that a reporter chooses among: those that no broader topic stands for."""
    found = [each for each in _children(category) if each.group is None]
    return tuple(sorted(found, key=lambda each: (each.name.startswith("Lainnya"), each.name)))


def name_of(code: str) -> str:
    """Name a topic with its category, "Ketenagakerjaan: Cuti"; an empty code and an unknown one have names too."""
    found = _topics().get(code)
    if found is None:
        return code or UNKNOWN_NAME
    if found.parent is None:
        return found.name
    return f"{_topics()[found.parent].name}: {found.name}"


def short_name_of(code: str) -> str:
    """Name a topic without its category, for a narrow column."""
    found = _topics().get(code)
    return found.name if found is not None else code or UNKNOWN_NAME


def _children(category: str) -> list[Topic]:
    return [each for each in _topics().values() if each.parent == category]

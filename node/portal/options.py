"""What a person chooses among, as rows of code, name and hint for the templates."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from flask_babel import gettext as _

from node.reference.regions import Region
from node.reference.topics import Topic, topic

Row: TypeAlias = tuple[str, str, str]


def of_words(words: Mapping[str, tuple[Any, Any]]) -> list[Row]:
    """Rows of kinds or of secrecies."""
    return [(code, str(name), str(hint)) for code, (name, hint) in words.items()]


def of_places(found: Iterable[Region]) -> list[Row]:
    """Rows of regions that a search found, each with what it lies in."""
    return [(each.code, each.path, "") for each in found]


def of_topics(category: str, found: Iterable[Topic]) -> list[Row]:
    """Rows of a category's topics, the category itself last for who is not sure."""
    rows = [(each.code, each.name, "") for each in found]
    general = _("Yang lain, atau tidak yakin (%(category)s)", category=topic(category).name)
    return [*rows, (category, general, "")]

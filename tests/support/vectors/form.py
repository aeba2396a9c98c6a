"""How vector files are written, and small ways to spoil a payload."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from keys import b64u

FOLDER: Final = Path(__file__).parents[2] / "vectors"
Json = dict[str, Any]
Change = Callable[[Json], object]
#: The form of an id, but one byte short.
SHORT: Final = b64u.encode(b"fifteen bytes!!")


def write(path: str, source: str, vectors: list[Json], **more: object) -> None:
    """Write one file, a vector a line."""
    target = FOLDER / path
    target.parent.mkdir(parents=True, exist_ok=True)
    head = {"source": source, **more}
    lines = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}," for name, value in head.items()]
    body = ",\n".join(f"  {json.dumps(vector, ensure_ascii=False)}" for vector in vectors)
    target.write_text("{\n" + "\n".join(lines) + f'\n"vectors": [\n{body}\n]\n' + "}\n")


def changed(payload: Mapping[str, Any], change: Change) -> Json:
    """A deep copy of a payload with one thing changed."""
    copy: Json = json.loads(json.dumps(payload))
    change(copy)
    return copy


def put(*path: str, value: object) -> Change:
    """Set a member, which may lie deep."""

    def change(found: Json) -> None:
        for name in path[:-1]:
            found = found[name]
        found[path[-1]] = value

    return change


def drop(*path: str) -> Change:
    """Remove a member."""

    def change(found: Json) -> None:
        for name in path[:-1]:
            found = found[name]
        del found[path[-1]]

    return change


def payload_of(raw: str) -> Json:
    found: Json = json.loads(b64u.decode(raw.split(".")[1]))
    return found

"""The OpenAPI document as a page: read once into chapters of operations, each with what goes in and out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_REF: Final = "#/components/"


@dataclass(frozen=True, slots=True)
class Member:
    """A line of a table: a parameter, or a member of a body by its path."""

    name: str
    place: str
    form: str
    needed: bool
    about: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status, what it means, its members and an example."""

    status: str
    about: str
    members: Sequence[Member] = ()
    example: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation."""

    id: str
    method: str
    path: str
    summary: str
    about: Sequence[str]
    token: bool
    members: Sequence[Member]
    example: str
    reply: Reply
    problems: Sequence[Reply]


@dataclass(frozen=True, slots=True)
class Chapter:
    """The operations of one tag."""

    name: str
    about: str
    operations: list[Operation] = field(default_factory=list)


def chapters(document: Mapping[str, Any]) -> list[Chapter]:
    """Return the document's operations by tag, in its own order."""
    found = {tag["name"]: Chapter(tag["name"], tag["description"]) for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                found[item[method]["tags"][0]].operations.append(_operation(document, path, method, item))
    return list(found.values())


def _operation(document: Mapping[str, Any], path: str, method: str, item: Mapping[str, Any]) -> Operation:
    told = item[method]
    media = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    parameters = [_parameter(each) for each in (*item.get("parameters", ()), *told.get("parameters", ()))]
    replies = [_reply(document, status, each) for status, each in told["responses"].items()]
    good = [each for each in replies if each.status < "400"]
    return Operation(
        id=told["operationId"],
        method=method.upper(),
        path=path,
        summary=told["summary"],
        about=told.get("description", "").split("\n\n") if told.get("description") else (),
        token=bool(told["security"]),
        members=[*parameters, *_members(document, media.get("schema", {}))],
        example=_json(media["example"]) if "example" in media else "",
        reply=good[0],
        problems=[each for each in replies if each.status >= "400"],
    )


def _parameter(told: Mapping[str, Any]) -> Member:
    return Member(
        told["name"], told["in"], _form(told["schema"]), told.get("required", False), told.get("description", "")
    )


def _reply(document: Mapping[str, Any], status: str, told: Mapping[str, Any]) -> Reply:
    whole = _resolved(document, told)
    media = whole.get("content", {}).get("application/json", {})
    example = _json(media["example"]) if "example" in media else ""
    members = list(_members(document, media.get("schema", {})))
    return Reply(status, whole["description"], members, example)


def _members(document: Mapping[str, Any], schema: Mapping[str, Any], path: str = "") -> Iterator[Member]:
    """Walk a schema: each member, and below it those of what it holds."""
    whole = _resolved(document, schema)
    needed = whole.get("required", ())
    for name, told in whole.get("properties", {}).items():
        at = f"{path}{name}"
        yield Member(at, "body", _form(_resolved(document, told)), name in needed, told.get("description", ""))
        inner = _resolved(document, told)
        yield from _members(document, inner.get("items", inner), f"{at}[]." if "items" in inner else f"{at}.")


def _resolved(document: Mapping[str, Any], told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference, also one that may be null."""
    for each in (told, *told.get("anyOf", ())):
        if "$ref" in each:
            found: Any = document
            for step in ("components", *each["$ref"].removeprefix(_REF).split("/")):
                found = found[step]
            null = {"type": ["object", "null"]} if each is not told else {}
            return {**found, **null}
    return told


def _form(schema: Mapping[str, Any]) -> str:
    """Say in a few words what a value must be."""
    kind = schema.get("type", "any")
    parts = [" or ".join(kind) if isinstance(kind, list) else str(kind)]
    if "format" in schema:
        parts.append(str(schema["format"]))
    if "enum" in schema:
        parts.append("one of " + ", ".join("null" if each is None else str(each) for each in schema["enum"]))
    for name, word in (("minLength", "at least {} characters"), ("maxLength", "at most {} characters"),
                       ("minimum", "from {}"), ("maximum", "to {}"), ("maxItems", "at most {} items")):  # fmt: skip
        if name in schema:
            parts.append(word.format(schema[name]))
    return ", ".join(parts)


def _json(example: object) -> str:
    return orjson.dumps(example, option=orjson.OPT_INDENT_2).decode()

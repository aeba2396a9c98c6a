"""Bundles carried by hand: the form of the files on a stick (docs/protocol.md section 5).

A file is a head of two lines and then the bytes of its members, one after another, to the very end:

    {"carried":"request","members":[{"h":b64u(SHA-256),"len":4711,"name":"bundle"},…],"v":1}⏎
    b64u(SHA-256 of the first line without its end)⏎

So there is one way to read it: nothing is compressed, no member lies in another, no name is a path. The hashes tell a
worn stick from a liar; what a member says is believed only after the same checks as online.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from keys import b64u
from protocol import canonical
from protocol.errors import LocalError, ProtocolError, RemoteError
from protocol.party import HASH_BYTES, PARTY_ID, hash_of
from protocol.shape import array, b64u_bytes, integer, object_of, text

if TYPE_CHECKING:
    from protocol.canonical import JsonValue

#: A file fits every file system of a stick (FAT32 ends at 4 GiB).
MAX_CARRIED_BYTES: Final = 2 * 1024**3
MAX_HEAD_BYTES: Final = 8 * 1024 * 1024
MAX_MEMBERS: Final = 40_000
#: Parts that a node may ask for beside what its inbox holds.
MAX_WANTED: Final = 2_048
BUNDLE: Final = "bundle"
WANTED: Final = "wanted"
LEAVES: Final = "leaves"
PROBLEM: Final = "problem"
DIRECTORY: Final = "directory/"
PARTS: Final = "parts/"
_CHUNK_BYTES: Final = 1_048_576
_DIGEST_CHARS: Final = 43
_MAX_NAME_CHARS: Final = 200
_NAME: Final = re.compile(r"[a-z]+(/[A-Za-z0-9._-]+)*")
_FILE_NAME: Final = re.compile(rf"({PARTY_ID.pattern})-([1-9][0-9]{{0,15}})\.(request|answer|refused)")


class DamagedFileError(ProtocolError):
    """A carried file that is not whole, or none at all; nothing of it was used."""


class CarriedKind(StrEnum):
    """What a file is; also how its name ends."""

    REQUEST = "request"
    ANSWER = "answer"
    REFUSED = "refused"


class CarriedName(NamedTuple):
    """What the name of a file says, `jabar-17.request`: whose exchange, its counter, what it is. Only a hint."""

    node: str
    ctr: int
    kind: CarriedKind

    def __str__(self) -> str:
        return f"{self.node}-{self.ctr}.{self.kind}"


def read_name(name: str) -> CarriedName | None:
    """Return what a file's name says; None for the name of something else."""
    found = _FILE_NAME.fullmatch(name)
    return None if found is None else CarriedName(found[1], int(found[2]), CarriedKind(found[3]))


@dataclass(frozen=True, slots=True)
class CarriedMember:
    """One member: its name, length in bytes and SHA-256. Wire form: `{"h":b64u,"len":4711,"name":"leaves"}`."""

    name: str
    length: int
    h: bytes


def member_of(name: str, content: bytes) -> CarriedMember:
    """Return the member that a content is."""
    return CarriedMember(name, len(content), hashlib.sha256(content).digest())


def part_member(part: str, length: int) -> CarriedMember:
    """Return the member that a part is; its id is its hash."""
    return CarriedMember(PARTS + part, length, b64u.decode(part, size=HASH_BYTES))


def encode_head(kind: CarriedKind, members: Sequence[CarriedMember]) -> bytes:
    """Return what stands before the members' bytes; raise LocalError over the limits."""
    wire: list[JsonValue] = [{"h": b64u.encode(each.h), "len": each.length, "name": each.name} for each in members]
    line = canonical.encode({"carried": str(kind), "members": wire, "v": 1})
    raw = b"%b\n%b\n" % (line, _digest(line))
    if len(members) > MAX_MEMBERS or len(raw) > MAX_HEAD_BYTES:
        raise LocalError("a carried file with too many members")
    if len(raw) + sum(each.length for each in members) > MAX_CARRIED_BYTES:
        raise LocalError("a carried file over 2 GiB")
    return raw


class CarriedFile:
    """A file that was carried, read where it lies: `read_at(offset, length)` gives bytes, fewer only at its end."""

    def __init__(self, size: int, read_at: Callable[[int, int], bytes]) -> None:
        """Read the head; raise DamagedFileError unless it describes a file of exactly `size` bytes."""
        self._read_at: Final = read_at
        line = self._line(min(size, MAX_CARRIED_BYTES))
        digest = self._read_at(len(line) + 1, _DIGEST_CHARS + 1)
        if digest != _digest(line) + b"\n":
            raise DamagedFileError("the file is damaged or not whole: copy it again")
        try:
            self.kind, members = _read_head(line)
        except RemoteError as error:
            raise DamagedFileError("not a file of an exchange by hand, or a damaged one") from error
        self.members: Final[Mapping[str, CarriedMember]] = {each.name: each for each in members}
        self._starts: Final[dict[str, int]] = {}
        end = len(line) + 1 + len(digest)
        for each in members:
            self._starts[each.name] = end
            end += each.length
        if len(self.members) != len(members) or end != size:
            raise DamagedFileError("the file is not whole: copy it again")

    def check(self) -> None:
        """Read every byte; raise DamagedFileError unless each member has its hash."""
        for name in self.members:
            for _ in self.chunks(name):
                pass

    def content(self, name: str, max_bytes: int) -> bytes:
        """Return a member; raise DamagedFileError where it is missing, too long or not what the head says."""
        found = self.members.get(name)
        if found is None or found.length > max_bytes:
            raise DamagedFileError(f"the file has no member {name} of at most {max_bytes} bytes")
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """Give a member piece by piece; raise DamagedFileError at its end unless it has its hash."""
        member, digest = self.members[name], hashlib.sha256()
        at, left = self._starts[name], member.length
        while left:
            chunk = self._read_at(at, min(left, _CHUNK_BYTES))
            if not chunk:
                break
            digest.update(chunk)
            yield chunk
            at, left = at + len(chunk), left - len(chunk)
        if left or digest.digest() != member.h:
            raise DamagedFileError("the file is damaged: copy it again")

    def _line(self, size: int) -> bytes:
        """Return the first line, without its end."""
        head = bytearray()
        while b"\n" not in head[-_CHUNK_BYTES:] and len(head) < min(size, MAX_HEAD_BYTES):
            chunk = self._read_at(len(head), min(_CHUNK_BYTES, size - len(head)))
            if not chunk:
                break
            head += chunk
        line, end, _ = bytes(head[:MAX_HEAD_BYTES]).partition(b"\n")
        if not end:
            raise DamagedFileError("not a file of an exchange by hand, or one that is not whole: copy it again")
        return line


def _digest(line: bytes) -> bytes:
    return b64u.encode(hashlib.sha256(line).digest()).encode()


def _read_head(line: bytes) -> tuple[CarriedKind, list[CarriedMember]]:
    found = object_of(canonical.decode(line, max_bytes=MAX_HEAD_BYTES), ("carried", "members", "v"))
    integer(found["v"], 1, 1, name="v")
    kind = text(found["carried"], max_chars=8)
    if kind not in set(CarriedKind):
        raise RemoteError("members", "no kind of carried file", kinds=[str(each) for each in CarriedKind])
    members = []
    for item in array(found["members"], MAX_MEMBERS, name="members"):
        row = object_of(item, ("h", "len", "name"), name="a member")
        name = text(row["name"], max_chars=_MAX_NAME_CHARS, pattern=_NAME, name="name")
        length = integer(row["len"], 0, MAX_CARRIED_BYTES, name="len")
        members.append(CarriedMember(name, length, b64u_bytes(row["h"], HASH_BYTES, name="h")))
    return CarriedKind(kind), members


def encode_wanted(parts: Sequence[str]) -> bytes:
    """Return the member `wanted`: ids of parts that a node still waits for."""
    return canonical.encode(list(parts[:MAX_WANTED]))


def read_wanted(raw: bytes) -> list[str]:
    """Parse the member `wanted`; raise RemoteError."""
    value = canonical.decode(raw, max_bytes=MAX_HEAD_BYTES)
    return [hash_of(item) for item in array(value, MAX_WANTED, name="wanted")]

"""Receipt codes: the one secret that a reporter carries, 22 characters that a person can copy by hand.

Twenty characters of Crockford's base 32 carry 100 random bits; two more check them. Everything else that the code
gives (where to look, which mailbox opens the answers) is derived from it, so the server need not keep it.
"""

import secrets
from dataclasses import dataclass
from typing import Final, Self

from keys.digest import hkdf, sha256
from keys.errors import ReceiptCodeError
from keys.sealing import SealingKey

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DATA_CHARACTERS: Final = 20
CODE_CHARACTERS: Final = DATA_CHARACTERS + 2
LOOKUP_LABEL: Final = "simpul/lookup/v1"
MAILBOX_LABEL: Final = "simpul/mailbox/v1"

_GROUP: Final = 4
_SECRET_BYTES: Final = 13
# Only ASCII letters are folded: str.upper would read ß as SS and dotless i as I.
_VALUES: Final = (
    {character: value for value, character in enumerate(ALPHABET)}
    | {character.lower(): value for value, character in enumerate(ALPHABET)}
    | dict.fromkeys("Oo", 0)
    | dict.fromkeys("IiLl", 1)
)
# Hyphen-minus, and the dashes and the minus sign that phones put in its place.
_DASHES: Final = frozenset("-\u2010\u2011\u2012\u2013\u2014\u2212")


@dataclass(frozen=True, slots=True, repr=False)
class ReceiptCode:
    """A receipt code that passed its check. `compact` is its 22 characters; `text` is how people see it."""

    compact: str

    def __post_init__(self) -> None:
        if any(_sums([_value(character, at) for at, character in enumerate(_checked_length(self.compact), 1)])):
            raise ReceiptCodeError("one or two characters are wrong: compare each with the receipt")
        if not set(self.compact) <= set(ALPHABET):
            raise ReceiptCodeError("not in normal form: parse it instead")

    def __repr__(self) -> str:
        return "ReceiptCode(hidden)"

    @classmethod
    def generate(cls) -> Self:
        """Draw a code of 100 fresh random bits of the operating system."""
        return cls.from_secret(secrets.token_bytes(_SECRET_BYTES))

    @classmethod
    def from_secret(cls, secret: bytes) -> Self:
        """Make the code of 100 bits of a uniform secret of at least 13 bytes; the same secret, the same code.

        Raises ReceiptCodeError for a shorter one.
        """
        if len(secret) < _SECRET_BYTES:
            raise ReceiptCodeError(f"a code is made of {_SECRET_BYTES} bytes or more")
        number = int.from_bytes(secret[:_SECRET_BYTES])
        data = [number >> 5 * at & 31 for at in range(DATA_CHARACTERS)]
        return cls("".join(ALPHABET[value] for value in data + _check(data)))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a code as people type it: any case, spaces and dashes anywhere, O for 0, I or L for 1.

        Raises ReceiptCodeError, which says what is wrong and where, counting characters without spaces and dashes
        from 1, but never repeats what was typed: it may be nearly right, and error messages are kept in logs.
        """
        typed = [character for character in text if character not in _DASHES and not character.isspace()]
        values = [_value(character, at) for at, character in enumerate(typed, 1)]
        return cls("".join(ALPHABET[value] for value in values))

    @property
    def text(self) -> str:
        """The code in groups, XXXX-XXXX-XXXX-XXXX-XXXX-XX."""
        return "-".join(self.compact[at : at + _GROUP] for at in range(0, CODE_CHARACTERS, _GROUP))

    @property
    def lookup(self) -> bytes:
        """32 bytes by which the reporter finds the case: HKDF of the code's 22 ASCII characters."""
        return hkdf(self.compact.encode("ascii"), LOOKUP_LABEL)

    @property
    def lookup_hash(self) -> bytes:
        """SHA-256 of `lookup`, the only trace of the code that a server keeps: 32 bytes."""
        return sha256(self.lookup)

    @property
    def mailbox_seed(self) -> bytes:
        """32-byte seed of the reporter's mailbox key: HKDF of the code's 22 ASCII characters."""
        return hkdf(self.compact.encode("ascii"), MAILBOX_LABEL)

    def mailbox(self) -> SealingKey:
        """The key that opens what is sealed to the reporter."""
        return SealingKey.from_seed(self.mailbox_seed)


def _value(character: str, position: int) -> int:
    value = _VALUES.get(character)
    if value is None:
        raise ReceiptCodeError(f"character {position} is none that a receipt code uses: letters (but U) and digits")
    return value


def _checked_length(text: str) -> str:
    missing = CODE_CHARACTERS - len(text)
    if missing > 0:
        raise ReceiptCodeError(f"too short by {missing}: a receipt code has {CODE_CHARACTERS} letters and digits")
    if missing < 0:
        raise ReceiptCodeError(f"too long by {-missing}: a receipt code has {CODE_CHARACTERS} letters and digits")
    return text


# The check is a Reed-Solomon code of length 22 over GF(32), with the roots 1 and a, where a⁵ = a² + 1. A code is right
# when two sums vanish: Σ cᵢ and Σ cᵢ·aⁱ. Suppose two characters are off by e and f at the places i and j. The first sum
# vanishes only when e = f, the second then only when aⁱ = aʲ, and the powers of a differ for all places below 31. So
# any one or two wrong characters are found, and any transposition, which is two. A wilder change passes one time in
# 1,024. Crockford's own check character would be one of 37, among them signs that people do not read as part of a code.


def _times_a(value: int) -> int:
    """`value` · a in GF(32) = GF(2)[a] / (a⁵ + a² + 1)."""
    doubled = value << 1
    return doubled ^ 0b100101 if doubled & 0b100000 else doubled


def _sums(values: list[int]) -> tuple[int, int]:
    """Both sums over the code's values; the first character has the highest power (Horner's scheme)."""
    plain = weighted = 0
    for value in values:
        plain ^= value
        weighted = _times_a(weighted) ^ value
    return plain, weighted


def _check(data: list[int]) -> list[int]:
    """The two values that make both sums of `data` and themselves vanish, found by trying all 32 of the first."""
    for first in range(len(ALPHABET)):
        plain, weighted = _sums([*data, first, 0])
        if plain == weighted:
            return [first, plain]
    raise AssertionError("unreachable: exactly one of the 32 fits, because a differs from 1")  # pragma: no cover

"""Attachments for tests: encrypted for real, and put at a hub's parts endpoint by hand."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import requests

from protocol.attachment import Attachment, Encryption
from protocol.part_pass import MAX_PIECE_BYTES, SCHEME, PartPass
from tests.support.federation import HUB, NOW, signing

_TIMEOUT_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Made:
    """A file, what a seal would tell of it, and its ciphertext."""

    content: bytes
    told: Attachment
    ciphertext: bytes

    @property
    def id(self) -> str:
        return self.told.id


def random_bytes(size: int, seed: int = 1) -> bytes:
    """The same bytes every time, that no compression makes smaller."""
    return random.Random(seed).randbytes(size)  # noqa: S311  nothing is guarded by them


def made_file(size: int, *, seed: int = 1, name: str = "foto.jpg", content_type: str = "image/jpeg") -> Made:
    """A file of `size` bytes under a fresh key."""
    content = random_bytes(size, seed)
    encryption = Encryption([content], size)
    ciphertext = b"".join(encryption)
    return Made(content, encryption.attachment(name, content_type), ciphertext)


@dataclass(slots=True)
class PartsLine:
    """A member at the parts endpoint, that shows whatever pass a test wants."""

    url: str
    node: str

    def shown(self, method: str, part: str, *, signer: str | None = None, **changes: object) -> str:
        """A pass, with the given members changed."""
        made = PartPass(HUB, self.node, NOW, method, part)
        return replace(made, **changes).sign(signing(signer or self.node))  # type: ignore[arg-type]

    def ask(self, method: str, part: str, *, shown: str | None = None, body: bytes | None = None,
            **headers: str) -> requests.Response:  # fmt: skip
        """One request. Header names are given with _ for -."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent.setdefault("Authorization", f"{SCHEME} {shown or self.shown(method, part)}")
        address = f"{self.url}/parts/v1/{part}"
        return requests.request(method, address, data=body, headers=sent, timeout=_TIMEOUT_SECONDS)

    def put(self, made: Made, start: int = 0, end: int | None = None, *, shown: str | None = None,
            body: bytes | None = None) -> requests.Response:  # fmt: skip
        """PUT bytes [start, end) of a ciphertext (to its end, but no more than a piece holds)."""
        total = len(made.ciphertext)
        end = min(total, start + MAX_PIECE_BYTES) if end is None else end
        shown = shown or self.shown("PUT", made.id, len=total)
        content = made.ciphertext[start:end] if body is None else body
        return self.ask("PUT", made.id, shown=shown, body=content, Content_Range=f"bytes {start}-{end - 1}/{total}")

    def upload(self, made: Made, start: int = 0) -> requests.Response:
        """PUT a ciphertext from `start` to its end, piece after piece; returns the last answer."""
        response = self.put(made, start)
        while response.status_code == 200 and response.headers["Upload-Complete"] == "?0":
            response = self.put(made, int(response.headers["Upload-Offset"]))
        return response

    def cut_off(self, made: Made, start: int, length: int) -> None:
        """Announce a piece, send some of it, and be cut off."""
        total, shown = len(made.ciphertext), self.shown("PUT", made.id, len=len(made.ciphertext))
        headers = {
            "Authorization": f"{SCHEME} {shown}",
            "Content-Length": str(length),
            "Content-Range": f"bytes {start}-{start + length - 1}/{total}",
        }

        def some() -> Iterator[bytes]:
            yield made.ciphertext[start : start + length // 2]
            raise ConnectionAbortedError

        try:
            requests.put(f"{self.url}/parts/v1/{made.id}", data=some(), headers=headers, timeout=_TIMEOUT_SECONDS)
        except (ConnectionAbortedError, requests.RequestException):
            return
        raise AssertionError("the connection was not cut")

    def offset(self, part: str) -> Mapping[str, str]:
        """What HEAD tells."""
        response = self.ask("HEAD", part)
        assert response.status_code == 200, response.status_code
        return response.headers

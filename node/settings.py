"""Settings of a node: one frozen value made from a mapping, units in the names."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from protocol.party import PARTY_ID

_ACCENT: Final = "#1b5e7d"
_SYNC_EVERY_SECONDS: Final = 30


class SettingsError(Exception):
    """A setting that cannot be; the message names it and says what would be right."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a node is told. `data_dir` holds everything: database, keys, case keys, settings, federation file."""

    data_dir: Path
    member_id: str
    display_name: str
    database_url: str
    accent: str = _ACCENT
    max_text_chars: int = 8_000
    sync_every_seconds: int = _SYNC_EVERY_SECONDS
    training: bool = False
    contact: str = ""  # how people reach the office otherwise: address, telephone

    @property
    def key_file(self) -> Path:
        """The keyring."""
        return self.data_dir / "keys" / "node.key"

    @property
    def case_keys_dir(self) -> Path:
        """The wrappings of the cases' keys: never in a database, never in an ordinary backup."""
        return self.data_dir / "case-keys"

    @property
    def files_dir(self) -> Path:
        """Attachments as ciphertexts; their keys stand in sealed words only."""
        return self.data_dir / "files"

    @property
    def outgoing_dir(self) -> Path:
        """Ciphertexts for other offices, until the hub has them."""
        return self.data_dir / "outgoing"

    @property
    def incoming_dir(self) -> Path:
        """Ciphertexts from other offices, until they are stored under keys of our own."""
        return self.data_dir / "incoming"

    @property
    def federation_file(self) -> Path:
        """Whom to dial and whom to trust first."""
        return self.data_dir / "federation.json"

    @classmethod
    def from_mapping(cls, data_dir: Path, values: Mapping[str, object]) -> Self:
        """Make settings of a mapping (the node's settings.json); raise SettingsError naming what is wrong."""
        member_id = values.get("member_id")
        display_name = values.get("display_name")
        if not isinstance(member_id, str) or PARTY_ID.fullmatch(member_id) is None:
            raise SettingsError("member_id: 2 to 63 of a-z, 0-9 and -")
        if not isinstance(display_name, str) or not display_name:
            raise SettingsError("display_name: the office's name as people know it")
        every = values.get("sync_every_seconds", _SYNC_EVERY_SECONDS)
        if not isinstance(every, int) or not 1 <= every <= 900:  # noqa: PLR2004  up to the longest backoff
            raise SettingsError("sync_every_seconds: 1 to 900")
        return cls(
            data_dir=data_dir,
            member_id=member_id,
            display_name=display_name,
            database_url=str(values.get("database_url") or f"sqlite:///{data_dir / 'node.db'}"),
            accent=str(values.get("accent") or _ACCENT),
            sync_every_seconds=every,
            contact=str(values.get("contact") or ""),
            training=values.get("training") is True,
        )

"""Settings of one hub, made once from a mapping (the environment, the command line, a test)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from hub.errors import SettingsError
from protocol.bundle import MAX_BUNDLE_BYTES

PREFIX: Final = "SIMPUL_HUB_"
_MAX_PORT: Final = 65_535
_HOST: Final = "127.0.0.1"
_PORT: Final = 8400
_THREADS: Final = 8
_BUSY_TIMEOUT_MS: Final = 5_000
_RETRY_AFTER_SECONDS: Final = 5
_MAX_WAITING_BYTES: Final = 268_435_456
_MIN_FREE_BYTES: Final = 268_435_456
_MAX_BYTES: Final = 1 << 50


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the hub's things are and how much it takes.

    Layout of `data_dir`: `hub.db` (SQLite), `keys/hub.key`, `keys/log.key` and `keys/online.key` (key files under one
    passphrase), `registrar/registrar.key` (only needed to sign the directory: keep it offline), `federation.json`,
    `parts/` (large attachments as they were sealed by members; hubs that share a database share this folder too).
    `max_waiting_bytes` is what one member may upload before an entry names it; `min_free_bytes` of the disk are not
    used for uploads, so that the log can go on growing.
    """

    data_dir: Path
    database_url: str
    host: str = _HOST
    port: int = _PORT
    threads: int = _THREADS
    busy_timeout_ms: int = _BUSY_TIMEOUT_MS
    retry_after_seconds: int = _RETRY_AFTER_SECONDS
    max_request_bytes: int = MAX_BUNDLE_BYTES
    max_waiting_bytes: int = _MAX_WAITING_BYTES
    min_free_bytes: int = _MIN_FREE_BYTES

    @classmethod
    def from_mapping(cls, values: Mapping[str, str]) -> Self:
        """Read the settings, and raise SettingsError for a bad one.

        `SIMPUL_HUB_DATA`, `…DATABASE_URL`, `…HOST`, `…PORT`, `…THREADS`, `…BUSY_TIMEOUT_MS`, `…RETRY_AFTER_SECONDS`,
        `…MAX_WAITING_BYTES`, `…MIN_FREE_BYTES` count; other names are left alone.
        """
        data = values.get(f"{PREFIX}DATA", "")
        if not data:
            raise SettingsError(f"no data directory: give --data or set {PREFIX}DATA")
        data_dir = Path(data).absolute()
        return cls(
            data_dir=data_dir,
            database_url=values.get(f"{PREFIX}DATABASE_URL") or f"sqlite:///{data_dir / 'hub.db'}",
            host=values.get(f"{PREFIX}HOST", _HOST),
            port=_integer(values, "PORT", _PORT, 0, _MAX_PORT),
            threads=_integer(values, "THREADS", _THREADS, 1, 256),
            busy_timeout_ms=_integer(values, "BUSY_TIMEOUT_MS", _BUSY_TIMEOUT_MS, 0, 600_000),
            retry_after_seconds=_integer(values, "RETRY_AFTER_SECONDS", _RETRY_AFTER_SECONDS, 1, 86_400),
            max_waiting_bytes=_integer(values, "MAX_WAITING_BYTES", _MAX_WAITING_BYTES, 0, _MAX_BYTES),
            min_free_bytes=_integer(values, "MIN_FREE_BYTES", _MIN_FREE_BYTES, 0, _MAX_BYTES),
        )

    @property
    def hub_key_file(self) -> Path:
        """The key that signs answers."""
        return self.data_dir / "keys" / "hub.key"

    @property
    def log_key_file(self) -> Path:
        """The key that signs checkpoints."""
        return self.data_dir / "keys" / "log.key"

    @property
    def parts_dir(self) -> Path:
        """Attachments too large for a bundle."""
        return self.data_dir / "parts"

    @property
    def head_note_file(self) -> Path:
        """The newest checkpoint, beside the database: hub.recovery.head_note."""
        return self.data_dir / "head.note"

    @property
    def online_key_file(self) -> Path:
        """The key that signs the directory's snapshot and timestamp."""
        return self.data_dir / "keys" / "online.key"

    @property
    def registrar_key_file(self) -> Path:
        """The key that signs the directory, and its root unless others hold that, where no other place is named."""
        return self.data_dir / "registrar" / "registrar.key"

    @property
    def federation_file(self) -> Path:
        """What every node is given by hand: protocol.enrol.Federation."""
        return self.data_dir / "federation.json"


def _integer(values: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = values.get(f"{PREFIX}{name}")
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise SettingsError(f"{PREFIX}{name} is a whole number from {low} to {high}")
    return int(text)

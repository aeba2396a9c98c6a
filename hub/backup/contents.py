"""What a hub's backups hold, and under which secret."""

from typing import Final

from hub.settings import Settings
from keys.keyring import Keyring
from protocol.enrol import Federation
from service.backup import Content, Naming
from service.blobs import BlobStore
from service.database import Database
from service.restore import Layout

ROLE: Final = "hub"
#: Days that a backup is kept.
DATA_DAYS: Final = 35
KEYS_DAYS: Final = 7
HUB_KEY: Final = "keys/hub.key"
#: The registrar's and the root's keys are their holders' to keep.
KEY_FILES: Final = (HUB_KEY, "keys/log.key", "keys/online.key")
LAYOUT: Final = Layout(
    texts=("federation.json",),
    folders=("parts",),
    database="hub.db",
    mark="federation.json",
    kept=("keys",),
)
#: Table → column: how long the log is.
WANTED: Final = {"log_head": "size"}


def content_of(settings: Settings, database: Database) -> Content:
    """Return what a data backup of a hub holds: never its keys, and no upload that is not whole."""
    return Content(
        database=database,
        texts={"federation.json": settings.federation_file},
        folders={"parts": BlobStore(settings.parts_dir)},
        wanted=WANTED,
    )


def naming_of(federation: Federation, ending: str) -> Naming:
    """Return how the backups of a hub are called; `ending` is "backup" or "keys"."""
    return Naming(f"{ROLE}-{federation.hub}", ending)


def secret_of(keyring: Keyring) -> bytes:
    """Return the secret under which a hub's backups are: they open for whoever may sign its answers."""
    return keyring.signing.seed

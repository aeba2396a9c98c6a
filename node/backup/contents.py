"""What a node's backups hold, and under which secret."""

from typing import Final

from keys.keyring import Keyring
from node.context import Node
from service.backup import Content, Naming
from service.restore import Layout

ROLE: Final = "node"
#: Days that a backup is kept: content and keys are never together for long.
DATA_DAYS: Final = 35
KEYS_DAYS: Final = 7
KEY_FILE: Final = "keys/node.key"
CASE_KEYS: Final = "case-keys"
FOLDERS: Final = ("files", "outgoing", "incoming")
LAYOUT: Final = Layout(
    texts=("federation.json", "settings.json"),
    folders=FOLDERS,
    database="node.db",
    mark="settings.json",
    kept=("keys", CASE_KEYS),
)
#: Table → column: how far the inbox was read.
WANTED: Final = {"sync_state": "inbox_pos"}


def content_of(node: Node) -> Content:
    """Return what a data backup of a node holds: never its keys."""
    data_dir = node.settings.data_dir
    return Content(
        database=node.database,
        texts={name: data_dir / name for name in LAYOUT.texts},
        folders={"files": node.files, "outgoing": node.outgoing, "incoming": node.incoming},
        wanted=WANTED,
    )


def naming_of(member_id: str, ending: str) -> Naming:
    """Return how the backups of a node are called; `ending` is "backup" or "keys"."""
    return Naming(f"{ROLE}-{member_id}", ending)


def secret_of(keyring: Keyring) -> bytes:
    """Return the secret under which a node's backups are; it is in the key file, and goes nowhere."""
    return keyring.secrets["slot"]

"""The node as services see it: settings, keys, database and the directory, in one frozen value."""

from collections.abc import Callable
from dataclasses import dataclass, field

from keys.digest import hkdf
from keys.keyring import Keyring
from keys.wrapping import CaseKeyStore
from node.settings import Settings
from protocol.enrol import Federation
from service.blobs import BlobStore
from service.database import Database


def _nobody_listens() -> None:
    """Stand in for the scheduler where none runs (a command, a test)."""


@dataclass(frozen=True, slots=True)
class Node:
    """Everything that a service needs beside its session, command and time."""

    settings: Settings
    keyring: Keyring
    case_keys: CaseKeyStore
    database: Database
    federation: Federation
    #: Ask the scheduler to sync now; called after a commit that queued something.
    wake: Callable[[], None] = field(default=_nobody_listens)

    @property
    def member_id(self) -> str:
        """This node's own id in the directory."""
        return self.settings.member_id

    @property
    def files(self) -> BlobStore:
        """Attachments at rest."""
        return BlobStore(self.settings.files_dir)

    @property
    def outgoing(self) -> BlobStore:
        """Attachments on their way to other offices."""
        return BlobStore(self.settings.outgoing_dir)

    @property
    def incoming(self) -> BlobStore:
        """Attachments on their way from other offices."""
        return BlobStore(self.settings.incoming_dir)

    def secret(self, label: str) -> bytes:
        """Return 32 bytes of this node's own for a local use (cookies, form tokens), never sent."""
        return hkdf(self.keyring.secrets["slot"], f"simpul/local/{label}/v1")


def open_case_keys(settings: Settings, keyring: Keyring) -> CaseKeyStore:
    """Return the store of the cases' keys under this node's wrapping keys."""
    uses = ("content", "identity", "track")
    return CaseKeyStore(settings.case_keys_dir, {use: keyring.secrets[f"rest-{use}"] for use in uses})

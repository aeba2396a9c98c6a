"""Founding a hub: its keys, its database, the first version of the directory, and the file that every node is given."""

from dataclasses import dataclass
from typing import Final

from hub.errors import FoundingError
from hub.log.tree import LogWriter
from hub.members.ceremony import Holders, first_root
from hub.members.enrolment import Registrar, check_party
from hub.settings import Settings
from keys.keyfile import DEFAULT_COST, KdfCost
from keys.keyring import Keyring
from keys.signing import SigningKey
from protocol import checkpoint
from protocol.enrol import Federation, read_federation
from service.database import Database
from service.restore import is_cut_short

LOG_SUFFIX: Final = "/log1"
MIGRATIONS: Final = "hub:migrations"


@dataclass(frozen=True, slots=True, repr=False)
class HubKeys:
    """What a serving hub signs with: its answers, its log, and that the directory is still the newest.

    Never the registrar's key.
    """

    hub: SigningKey
    log: SigningKey
    online: SigningKey


def found(
    settings: Settings,
    name: str,
    url: str,
    passphrase: str,
    now: int,
    cost: KdfCost = DEFAULT_COST,
    holders: Holders | None = None,
) -> Federation:
    """Make everything new below `settings.data_dir`; raise FoundingError if a hub is there already.

    `holders` have the directory's root; None means that the registrar's key alone is the root's as well. The federation
    file comes last: where it is, the hub is whole.
    """
    check_party(name)
    if settings.federation_file.exists():
        raise FoundingError(f"{settings.data_dir} holds a hub already")
    hub, log, online, registrar = (Keyring.for_signer() for _ in range(4))
    root = first_root(holders or Holders((registrar.signing,)), registrar.signing.public, online.signing.public, now)
    for keyring, path in (
        (hub, settings.hub_key_file),
        (log, settings.log_key_file),
        (online, settings.online_key_file),
        (registrar, settings.registrar_key_file),
    ):
        keyring.save(path, passphrase, cost=cost)
    writer = LogWriter(name + LOG_SUFFIX, log.signing)
    federation = Federation(name, url, checkpoint.vkey(writer.origin, log.signing.public), root)
    database = open_database(settings)
    database.migrate()
    with database.transaction() as session:
        writer.found(session, now)
        Registrar(registrar.signing, online.signing, writer, federation).found(session, hub.signing.public, now)
    database.close()
    settings.federation_file.write_bytes(federation.encode() + b"\n")
    return federation


def open_database(settings: Settings) -> Database:
    """Return the hub's database; nothing is opened yet."""
    return Database(
        settings.database_url, MIGRATIONS, busy_timeout_ms=settings.busy_timeout_ms, pool_size=settings.threads
    )


def read_federation_file(settings: Settings) -> Federation:
    """Return what `found` wrote; raise FoundingError if it is not there."""
    try:
        return read_federation(settings.federation_file.read_bytes())
    except FileNotFoundError as error:
        if is_cut_short(settings.data_dir):
            raise FoundingError(
                f"a restore of {settings.data_dir} was cut short: run simpul-hub restore again"
            ) from error
        raise FoundingError(f"{settings.data_dir} holds no hub: run `simpul-hub init`") from error


def load_keys(settings: Settings, passphrase: str) -> HubKeys:
    """Open the three key files; the errors are those of keys.keyfile."""
    paths = (settings.hub_key_file, settings.log_key_file, settings.online_key_file)
    return HubKeys(*(Keyring.load(path, passphrase).signing for path in paths))


def log_writer(federation: Federation, log_key: SigningKey) -> LogWriter:
    """Return the writer of this federation's log; raise FoundingError for another log's key."""
    if federation.log_key != log_key.public:
        raise FoundingError("the log's key file is not the one of this federation: restore the right one")
    return LogWriter(federation.log_origin, log_key)

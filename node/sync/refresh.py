"""Whether the directory is still the newest: asked of the hub by python-tuf's own client, beside following the log.

The log says which version counts where. This says that nobody keeps a newer one from us: the registrar's word is good
for thirty days and the hub's for one, and a log that stands still cannot lengthen either. What is stale degrades and is
told to people; it never stops the sync.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session
from tuf.api import exceptions
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from keys import b64u
from node.context import Node
from node.models.sync import DirectoryFreshness, DirectoryVersion
from node.sync.client import Hub, HubOversizedError, HubRefusedError, HubUnreachableError, Source
from node.sync.rows import alarm
from protocol.directory import directory_digest
from protocol.metadata import MAX_FILE_BYTES, MAX_ROOT_BYTES, MAX_ROOTS, MAX_SMALL_BYTES, MAX_TARGETS_BYTES

#: How often an unchanged directory is asked for.
REFRESH_SECONDS: Final = 3_600
#: Keys that could not be refreshed for so long are sealed to no more (docs/protocol.md section 7).
MAX_KEY_AGE_SECONDS: Final = 30 * 86_400
#: How long the hub's timestamp is good at most (docs/protocol.md section 7): so long before its end it was made.
_TIMESTAMP_SECONDS: Final = 86_400
_ONLY: Final = 1
_RULE: Final = "directory"
_CONFIG: Final = UpdaterConfig(
    max_root_rotations=MAX_ROOTS,
    root_max_length=MAX_ROOT_BYTES,
    timestamp_max_length=MAX_SMALL_BYTES,
    snapshot_max_length=MAX_SMALL_BYTES,
    targets_max_length=MAX_TARGETS_BYTES,
)


@dataclass(frozen=True, slots=True)
class Vouched:
    """What all four roles together vouch for: a version of the directory (its number and H), until `expires`."""

    version: int
    h: bytes
    expires: int


def keep_fresh(node: Node, hub: Hub, now: int) -> None:
    """Refresh if it is time, and tell people of what is stale or refused. Whatever the hub serves, nothing stops."""
    with node.database.reading() as session:
        due = _is_due(session, now)
    vouched, trouble = _ask(node, hub, now) if due else (None, None)
    with node.database.transaction() as session:
        if vouched is not None:
            trouble = _record(session, vouched, now)
        if trouble is not None:
            alarm(session, _RULE, trouble, now)
        _note_staleness(session, now)


def take_word(node: Node, carried: Source, now: int) -> None:
    """Take the hub's word from a file that was carried: it was fresh when it was written, and counts from then on.

    The workflow is done as of the end of that word, in a folder of its own: a file may be older than what came over the
    line since. Then it changes nothing, and is no rollback.
    """
    trouble = None
    try:
        raw = carried.directory("metadata/timestamp.json", MAX_SMALL_BYTES)
        expires = int(Metadata[Timestamp].from_bytes(raw).signed.expires.timestamp())
        with TemporaryDirectory(prefix="tuf-", dir=node.settings.data_dir) as cache:
            vouched = refresh(Path(cache), node.federation.root, carried, min(now, expires - 1))
    except (HubRefusedError, HubOversizedError, exceptions.DownloadError):
        return
    except exceptions.RepositoryError as error:
        trouble = f"the directory that was carried here is refused: {type(error).__name__}"
    with node.database.transaction() as session:
        if trouble is None:
            trouble = _record_carried(session, vouched, min(now, expires - _TIMESTAMP_SECONDS))
        if trouble is not None:
            alarm(session, _RULE, trouble, now)


def note_staleness(node: Node, now: int) -> None:
    """Tell people if the directory is stale by now, where the hub cannot be asked."""
    with node.database.transaction() as session:
        _note_staleness(session, now)


def freshness(session: Session) -> DirectoryFreshness | None:
    """Return what the last refresh that succeeded said; None if there was none yet."""
    return session.get(DirectoryFreshness, _ONLY)


def may_seal(session: Session, now: int) -> bool:
    """Whether the members' keys were refreshed in the last thirty days: nothing new is sealed to older ones."""
    known = freshness(session)
    return known is not None and now <= known.refreshed_at + MAX_KEY_AGE_SECONDS


def refresh(cache: Path, root: bytes, hub: Source, now: int) -> Vouched:
    """Do the TUF client's workflow from the root trusted by hand, at the time `now`.

    `cache` keeps what was verified, and through it protects from rollback. Raises tuf.api.exceptions.RepositoryError or
    DownloadError, and OSError where the cache cannot be used.
    """
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    updater = Updater(str(cache), "metadata/", fetcher=_Line(hub), config=_CONFIG, bootstrap=root)
    # The one clock of the workflow. The library reads it itself and offers no other way to be told the time.
    updater._trusted_set.reference_time = datetime.fromtimestamp(now, UTC)  # noqa: SLF001
    updater.refresh()
    # The files are what the client has just verified; it gives away their contents in no other way.
    targets = (cache / "targets.json").read_bytes()
    signed = (
        Metadata[Root].from_file(str(cache / "root.json")).signed,
        Metadata[Timestamp].from_file(str(cache / "timestamp.json")).signed,
        Metadata[Snapshot].from_file(str(cache / "snapshot.json")).signed,
        Metadata[Targets].from_bytes(targets).signed,
    )
    expires = min(int(each.expires.timestamp()) for each in signed)
    return Vouched(signed[-1].version, directory_digest(targets), expires)


class _Line(FetcherInterface):
    """python-tuf's downloads over the line that the sync uses: one session, its timeouts, no redirects."""

    def __init__(self, hub: Source) -> None:
        self._hub: Final = hub

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """Return at most `max_length` bytes; longer answers are cut off while they come."""
        try:
            return self._hub.directory(url, max_length)
        except HubOversizedError as error:
            raise exceptions.DownloadLengthMismatchError(f"{url} is over {max_length} bytes") from error
        except HubRefusedError as error:
            raise exceptions.DownloadHTTPError(f"{url} answered {error.status}", error.status) from error
        except HubUnreachableError as error:
            raise exceptions.DownloadError(f"{url} cannot be reached") from error

    def _fetch(self, url: str) -> Iterator[bytes]:
        yield self.download_bytes(url, MAX_FILE_BYTES)


def _is_due(session: Session, now: int) -> bool:
    row = _newest(session)
    if row is None:
        return False
    known = freshness(session)
    return (
        known is None or known.version != row.version or now >= min(known.refreshed_at + REFRESH_SECONDS, known.until)
    )


def _ask(node: Node, hub: Hub, now: int) -> tuple[Vouched | None, str | None]:
    """Return what is vouched for, or what to tell people; neither where the hub merely cannot be reached."""
    try:
        return refresh(node.settings.data_dir / "tuf", node.federation.root, hub, now), None
    except exceptions.ExpiredMetadataError as error:
        # Its words name the role, and nothing that was sent.
        return None, f"the hub serves an expired directory: {error}"
    except (exceptions.RepositoryError, exceptions.DownloadLengthMismatchError) as error:
        return None, f"the directory that the hub serves is refused: {type(error).__name__}"
    except exceptions.DownloadError:
        return None, None
    except OSError as error:
        return None, f"the folder tuf cannot be used: {type(error).__name__}"


def _record(session: Session, vouched: Vouched, now: int) -> str | None:
    """Store that the version in force is the newest one; return what to tell people if it is not."""
    row = _newest(session)
    if row is None or vouched.version > row.version:
        # Its leaf came after the exchange: the next sync reads it, and asks again.
        return None
    if vouched.version < row.version:
        return "the hub vouches for an older directory than its log announces"
    if b64u.encode(vouched.h) != row.h:
        return "the hub vouches for another directory than its log announces"
    known = freshness(session)
    if known is None:
        known = DirectoryFreshness(id=_ONLY)
        session.add(known)
    known.version, known.refreshed_at, known.until = vouched.version, now, vouched.expires
    return None


def _record_carried(session: Session, vouched: Vouched, at: int) -> str | None:
    """Store that the version in force was the newest one at a time; return what to tell people of another."""
    row = _newest(session)
    if row is None or vouched.version != row.version:
        return None
    if b64u.encode(vouched.h) != row.h:
        return "the hub vouches for another directory than its log announces"
    known = freshness(session)
    if known is None:
        known = DirectoryFreshness(id=_ONLY, refreshed_at=at, until=vouched.expires)
        session.add(known)
    known.version = vouched.version
    known.refreshed_at, known.until = max(known.refreshed_at, at), max(known.until, vouched.expires)
    return None


def _note_staleness(session: Session, now: int) -> None:
    known = freshness(session)
    if known is not None and now >= known.until:
        alarm(session, _RULE, f"no fresh directory since {known.refreshed_at}: is the hub reached, and by whom?", now)


def _newest(session: Session) -> DirectoryVersion | None:
    return session.scalars(select(DirectoryVersion).order_by(DirectoryVersion.version.desc()).limit(1)).one_or_none()

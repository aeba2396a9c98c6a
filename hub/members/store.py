"""The stored directory: reading what was published, and adding to it inside the caller's transaction."""

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from hub.errors import FoundingError
from hub.models import DirectoryFile, DirectoryMetadata, DirectoryVersion
from keys.digest import sha256
from protocol.directory import Directory, Publication, read_directory
from protocol.enrol import Federation
from protocol.metadata import FileName, Roots, read_contents, read_roots


def stored_roots(session: Session, federation: Federation) -> Roots:
    """Return the chain of roots from the one that every member was given."""
    query = select(DirectoryMetadata).where(DirectoryMetadata.role == "root").order_by(DirectoryMetadata.version)
    rows = session.scalars(query).all()
    return read_roots(federation.root, [row.raw for row in rows if row.version > federation.roots().newest.version])


def latest_version(session: Session) -> DirectoryVersion:
    """Return the newest version; raise FoundingError if there is none."""
    found = session.scalars(select(DirectoryVersion).order_by(DirectoryVersion.version.desc()).limit(1)).one_or_none()
    if found is None:
        raise FoundingError("this database holds no directory: run `simpul-hub init`")
    return found


def read_version(session: Session, row: DirectoryVersion, roots: Roots) -> Directory:
    """Verify and parse a stored version."""

    def file(name: FileName) -> bytes:
        return session.scalar(select(DirectoryFile.raw).where(DirectoryFile.h == name.h)) or b""

    return read_directory(row.raw, file, roots)


def latest_directory(session: Session, federation: Federation) -> Directory:
    """Return the directory in force."""
    return read_version(session, latest_version(session), stored_roots(session, federation))


def add_version(session: Session, made: Publication, index: int, roots: Roots) -> DirectoryVersion:
    """Store a version and the files that no version before it had; raise RemoteError for what a reader would refuse."""
    files = {sha256(content): content for content in made.files.values()}
    read_directory(made.targets, lambda name: files[name.h], roots)
    contents = read_contents(made.targets, roots)
    known = set(session.scalars(select(DirectoryFile.h).where(DirectoryFile.h.in_(files))))
    fresh = [
        {"h": name.h, "path": name.path, "raw": files[name.h]}
        for name in contents.files.values()
        if name.h not in known
    ]
    if fresh:
        session.execute(insert(DirectoryFile), fresh)
    row = DirectoryVersion(version=contents.version, index=index, expires=contents.expires, raw=made.targets)
    session.add(row)
    session.flush()
    return row


def newest(session: Session, role: str) -> DirectoryMetadata:
    """Return the newest version of the role `root`, `snapshot` or `timestamp`; raise FoundingError if there is none."""
    query = select(DirectoryMetadata).where(DirectoryMetadata.role == role)
    found = session.scalars(query.order_by(DirectoryMetadata.version.desc()).limit(1)).one_or_none()
    if found is None:
        raise FoundingError("this database holds no directory: run `simpul-hub init`")
    return found


def add_metadata(session: Session, role: str, version: int, expires: int, raw: bytes) -> None:
    """Store a version of one of the roles around the registrar's."""
    session.add(DirectoryMetadata(role=role, version=version, expires=expires, raw=raw))
    session.flush()

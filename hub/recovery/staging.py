"""What members give back, kept beside the log: only what a proven leaf calls for, and whatever the order."""

from collections.abc import Mapping, Sequence

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from hub.members.store import add_metadata, latest_version, read_version, stored_roots
from hub.models import DirectoryFile, MemberState, RecoveryLeaf, RecoveryPart
from hub.sync.record import bundled
from keys.digest import sha256
from protocol.attachment import FileName
from protocol.directory import Directory, DirectoryHistory, directory_digest, read_directory
from protocol.enrol import Federation
from protocol.entry import SignedEntry, read_entry
from protocol.errors import RemoteError
from protocol.leaf import Leaf, leaf_of
from protocol.merkle import leaf_hash
from protocol.metadata import Roots, read_contents
from protocol.recovery import GiveBack, Given
from protocol.seal import PartName, check_part


def stage(session: Session, federation: Federation, give: GiveBack, given: Given) -> None:
    """Keep the documents, entries and parts whose leaves are proven. What has no such leaf is passed over.

    A member does not know whether an entry of which it never heard again was logged: that it gives one that was not is
    no fault. Raises RemoteError for what is malformed, and for entries that the member is no party to.
    """
    roots = _take_roots(session, federation, given.roots)
    _take_targets(session, roots, given)
    _take_entries(session, give.node, given)
    _learn_counters(session, give)


def staged_history(session: Session, federation: Federation) -> DirectoryHistory:
    """Return the newest version of our own log and all that were given back behind it, as far as they are whole."""
    roots, row = stored_roots(session, federation), latest_version(session)
    history = DirectoryHistory(((row.index, read_version(session, row, roots)),))
    query = select(RecoveryLeaf).where(RecoveryLeaf.version.is_not(None)).order_by(RecoveryLeaf.index)
    for staged in session.scalars(query):
        if staged.lacks or staged.version != history.latest.version + 1:
            break
        history = history.added(staged.index, read_staged(session, staged.raw or b"", roots))
    return history


def read_staged(session: Session, targets: bytes, roots: Roots) -> Directory:
    """Verify and parse a version that was given back."""
    return read_directory(targets, lambda name: _file(session, name.h), roots)


def _file(session: Session, h: bytes) -> bytes:
    return session.scalar(select(DirectoryFile.raw).where(DirectoryFile.h == h)) or b""


def _take_roots(session: Session, federation: Federation, raws: Sequence[bytes]) -> Roots:
    """Add roots that follow ours. Each is signed by the holders of the one before, so it may stand at once."""
    roots = stored_roots(session, federation)
    for raw in raws:
        if raw not in {known.raw for known in roots.chain}:
            roots = roots.added(raw)
            add_metadata(session, "root", roots.newest.version, roots.newest.expires, raw)
    return roots


def _take_targets(session: Session, roots: Roots, given: Given) -> None:
    files = {sha256(content): content for content in given.files}
    for raw in given.targets:
        contents = read_contents(raw, roots)
        leaf = Leaf(directory_digest(raw), directory=contents.version)
        row = session.scalar(select(RecoveryLeaf).where(RecoveryLeaf.h == leaf_hash(leaf.encode())))
        if row is None:
            continue
        names = {name.h: name for name in contents.files.values()}
        known = set(session.scalars(select(DirectoryFile.h).where(DirectoryFile.h.in_(names))))
        fresh = [h for h in names if h not in known and h in files]
        if fresh:
            session.execute(insert(DirectoryFile), [{"h": h, "path": names[h].path, "raw": files[h]} for h in fresh])
        row.raw, row.version, row.lacks = raw, contents.version, len(known) + len(fresh) < len(names)
        session.flush()


def _take_entries(session: Session, node: str, given: Given) -> None:
    signed = {_leaf_hash(one): one for one in (_entry_of(raw, node) for raw in given.entries)}
    for row in session.scalars(select(RecoveryLeaf).where(RecoveryLeaf.h.in_(signed))).all():
        entry = signed[row.h].entry
        row.raw, row.sender = signed[row.h].raw.encode("ascii"), entry.sender
        row.lacks = _take_parts(session, bundled(entry), given.parts)
    session.flush()


def _entry_of(raw: str, node: str) -> SignedEntry:
    """Return the entry. Its leaf, if one is proven, is of these very bytes: so we verified them when we logged them.

    They are verified once more, under the key of that time, before they are logged again.
    """
    unverified = read_entry(raw)
    entry = unverified.entry
    if node not in {entry.sender, entry.recipient}:
        raise RemoteError("party", "an entry is given back by its sender or its recipient")
    return SignedEntry(entry, raw, unverified.kid)


def _leaf_hash(signed: SignedEntry) -> bytes:
    return leaf_hash(leaf_of(signed).encode())


def _take_parts(session: Session, names: Mapping[str, PartName | FileName], parts: Mapping[str, bytes]) -> bool:
    """Keep the parts that came; return whether one that is named is still not here."""
    wanted = {name.id: name for name in names.values()}
    if not wanted:
        return False
    known = set(session.scalars(select(RecoveryPart.id).where(RecoveryPart.id.in_(wanted))))
    for part, name in wanted.items():
        if part in parts and part not in known:
            check_part(name, parts[part])
            session.execute(insert(RecoveryPart).values(id=part, content=parts[part]))
            known.add(part)
    return len(known) < len(wanted)


def _learn_counters(session: Session, give: GiveBack) -> None:
    """Take over what the member says of its own counters, where it is above what we remember."""
    state = session.get(MemberState, give.node)
    if state is None:
        return
    here = MemberState.member == give.node
    if give.inc > state.inc:
        session.execute(update(MemberState).where(here).values(inc=give.inc))
    if give.ctr > state.ctr and give.req is not None:
        session.execute(update(MemberState).where(here).values(ctr=give.ctr, request=give.req))

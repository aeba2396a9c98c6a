"""The hub's tables. Importing this package makes all of them known to `Base.metadata`."""

from hub.models.auditor import Auditor
from hub.models.base import Base
from hub.models.directory import DirectoryFile, DirectoryMetadata, DirectoryVersion
from hub.models.entry import LoggedEntry, StoredPart
from hub.models.equivocation import Equivocation
from hub.models.link import BoxHead, LinkHead
from hub.models.log import LogHead, LogLeaf, LogTile
from hub.models.member import MemberState
from hub.models.part import NamedFile, UploadedPart
from hub.models.recovery import HubState, RecoveryCheckpoint, RecoveryLeaf, RecoveryMember, RecoveryPart

__all__ = [
    "Auditor",
    "Base",
    "BoxHead",
    "DirectoryFile",
    "DirectoryMetadata",
    "DirectoryVersion",
    "Equivocation",
    "HubState",
    "LinkHead",
    "LogHead",
    "LogLeaf",
    "LogTile",
    "LoggedEntry",
    "MemberState",
    "NamedFile",
    "RecoveryCheckpoint",
    "RecoveryLeaf",
    "RecoveryMember",
    "RecoveryPart",
    "StoredPart",
    "UploadedPart",
]

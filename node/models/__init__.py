"""The node's tables, by concern. Nothing that a reporter wrote stands in a column in the clear."""

from node.models import cases, files, people, sync
from node.models.base import Base

__all__ = ["Base", "cases", "files", "people", "sync"]

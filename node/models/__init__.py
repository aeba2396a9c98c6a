"""The node's tables, by concern. Nothing that a reporter wrote stands in a column in the clear."""

from node.models import cases, people, sync
from node.models.base import Base

__all__ = ["Base", "cases", "people", "sync"]

"""The console whole: importing this module gathers its pages on the blueprint."""

from node.console import cases, links, login, triage
from node.console.blueprint import console

__all__ = ["cases", "console", "links", "login", "triage"]

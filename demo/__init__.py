"""Starts a real hub and nodes as processes and walks the story through public interfaces only: commands, HTTP, files.

It imports neither hub nor node, and shows nothing that a citizen, an officer or an auditor could not see as well.
"""

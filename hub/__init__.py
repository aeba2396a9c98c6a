"""The hub: passes entries between members, logs each one, and proves it; the central ministry runs it.

It cannot read what is sealed, never speaks for a member, and decides nothing about a case.
"""

"""The sync protocol: what bytes mean, and whether they keep the rules (docs/protocol.md).

Bytes and `now` go in, values come out. It does not open files, sockets or databases, does not read the clock,
and keeps no state: hub, node and audit do that around it.
"""

"""Custody at this node: what comes in, what the leaves of the log decide, what follows. No HTTP and no commit here."""

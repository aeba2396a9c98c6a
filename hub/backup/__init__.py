"""Backups of a hub and the way back: what is in them and what follows from them. Files and ciphers are others'."""

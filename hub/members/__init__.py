"""The members: who is enrolled, with which keys, and the directory that says so. It does not make anybody's keys."""

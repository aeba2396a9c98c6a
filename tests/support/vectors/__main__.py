"""Writes the vector files of the wire types: `python -m tests.support.vectors`.

Run it only when the wire form changes on purpose; the files are what holds the code, not the other way round. Keys, ids
and times come from names, so that the files change only where the form does; seals are random and always change.
"""

from tests.support.vectors.attachments import attachment_vectors
from tests.support.vectors.bundles import bundle_vectors
from tests.support.vectors.custodies import custody_vectors
from tests.support.vectors.directories import directory_vectors, routing_vectors
from tests.support.vectors.entries import entry_vectors, leaf_vectors
from tests.support.vectors.seals import seal_vectors


def main() -> None:
    """Write every file."""
    for make in (
        entry_vectors,
        leaf_vectors,
        seal_vectors,
        attachment_vectors,
        bundle_vectors,
        custody_vectors,
        directory_vectors,
        routing_vectors,
    ):
        make()


if __name__ == "__main__":
    main()

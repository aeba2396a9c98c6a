"""`python -m node` is simpul-node."""

from node.cli import main

main()

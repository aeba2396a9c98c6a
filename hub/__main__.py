"""`python -m hub` is `simpul-hub`."""

from hub.cli import main

main()

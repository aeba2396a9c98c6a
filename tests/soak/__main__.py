"""`python -m tests.soak`: see docs/soak.md. `./run soak` starts it with a hash seed that is always the same."""

import sys

from tests.soak.run import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

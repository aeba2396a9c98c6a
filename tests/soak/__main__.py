"""`python -m tests.soak`: see docs/soak.md. `./run soak` starts it with a hash seed that is always the same."""

import signal
import sys

from tests.soak.run import main, stop

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    sys.exit(main(sys.argv[1:]))

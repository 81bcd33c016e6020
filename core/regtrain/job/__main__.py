"""`python -m regtrain.job RUN_DIR`: the launched side."""

import signal
import sys
from pathlib import Path


def start() -> int:
    # Loading torch takes seconds. Ctrl-C meanwhile ends this process without a trace; the other side says what it was.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from regtrain.job import main

    return main(Path(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(start())

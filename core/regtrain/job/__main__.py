"""`python -m regtrain.job RUN_DIR`: the launched side."""

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1  # prctl(2)


def end_with_parent() -> None:
    """On Linux: be asked to save and stop when the process is killed that would register what is trained here.

    A job that was submitted outlives its submitter.
    """
    if os.environ.get("REGTRAIN_DETACHED"):
        return
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it was killed before the kernel was asked
        os.kill(os.getpid(), signal.SIGTERM)


def start() -> int:
    end_with_parent()
    # Loading torch takes seconds. Ctrl-C meanwhile ends this process without a trace; the other side says what it was.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from regtrain.job import main

    return main(Path(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(start())

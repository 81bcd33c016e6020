"""`python -m regtrain.tracking RUN_DIR LOCK PARENT [once]`: the forwarder of a run, started by `process.start`.

LOCK is a file descriptor that holds the run's lock, PARENT the process that says on standard input when the run ends.
With `once` the run is served as it is now.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from pathlib import Path

from regtrain.host import Host
from regtrain.run_dir import RunDir
from regtrain.tracking.forwarder import forward, wait_for_end

LOWER = 10  # steps of priority below the job's: training comes first where both want the same core


def main(argv: list[str]) -> None:
    path, lock, parent, *once = argv
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, lambda *_: None)  # the job stops first, and what it writes until then is sent
    os.set_inheritable(int(lock), False)
    with contextlib.suppress(OSError):
        os.nice(LOWER)
    run_dir = RunDir(Path(path))
    plan = run_dir.read_plan()
    wait = (lambda: None) if once else (lambda: wait_for_end(run_dir, plan, sys.stdin.fileno(), int(parent)))
    forward(run_dir, plan, Host(), wait, sample=not once)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BaseException:
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(0)  # a tracker that hangs, and what its package does at exit, hold nothing up

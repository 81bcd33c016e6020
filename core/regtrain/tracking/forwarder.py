"""The forwarder of a run: a thread for each tracker, until the run has ended and each has what it missed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from regtrain.host import Host
from regtrain.run_dir import RunDir
from regtrain.tracking import cursors
from regtrain.tracking.ending import RunEnd, read_end
from regtrain.tracking.feeder import Feeder
from regtrain.tracking.limits import LEAVE, idle_seconds
from regtrain.tracking.system import Sampler, is_sampled
from regtrain.types import Plan

__all__ = ["forward", "wait_for_end"]

LOOK = 0.25  # seconds between two looks at the parent, and at a job without one
GRACE = 5.0  # seconds that a job may take until it is seen, and its outcome to be written


def forward(run_dir: RunDir, plan: Plan, host: Host, wait: Callable[[], str | None], *, sample: bool = False) -> None:
    """Serve every tracker until `wait` returns, then send the rest and close them.

    Args:
        wait: returns when the run has ended, with the status of a run that left no outcome.
        sample: the job runs on this machine, whose load is logged where the config says so.
    """
    cursors.folder_of(run_dir, plan).mkdir(parents=True, exist_ok=True)
    end = RunEnd()
    feeders = [Feeder(run_dir, plan, name, keys, host, end) for name, keys in cursors.enabled(plan).items()]
    for feeder in feeders:
        feeder.start()
    sampler = Sampler(run_dir, plan) if sample and is_sampled(plan) else None
    if sampler is not None:
        sampler.start()
    missing = wait()
    if sampler is not None:
        sampler.stop()
    end.reach(*read_end(run_dir, missing))
    _join(feeders, idle_seconds())


def _join(feeders: Sequence[Feeder], idle: float) -> None:
    """Wait for the threads as long as one of them comes on."""
    waiting = list(feeders)
    began = time.monotonic()
    while waiting:
        waiting[0].join(LOOK)
        waiting = [feeder for feeder in waiting if feeder.is_alive()]
        now = time.monotonic()
        if all(now - max(began, feeder.alive_at) > idle for feeder in waiting):
            return


def wait_for_end(run_dir: RunDir, plan: Plan, control: int, parent: int) -> str | None:
    """Wait until the parent says on the pipe `control` that the run has ended, or has died and the job has ended, too.

    Returns:
        The status of the run where it left no outcome.
    """
    while os.getppid() == parent:
        ready, _, _ = select.select([control], [], [], LOOK)
        if ready:
            word = os.read(control, 64)
            if word:
                return None if word.startswith(LEAVE) else "failed"
            break
    _wait_for_job(run_dir, cursors.folder_of(run_dir, plan) / "job.lock")
    return "failed"


def _wait_for_job(run_dir: RunDir, lock: Path) -> None:
    """A job that outlives the process that launched it saves what it has, and says in its outcome how it ended."""
    seen = time.monotonic()
    while True:
        if is_held(lock):
            seen = time.monotonic()
        elif run_dir.outcome.exists() or time.monotonic() - seen > GRACE:
            return
        time.sleep(LOOK)


def is_held(lock: Path) -> bool:
    """Whether another process holds the lock of a job."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)

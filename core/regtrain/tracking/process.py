"""Starting and ending the forwarder: by the process that launches a run, by its job, and by `regtrain runs sync`."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from regtrain.errors import RegtrainError
from regtrain.host import Host
from regtrain.run_dir import RunDir
from regtrain.tracking import cursors
from regtrain.tracking.ending import read_end
from regtrain.tracking.limits import END, LEAVE, closing_seconds
from regtrain.tracking.system import is_sampled
from regtrain.types import Plan

__all__ = ["ForwarderProcess", "beside_job", "settle", "start"]

LOOK = 0.05  # seconds between two looks at the lock of another forwarder
LOG = "forwarder.log"


class ForwarderProcess:
    """A forwarder that this process has started."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def finish(self, seconds: float | None, message: bytes = END) -> None:
        """Say that the run has ended, and wait; after `seconds` it is killed, and what is missing is sent later."""
        self._send(message)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def leave(self) -> None:
        """Wait no longer: it ends by itself when it has seen how the run ended."""
        self._send(b"")
        self._process.returncode = 0  # no warning that it is still running

    def _send(self, message: bytes) -> None:
        pipe = self._process.stdin
        if pipe is None or pipe.closed:
            return
        with contextlib.suppress(OSError):
            pipe.write(message)
            pipe.flush()
        with contextlib.suppress(OSError):
            pipe.close()


def start(run_dir: RunDir, plan: Plan, *, once: bool = False) -> ForwarderProcess | None:
    """Start the forwarder of a run beside its job; None where the run has no tracker, or a forwarder already.

    Args:
        once: send what is there now.

    Raises:
        OSError: the run folder cannot be written, or the process not be started.
    """
    if not (cursors.enabled(plan) or (is_sampled(plan) and not once)):
        return None
    folder = cursors.folder_of(run_dir, plan)
    folder.mkdir(parents=True, exist_ok=True)
    lock = _take(folder / "forwarder.lock")
    if lock is None:
        return None
    try:
        with os.fdopen(
            os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600), "wb"
        ) as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "regtrain.tracking", str(run_dir.path), str(lock), str(os.getpid())]
                + (["once"] if once else []),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                env={**os.environ, "PYTHONSAFEPATH": "1"},
                start_new_session=True,  # Ctrl-C in the terminal is for the job
            )
        os.truncate(lock, 0)
        os.write(lock, b"%d\n" % process.pid)  # for people: which process it is
    finally:
        os.close(lock)  # the process holds it from here on
    return ForwarderProcess(process)


def _take(path: Path) -> int | None:
    """A descriptor that holds the lock of the run's forwarder; None where another process does."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except OSError:  # a file system without locks
        pass
    return lock


@contextlib.contextmanager
def beside_job(run_dir: RunDir, plan: Plan) -> Iterator[None]:
    """Around the job in the process of rank 0: its forwarder is there, and sees whether the job is.

    A launcher that submits starts no forwarder, since the job runs elsewhere.
    """
    if not (cursors.enabled(plan) or is_sampled(plan)):
        yield
        return
    with contextlib.ExitStack() as stack:
        forwarder = None
        with contextlib.suppress(OSError):  # a tracker is no reason to train nothing
            forwarder = start(run_dir, plan)
            path = cursors.folder_of(run_dir, plan) / "job.lock"
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
            stack.callback(os.close, lock)
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            yield
        except BaseException:
            if forwarder is not None:
                forwarder.leave()
            raise
        if forwarder is not None:
            forwarder.finish(closing_seconds())


def settle(
    run_dir: RunDir, plan: Plan, host: Host, forwarder: ForwarderProcess | None, *, ended: bool, launched: bool
) -> list[str]:
    """Let the trackers have what they miss, and say in a line each which of them is behind.

    Args:
        forwarder: what this process has started for the run.
        ended: the run has ended; else what there is so far is sent, where no forwarder does it already.
        launched: the job was run from here, and the user waits for the end.
    """
    notes: list[str] = []
    if forwarder is not None and (forwarder.is_alive or not cursors.enabled(plan)):
        forwarder.finish(closing_seconds(), END if ended else LEAVE)
    elif _behind(run_dir, plan):
        try:
            notes = _damaged(run_dir, plan)
            again = _start_after(run_dir, plan, closing_seconds() if ended else 0)
            if again is not None:
                again.finish(closing_seconds() if launched else None)
            elif ended:
                notes.append(f"another process sends the records of {plan.run_id} to its trackers, and goes on")
            else:
                return []
        except OSError as problem:
            notes.append(f"no tracker was sent anything: {problem.strerror or problem}")
    behind = _behind(run_dir, plan)
    return [
        *notes,
        *(_line(run_dir, name, why) for name, why in behind.items() if not (launched and _lacks(host, name))),
    ]


def _start_after(run_dir: RunDir, plan: Plan, patience: float) -> ForwarderProcess | None:
    """A forwarder for the records so far, once the running one has ended; None where it does not end."""
    deadline = time.monotonic() + patience
    while (process := start(run_dir, plan, once=True)) is None and time.monotonic() < deadline:
        time.sleep(LOOK)
    return process


def _behind(run_dir: RunDir, plan: Plan) -> dict[str, str]:
    """Name of each tracker that lacks something → why."""
    status, version = read_end(run_dir)
    logs, found = run_dir.logs(plan.config), {}
    for name, keys in cursors.enabled(plan).items():
        done = cursors.read(cursors.file_of(run_dir, plan, name))
        if cursors.is_behind(done, logs, status=status, version=version, artifacts=keys.artifacts):
            found[name] = done.problem or "it has not taken everything yet"
    return found


def _damaged(run_dir: RunDir, plan: Plan) -> list[str]:
    places = {name: cursors.file_of(run_dir, plan, name) for name in cursors.enabled(plan)}
    return [
        f"tracker {name!r}: {place} is damaged, and everything was sent again"
        for name, place in places.items()
        if cursors.damaged(place)
    ]


def _lacks(host: Host, name: str) -> bool:
    """Whether its package is missing, of which the job has warned."""
    try:
        host.offer("trackers", name)
    except RegtrainError:
        return True
    return False


def _line(run_dir: RunDir, name: str, why: str) -> str:
    return f"tracker {name!r}: {why}; `regtrain runs sync {run_dir.path}` sends what is missing"

"""The job on this machine, as one process or several."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from regtrain.hookspecs import hookimpl
from regtrain.types import Launched

if TYPE_CHECKING:
    from regtrain.types import JobCommand, Register, Resources

# What reaches this process → what the job gets. A terminal that is closed asks the job to save and stop.
HANDED_ON = {
    signal.SIGTERM: signal.SIGTERM,
    signal.SIGUSR1: signal.SIGUSR1,
    signal.SIGINT: signal.SIGINT,
    signal.SIGHUP: signal.SIGTERM,
}
GRACE = 30.0  # seconds that processes have to end by themselves when one of them failed
LOOK = 0.05  # seconds between two looks at several processes


class Local:
    """Starts the job, hands signals on to it and waits for its end.

    Several processes get the variables that torchrun sets. torchrun itself is not used: it ends at SIGUSR1, gives the
    job 30 seconds to save after SIGTERM, and its own exit code in place of the job's.
    """

    def launch(self, job: JobCommand, resources: Resources) -> Launched:
        places = _places(resources.nproc) if resources.nproc > 1 else [{}]
        with _signals_handed_on() as started, ExitStack() as stack:
            processes = []
            for place in places:
                process = stack.enter_context(
                    # in a process group of its own, so that Ctrl-C reaches it once: from here
                    subprocess.Popen(
                        [sys.executable, *job.argv],
                        env={**os.environ, **job.environment, **place},
                        stdin=subprocess.DEVNULL,
                        process_group=0,
                    )
                )
                started(process)
                processes.append(process)
            return Launched(processes[0].wait() if len(processes) == 1 else _wait(processes))


def _places(count: int) -> list[dict[str, str]]:
    """The variables of each of several processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        # else each process takes all cores
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count))),
    }
    return [{**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]


def _wait(processes: Sequence[subprocess.Popen[bytes]]) -> int:
    """The exit code of the first process that failed, in the order of their ends; 0 when none did.

    The others may wait for one that failed: they are asked to stop, and killed after a while.
    """
    failed, since = 0, 0.0
    while any(process.poll() is None for process in processes):
        if not failed:
            failed = next((code for process in processes if (code := process.poll())), 0)
            since = time.monotonic()
        elif failed != 75 and time.monotonic() - since > GRACE:
            for process in processes:
                process.kill()
        time.sleep(LOOK)
    return failed or next((code for process in processes if (code := process.returncode)), 0)


@contextmanager
def _signals_handed_on() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Signals that ask this process to stop go to the job, and this process waits for it.

    The handlers are set before the processes start: a signal that comes between is kept for them.
    """
    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread only
        yield lambda process: None
        return
    processes: list[subprocess.Popen[bytes]] = []
    kept: list[int] = []

    def hand_on(number: int, frame: FrameType | None) -> None:
        kept.append(HANDED_ON[signal.Signals(number)])
        for process in processes:
            process.send_signal(kept[-1])

    def started(process: subprocess.Popen[bytes]) -> None:
        processes.append(process)
        for number in kept:
            process.send_signal(number)

    heard = [number for number in HANDED_ON if signal.getsignal(number) != signal.SIG_IGN]  # nohup ignores SIGHUP
    before = {number: signal.signal(number, hand_on) for number in heard}
    try:
        yield started
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@hookimpl
def regtrain_register_launchers(register: Register) -> None:
    register("local", Local)

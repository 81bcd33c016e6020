"""The job as one process on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


class Local:
    """Starts the job, hands signals on to it and waits for its end."""

    def launch(self, job: JobCommand, resources: Resources) -> Launched:
        environment = {**os.environ, **job.environment}
        argv = [sys.executable, *job.argv]
        with (
            _signals_handed_on() as started,
            # in a process group of its own, so that Ctrl-C reaches it once: from here
            subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, process_group=0) as process,
        ):
            started(process)
            return Launched(process.wait())


@contextmanager
def _signals_handed_on() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Signals that ask this process to stop go to the job, and this process waits for it.

    The handlers stand before the process does: a signal that comes between the two is kept for it.
    """
    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread only
        yield lambda process: None
        return
    processes: list[subprocess.Popen[bytes]] = []
    kept: list[int] = []

    def hand_on(number: int, frame: FrameType | None) -> None:
        if processes:
            processes[0].send_signal(HANDED_ON[signal.Signals(number)])
        else:
            kept.append(HANDED_ON[signal.Signals(number)])

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

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

if TYPE_CHECKING:
    from regtrain.types import JobCommand, Register

HANDED_ON = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class Local:
    """Starts the job, hands signals on to it and waits for its end."""

    def launch(self, job: JobCommand) -> int:
        environment = {**os.environ, **job.environment}
        argv = [sys.executable, *job.argv]
        with (
            _signals_handed_on() as started,
            subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL) as process,
        ):
            started(process)
            return process.wait()


@contextmanager
def _signals_handed_on() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """SIGTERM and SIGUSR1 go to the job; a terminal sends Ctrl-C to both, so there it is only outlived.

    The handlers stand before the process does: a signal that comes between the two is kept for it.
    """
    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread only
        yield lambda process: None
        return
    processes: list[subprocess.Popen[bytes]] = []
    kept: list[int] = []

    def hand_on(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and sys.stdin and sys.stdin.isatty():
            return
        if processes:
            processes[0].send_signal(number)
        else:
            kept.append(number)

    def started(process: subprocess.Popen[bytes]) -> None:
        processes.append(process)
        for number in kept:
            process.send_signal(number)

    before = {number: signal.signal(number, hand_on) for number in HANDED_ON}
    try:
        yield started
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@hookimpl
def regtrain_register_launchers(register: Register) -> None:
    register("local", Local)

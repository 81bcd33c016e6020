"""The job as one process on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import FrameType
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    from regtrain.types import JobCommand, Register


class Local:
    """Starts the job, hands signals on to it and waits for its end."""

    def launch(self, job: JobCommand) -> int:
        environment = {**os.environ, **job.environment}
        with subprocess.Popen([sys.executable, *job.argv], env=environment, stdin=subprocess.DEVNULL) as process:
            restore = _hand_on_signals(process)
            try:
                return process.wait()
            finally:
                restore()


def _hand_on_signals(process: subprocess.Popen[bytes]) -> Any:
    """SIGTERM and SIGUSR1 go to the job; a terminal sends Ctrl-C to both, so here it is only outlived."""

    def hand_on(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)

    def outlive(number: int, frame: FrameType | None) -> None:
        if not sys.stdin or not sys.stdin.isatty():
            process.send_signal(number)

    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, hand_on),
        signal.SIGUSR1: signal.signal(signal.SIGUSR1, hand_on),
        signal.SIGINT: signal.signal(signal.SIGINT, outlive),
    }

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore


@hookimpl
def regtrain_register_launchers(register: Register) -> None:
    register("local", Local)

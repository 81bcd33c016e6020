"""The job in the background of this machine: it outlives the terminal that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from regtrain.hookspecs import hookimpl
from regtrain.types import JobState, Launched

if TYPE_CHECKING:
    from regtrain.types import JobCommand, Register, Resources

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Background:
    """Starts the job in a session of its own and returns at once; `regtrain runs sync` reads in what comes out of it.

    A job is found by its process id and the time at which the process started, so that another process that gets the
    same id is not taken for it.
    """

    def launch(self, job: JobCommand, resources: Resources) -> Launched:
        with (job.run_dir / "job.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *job.argv],
                env={**os.environ, **job.environment, "REGTRAIN_DETACHED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        process.returncode = 0  # it is nobody's child any more: no warning that it is still running
        return Launched(external_id=f"{process.pid}:{_started(process.pid)}")

    def poll(self, external_id: str) -> JobState:
        return JobState.GONE if _pid(external_id) is None else JobState.RUNNING

    def cancel(self, external_id: str) -> None:
        pid = _pid(external_id)
        if pid is not None:
            os.kill(pid, signal.SIGTERM)


def _pid(external_id: str) -> int | None:
    """The process of a job, where it is still there."""
    pid, _, started = external_id.partition(":")
    if not pid.isdecimal() or _started(int(pid)) != started:
        return None
    return int(pid)


def _started(pid: int) -> str:
    """Boot of the machine and clock ticks since then at which a process started; empty for one that has ended.

    Field 22 of /proc/PID/stat, see proc(5); without /proc, the time that ps(1) shows.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in ("Z", "X") else f"{BOOT_ID.read_text().strip()}/{fields[19]}"
    except (OSError, IndexError):
        if Path("/proc/self/stat").exists():
            return ""
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip()


@hookimpl
def regtrain_register_launchers(register: Register) -> None:
    register("background", Background)

"""The process of a run, so that a run whose process has ended is not shown as running.

The start is counted in ticks since boot, and read from /proc: psutil gives it as a time of day, which moves with the
clock, so that a run would count as lost after the clock was set.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ProcessIdentity", "boot_id", "is_gone", "process_identity"]


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process across machines and reboots.

    `started` is field 22 of /proc/PID/stat (clock ticks since boot); None, like `boot_id`, without /proc.
    """

    host: str
    pid: int | None
    started: float | None
    boot_id: str | None


def process_identity(pid: int | None = None) -> ProcessIdentity:
    """The identity of a process of this host, of this one when none is named."""
    pid = os.getpid() if pid is None else pid
    return ProcessIdentity(socket.gethostname(), pid, _started(pid), boot_id())


def is_gone(recorded: ProcessIdentity) -> bool:
    """Whether the process is known to have ended; of a process of another host nothing is known."""
    if recorded.pid is None or recorded.host != socket.gethostname():
        return False
    if recorded.boot_id and recorded.boot_id != (boot_id() or recorded.boot_id):
        return True
    started = _started(recorded.pid)
    if started is not None and recorded.started is not None:
        return started != recorded.started
    return not _alive(recorded.pid)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return _state(pid) not in ("Z", "X")


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third on: the second, the command, may hold blanks and brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _state(pid: int) -> str | None:
    fields = _stat(pid)
    return fields[0] if fields else None


def _started(pid: int) -> float | None:
    """Start of a process in clock ticks since boot; None when it has ended, is a zombie, or there is no /proc."""
    fields = _stat(pid)
    if len(fields) < 20 or fields[0] in ("Z", "X"):
        return None
    return float(fields[19])


def boot_id() -> str | None:
    """The id of this boot of the machine; None without /proc."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None

"""The time that has passed, where a wall clock may have been set forward or back. Pure but for `read`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from regtrain_registry.processes import boot_id

__all__ = ["ClockReading", "drift_seconds", "elapsed_seconds", "next_reading", "read", "trusted_now"]

DAY = 86_400.0
SLACK = timedelta(minutes=1)  # a clock that is kept right is moved by as much
SILENCE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The clocks of a host: UTC, and seconds since the boot with this id (None where the host has no such clock)."""

    wall: datetime
    boot_id: str | None = None
    boottime: float | None = None


def read() -> ClockReading:
    """The clocks of this host, now."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)  # Linux; it goes on while the machine sleeps
    return ClockReading(datetime.now(UTC), boot_id(), None if clock is None else time.clock_gettime(clock))


def elapsed_seconds(previous: ClockReading, now: ClockReading) -> float:
    """Seconds that have certainly passed between two readings.

    Within one boot of a host: by the clock that cannot be set. Else by the wall clocks, a day at most in either
    direction: what a clock that was ahead added is taken back by the next one.
    """
    same = _since_boot(previous, now)
    if same is not None:
        return same
    return min(max((now.wall - previous.wall).total_seconds(), -DAY), DAY)


def trusted_now(previous: ClockReading, now: ClockReading) -> datetime:
    """The time up to which ages are counted: that of the wall clock, unless it cannot be right.

    Within one boot it is known how far the clock may have moved. Beyond that, a leap of more than thirty days is
    trusted the second time only.
    """
    same = _since_boot(previous, now)
    if same is not None:
        return min(now.wall, previous.wall + timedelta(seconds=same) + SLACK)
    return now.wall if now.wall - previous.wall <= SILENCE else previous.wall + timedelta(seconds=DAY)


def drift_seconds(previous: ClockReading, now: ClockReading) -> float:
    """How far the wall clock is ahead of where it should be, or behind (negative), as far as that can be known.

    Within one boot that is certain. Else a clock can only be seen to be behind.
    """
    moved = (now.wall - previous.wall).total_seconds()
    same = _since_boot(previous, now)
    return min(moved, 0.0) if same is None else moved - same


def next_reading(previous: ClockReading, now: ClockReading) -> ClockReading:
    """The reading to compare with next time: now, but with a wall clock that did not leap within the boot."""
    same = _since_boot(previous, now)
    if same is None:
        return now
    wall = min(now.wall, previous.wall + timedelta(seconds=same))
    return ClockReading(max(wall, previous.wall), now.boot_id, now.boottime)


def _since_boot(previous: ClockReading, now: ClockReading) -> float | None:
    """Seconds between the two by the clock of the boot; None where they are not of one."""
    if previous.boot_id is None or previous.boot_id != now.boot_id:
        return None
    if previous.boottime is None or now.boottime is None:
        return None
    return max(now.boottime - previous.boottime, 0.0)

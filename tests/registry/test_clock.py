"""How much time has passed for certain, whatever is done to the wall clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from regtrain_registry.domain import clock
from regtrain_registry.domain.clock import (
    DAY,
    ClockReading,
    drift_seconds,
    elapsed_seconds,
    next_reading,
    trusted_now,
)

START = ClockReading(datetime(2026, 11, 20, tzinfo=UTC), "boot", 1000.0)
YEAR = timedelta(days=365)


def later(seconds: float, shift: timedelta = timedelta(), boot: str | None = "boot") -> ClockReading:
    """So much later, the wall clock set by `shift`, in the same boot or in another one."""
    boottime = 1000.0 + seconds if boot == "boot" else 5.0
    return ClockReading(START.wall + timedelta(seconds=seconds) + shift, boot, boottime if boot else None)


@given(st.floats(0, 1e9), st.integers(-400, 400))
def test_within_a_boot_the_wall_clock_does_not_count(seconds: float, days: int) -> None:
    """What has passed is what the clock of the boot says."""
    found = elapsed_seconds(START, later(seconds, timedelta(days=days)))
    assert abs(found - seconds) < 1e-3


def test_between_boots_a_day_counts_at_most() -> None:
    """Forward and back, so that hosts whose clocks differ by a year do not make time pass in turn."""
    for boot in ("another", None):
        assert elapsed_seconds(START, later(3600, boot=boot)) == 3600
        assert elapsed_seconds(START, later(3600, YEAR, boot)) == DAY
        assert elapsed_seconds(START, later(3600, -YEAR, boot)) == -DAY
    assert elapsed_seconds(START, ClockReading(START.wall, "boot", 10.0)) == 0


def test_a_leap_of_the_clock_is_not_believed() -> None:
    """Within a boot not at all; between boots not the first time."""
    assert trusted_now(START, later(3600)) == later(3600).wall
    assert trusted_now(START, later(3600, YEAR)) <= later(3660).wall
    assert trusted_now(START, later(3600, -YEAR)) == later(3600, -YEAR).wall
    week = timedelta(days=7)
    assert trusted_now(START, later(0, week, "another")) == START.wall + week
    first = later(0, YEAR, "another")
    assert trusted_now(START, first) == START.wall + timedelta(days=1)
    assert trusted_now(first, first) == first.wall


def test_what_is_remembered_does_not_leap_within_a_boot() -> None:
    """However often it is asked while the clock is wrong."""
    moment = START
    for minute in range(1, 60):
        now = later(60 * minute, YEAR)
        assert trusted_now(moment, now) <= later(60 * minute + 60).wall
        moment = next_reading(moment, now)
    assert moment == later(60 * 59)
    assert next_reading(START, later(60, -YEAR)).wall == START.wall
    assert next_reading(START, later(60, YEAR, "another")).wall == later(60, YEAR).wall


def test_the_clocks_of_this_host_are_read() -> None:
    """Forward only, in UTC."""
    before, after = clock.read(), clock.read()
    assert after.boot_id == before.boot_id
    assert elapsed_seconds(before, after) >= 0
    assert after.wall.tzinfo is UTC


def test_how_far_a_clock_is_off() -> None:
    """Within a boot in both directions; between boots only a clock that is behind can be told."""
    hour = timedelta(hours=1)
    for shift in (hour, -hour, timedelta()):
        assert drift_seconds(START, later(60, shift)) == shift.total_seconds()
    for boot in ("another", None):
        assert drift_seconds(START, later(60, YEAR, boot)) == 0
        assert drift_seconds(START, later(60, -hour, boot)) == 60 - 3600

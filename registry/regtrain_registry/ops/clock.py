"""The clock of the registry: the time that has passed, kept in its one row, which is also the lock of collections."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from regtrain_registry.db.tables.lifecycle import REGISTRY
from regtrain_registry.domain.clock import ClockReading, elapsed_seconds, next_reading, read, trusted_now

__all__ = ["advance", "read_clocks", "read_elapsed"]

_R = REGISTRY.c
_ROW = select(_R.seconds, _R.witnessed_at, _R.boot_id, _R.boottime).where(_R.id == 1)
_LOCKED = _ROW.with_for_update()  # a registration waits for it, and it for registrations


class Elapsed(NamedTuple):
    """Seconds that have passed for the registry since it was made, and the time `until` which ages are counted."""

    seconds: float
    until: datetime


def read_clocks() -> ClockReading:
    """The clocks of this host, now."""
    return read()


def read_elapsed(connection: Connection, now: ClockReading) -> Elapsed:
    """The time that has passed; nothing is written."""
    row = connection.execute(_ROW).one()
    before = ClockReading(row.witnessed_at, row.boot_id, row.boottime)
    return Elapsed(row.seconds + elapsed_seconds(before, now), trusted_now(before, now))


def advance(connection: Connection, now: ClockReading) -> Elapsed:
    """Keep registrations out until the transaction ends, and write how much time has passed."""
    row = connection.execute(_LOCKED).one()
    before = ClockReading(row.witnessed_at, row.boot_id, row.boottime)
    elapsed = Elapsed(row.seconds + elapsed_seconds(before, now), trusted_now(before, now))
    after = next_reading(before, now)
    values = {"witnessed_at": after.wall, "boot_id": after.boot_id, "boottime": after.boottime}
    connection.execute(update(REGISTRY).where(_R.id == 1).values(seconds=elapsed.seconds, **values))
    return elapsed

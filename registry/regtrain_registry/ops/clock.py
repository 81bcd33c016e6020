"""The registry's row: the time that it has seen pass, and the lock of those who let things go."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from regtrain_registry.db.tables.lifecycle import REGISTRY
from regtrain_registry.domain.clock import Moment, believed, remembered, witnessed

__all__ = ["seen", "witness"]

_R = REGISTRY.c
_SEEN = select(_R.seconds, _R.witnessed_at, _R.boot_id, _R.boottime).where(_R.id == 1)
_LOCKED = _SEEN.with_for_update()  # waits for those who register, and they for us


class Passed(NamedTuple):
    """Seconds that the registry has seen pass, and the time up to which ages are counted."""

    seconds: float
    at: datetime


def seen(connection: Connection, now: Moment) -> Passed:
    """How it stands now; nothing is written."""
    row = connection.execute(_SEEN).one()
    before = Moment(row.witnessed_at, row.boot_id, row.boottime)
    return Passed(row.seconds + witnessed(before, now), believed(before, now))


def witness(connection: Connection, now: Moment) -> Passed:
    """Keep registrations out until the transaction ends, and write down how much time has passed."""
    row = connection.execute(_LOCKED).one()
    before = Moment(row.witnessed_at, row.boot_id, row.boottime)
    passed = Passed(row.seconds + witnessed(before, now), believed(before, now))
    after = remembered(before, now)
    values = {"witnessed_at": after.wall, "boot_id": after.boot_id, "boottime": after.boottime}
    connection.execute(update(REGISTRY).where(_R.id == 1).values(seconds=passed.seconds, **values))
    return passed

"""The next number of a model, whose row stays locked until the version that gets it is inserted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import bindparam, insert, select, update

from regtrain_registry import ops
from regtrain_registry.db.columns import new_id
from regtrain_registry.db.tables import MODELS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.ops.context import Context
from regtrain_registry.ops.event_log import EventLog

__all__ = ["ReservedNumber", "reserve_number"]

_MODEL = MODELS.c.name == bindparam("model")
_NEXT = select(MODELS.c.next_number, MODELS.c.id, MODELS.c.name, MODELS.c.events, MODELS.c.head, MODELS.c.first_name)
_LOCKED = _NEXT.where(_MODEL).with_for_update()
_INSERT_MODEL = insert(MODELS)
_COUNT = (
    update(MODELS)
    .where(MODELS.c.id == bindparam("owner"))
    .values(next_number=bindparam("number") + 1, events=bindparam("seq"), head=bindparam("hash"))
)


class ReservedNumber(NamedTuple):
    """The number of a model's next version, and the event log of the model."""

    log: EventLog
    number: int

    @property
    def model_id(self) -> int:
        """The id of the model's row."""
        return self.log.model_id

    def log_version(self, kind: EventKind, version: str, facts: Mapping[str, Any]) -> None:
        """Append the event of the new version, and count version and event by one statement."""
        log = self.log
        log.insert(kind, version, facts)
        values = {"owner": log.model_id, "number": self.number, "seq": log.count, "hash": log.head}
        log.context.connection.execute(_COUNT, values)


def reserve_number(context: Context, model: str) -> ReservedNumber:
    """Lock the model's row, inserted with the first version; its next number. A former name is that of its model."""
    row = context.connection.execute(_LOCKED, {"model": model}).first()
    if row is not None:
        number, *end = row
        return ReservedNumber(EventLog(context, *end), number)
    current = ops.rename.current_name(context.connection, model)
    if current is not None:
        return reserve_number(context, current)
    new = {"name": model, "next_number": 1, "created_at": context.now}
    return ReservedNumber(EventLog(context, new_id(context.connection.execute(_INSERT_MODEL, new)), model, 0, ""), 1)

"""The line of events of a model: appended to inside the transaction that does what they tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from regtrain_registry.db.tables import MODELS, decode_json
from regtrain_registry.db.tables.lifecycle import EVENTS
from regtrain_registry.domain.events import Event, EventKind, broken_link, canonical, event_hash
from regtrain_registry.json_values import json_safe
from regtrain_registry.ops.resolve import row_of

__all__ = ["Line", "Work", "broken_chains", "events", "lock_line"]

_E = EVENTS.c
_INSERT = insert(EVENTS)
# SQLite, whose writers hold the whole file, leaves the lock out.
_NAMED = MODELS.c.name == bindparam("model")
_END = select(MODELS.c.id, MODELS.c.name, MODELS.c.events, MODELS.c.head).where(_NAMED).with_for_update()
_MOVE = update(MODELS).where(MODELS.c.id == bindparam("owner")).values(events=bindparam("seq"), head=bindparam("hash"))
_LINE = select(_E.seq, _E.at, _E.who, _E.kind, _E.version, _E.facts, _E.hash).where(_E.model_id == bindparam("owner"))


class Work(NamedTuple):
    """Who does something, and when."""

    who: str
    now: datetime


@dataclass(slots=True)
class Line:
    """Where the events of a model end, within the transaction that has locked its row: each one that is added moves it.

    head: the hash of the last of `count` events.
    """

    connection: Connection
    owner: int
    name: str
    count: int
    head: str

    def insert(self, kind: EventKind, version: str | None, facts: Mapping[str, Any], work: Work) -> None:
        """Add an event; the model's row, which counts them, is the caller's to write."""
        text = canonical(json_safe(facts))
        self.count += 1
        self.head = event_hash(self.head, self.name, self.count, work.now, work.who, kind.value, version, text)
        row = {
            "model_id": self.owner,
            "seq": self.count,
            "at": work.now,
            "who": work.who,
            "kind": kind.value,
            "version": version,
        }
        self.connection.execute(_INSERT, row | {"hash": self.head, "facts": text})

    def append(self, kind: EventKind, version: str | None, facts: Mapping[str, Any], work: Work) -> None:
        """Add an event, and count it."""
        self.insert(kind, version, facts, work)
        self.connection.execute(_MOVE, {"owner": self.owner, "seq": self.count, "hash": self.head})


def lock_line(connection: Connection, name: str) -> Line:
    """Where the events of a model end; other writers of it wait until the transaction ends. `ModelNotFoundError`."""
    return Line(connection, *row_of(connection, _END, name))


def events(connection: Connection, owner: int, version: str | None, limit: int | None) -> list[Event]:
    """What was done to a model, or to one of its versions, newest first."""
    query = _LINE if version is None else _LINE.where(_E.version == version)
    rows = connection.execute(query.order_by(_E.seq.desc()).limit(limit), {"owner": owner})
    return [Event(r.seq, r.at, r.who, EventKind(r.kind), r.version, decode_json(r.facts), r.hash) for r in rows]


def broken_chains(connection: Connection) -> list[tuple[str, int]]:
    """Models whose line of events does not hold: name, and the seq of the first event that is wrong."""
    found = []
    models = select(MODELS.c.id, MODELS.c.name, MODELS.c.events, MODELS.c.head).order_by(MODELS.c.id)
    for model in connection.execute(models).all():
        rows = [(*row,) for row in connection.execute(_LINE.order_by(_E.seq), {"owner": model.id})]
        broken = broken_link(model.name, rows, model.head)
        if broken or len(rows) != model.events:
            found.append((model.name, broken or min(len(rows), model.events) + 1))
    return found

"""The event log of a model: appended to inside the transaction that makes the change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from regtrain_registry.db.tables import MODELS, decode_json
from regtrain_registry.db.tables.lifecycle import EVENTS
from regtrain_registry.domain.events import Event, EventKind, broken_link, canonical, event_hash, wrong_name
from regtrain_registry.json_values import json_safe
from regtrain_registry.ops.context import Context
from regtrain_registry.ops.read import detail
from regtrain_registry.ops.resolve import model_id, resolve, row_of
from regtrain_registry.refs import Ref

__all__ = ["EventLog", "broken_chains", "history", "lock_model"]

_E = EVENTS.c
_INSERT = insert(EVENTS)
# SQLite, whose writers hold the whole file, leaves the lock out.
_NAMED = MODELS.c.name == bindparam("model")
_COLUMNS = (MODELS.c.id, MODELS.c.name, MODELS.c.events, MODELS.c.head, MODELS.c.first_name)
_END = select(*_COLUMNS).where(_NAMED).with_for_update()
_MOVE = update(MODELS).where(MODELS.c.id == bindparam("owner")).values(events=bindparam("seq"), head=bindparam("hash"))
_LOG = select(_E.seq, _E.at, _E.who, _E.kind, _E.version, _E.facts, _E.hash).where(_E.model_id == bindparam("owner"))


@dataclass(slots=True)
class EventLog:
    """The event log of a model whose row is locked; each event that is appended moves its end.

    head: the hash of the last of `count` events. first_name: of a renamed model the one that is hashed.
    """

    context: Context
    model_id: int
    model: str
    count: int
    head: str
    first_name: str | None = None

    def insert(self, kind: EventKind, version: str | None, facts: Mapping[str, Any]) -> None:
        """Insert an event; the model's row, which counts them, is the caller's to write."""
        actor, text = self.context.actor, canonical(json_safe(facts))
        self.count += 1
        name = self.first_name or self.model
        self.head = event_hash(self.head, name, self.count, actor.now, actor.name, kind.value, version, text)
        row = {
            "model_id": self.model_id,
            "seq": self.count,
            "at": actor.now,
            "who": actor.name,
            "kind": kind.value,
            "version": version,
        }
        self.context.connection.execute(_INSERT, row | {"hash": self.head, "facts": text})

    def log_event(self, kind: EventKind, version: str | None, facts: Mapping[str, Any]) -> None:
        """Append an event, and count it."""
        self.insert(kind, version, facts)
        self.context.connection.execute(_MOVE, {"owner": self.model_id, "seq": self.count, "hash": self.head})


def lock_model(context: Context, name: str) -> EventLog:
    """Lock the row of a model until the transaction ends; its event log. `ModelNotFoundError`."""
    return EventLog(context, *row_of(context.connection, _END, name))


def history(connection: Connection, ref: Ref, whole: bool, limit: int | None) -> list[Event]:
    """The events of a model (`whole`), or of the version that the ref names, newest first."""
    owner = model_id(connection, ref.model)
    version = None if whole else detail(connection, resolve(connection, ref)).version
    query = _LOG if version is None else _LOG.where(_E.version == version)
    rows = connection.execute(query.order_by(_E.seq.desc()).limit(limit), {"owner": owner})
    return [Event(r.seq, r.at, r.who, EventKind(r.kind), r.version, decode_json(r.facts), r.hash) for r in rows]


def broken_chains(connection: Connection) -> list[tuple[str, int]]:
    """Models whose event log is not intact: name, and the seq of the first event that is wrong."""
    found = []
    for model in connection.execute(select(*_COLUMNS).order_by(MODELS.c.id)).all():
        rows = [(*row,) for row in connection.execute(_LOG.order_by(_E.seq), {"owner": model.id})]
        broken = broken_link(model.first_name or model.name, rows, model.head) or wrong_name(model.name, rows)
        if broken or len(rows) != model.events:
            found.append((model.name, broken or min(len(rows), model.events) + 1))
    return found

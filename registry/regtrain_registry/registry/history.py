"""The line of events of a model: appended to inside the transaction that does what they tell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from regtrain_registry.events import Event, EventKind, broken_link, canonical, event_hash
from regtrain_registry.json_values import json_safe
from regtrain_registry.tables import MODELS
from regtrain_registry.tables.marking import EVENTS

__all__ = ["append", "broken_chains", "events", "extend"]

_E = EVENTS.c
_INSERT = insert(EVENTS)
_HEAD = select(MODELS.c.name, MODELS.c.events, MODELS.c.head).where(MODELS.c.id == bindparam("owner"))
_MOVE = update(MODELS).where(MODELS.c.id == bindparam("owner")).values(events=bindparam("seq"), head=bindparam("hash"))
_LINE = select(_E.seq, _E.at, _E.who, _E.kind, _E.version, _E.facts, _E.hash).where(_E.model_id == bindparam("owner"))


def append(
    connection: Connection,
    owner: int | tuple[int, str, int, str],
    kind: EventKind,
    version: str | None,
    facts: Mapping[str, Any],
    who: str,
    now: datetime,
) -> None:
    """Add an event to the line of a model, whose row the caller has locked.

    owner: the model's id, or its line as `extend` takes it.
    """
    line = (owner, *connection.execute(_HEAD, {"owner": owner}).one()) if isinstance(owner, int) else owner
    head = extend(connection, line, kind, version, facts, who, now)
    connection.execute(_MOVE, {"owner": line[0], "seq": line[2] + 1, "hash": head})


def extend(
    connection: Connection,
    line: tuple[int, str, int, str],
    kind: EventKind,
    version: str | None,
    facts: Mapping[str, Any],
    who: str,
    now: datetime,
) -> str:
    """Insert the next event; its hash, which the caller writes into the model's row with the count.

    line: the model's id and name, how many events it has, and the hash of the last one.
    """
    owner, name, count, before = line
    text = canonical(json_safe(facts))
    head = event_hash(before, name, count + 1, now, who, kind.value, version, text)
    row = {"model_id": owner, "seq": count + 1, "at": now, "who": who, "kind": kind.value, "version": version}
    connection.execute(_INSERT, row | {"hash": head, "facts": text})
    return head


def events(connection: Connection, owner: int, version: str | None, limit: int | None) -> list[Event]:
    """What was done to a model, or to one of its versions, newest first."""
    import json

    query = _LINE if version is None else _LINE.where(_E.version == version)
    rows = connection.execute(query.order_by(_E.seq.desc()).limit(limit), {"owner": owner})
    return [Event(r.seq, r.at, r.who, EventKind(r.kind), r.version, json.loads(r.facts), r.hash) for r in rows]


def broken_chains(connection: Connection) -> list[tuple[str, int]]:
    """Models whose line of events does not hold: name, and the seq of the first event that is wrong."""
    found = []
    models = select(MODELS.c.id, MODELS.c.name, MODELS.c.events, MODELS.c.head).order_by(MODELS.c.id)
    for model in connection.execute(models).all():
        rows = connection.execute(_LINE.order_by(_E.seq), {"owner": model.id})
        broken = broken_link(model.name, ((*row,) for row in rows), model.head)
        count = connection.execute(select(func.count()).where(_E.model_id == model.id)).scalar_one()
        if broken or count != model.events:
            found.append((model.name, broken or min(count, model.events) + 1))
    return found

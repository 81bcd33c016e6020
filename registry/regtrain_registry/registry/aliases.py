"""Movable names of versions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, update

from regtrain_registry.tables import ALIASES

__all__ = ["set_alias"]

_MOVE = (
    update(ALIASES)
    .where(ALIASES.c.model_id == bindparam("owner"), ALIASES.c.name == bindparam("alias"))
    .values(version_id=bindparam("version"), updated_at=bindparam("now"))
)


def set_alias(connection: Connection, model_id: int, name: str, version_id: int, now: datetime) -> None:
    """Let the name stand for this version of the model, wherever it stood before."""
    moved = connection.execute(_MOVE, {"owner": model_id, "alias": name, "version": version_id, "now": now})
    if moved.rowcount == 0:
        row = {"model_id": model_id, "name": name, "version_id": version_id, "updated_at": now}
        connection.execute(insert(ALIASES), row)

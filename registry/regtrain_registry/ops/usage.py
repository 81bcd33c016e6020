"""Disk usage: the bytes of each model, in the store and if nothing were shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from regtrain_registry.db.columns import V
from regtrain_registry.db.engine import Database
from regtrain_registry.db.tables import MODELS, VERSIONS
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.ops.references import referenced, referenced_files
from regtrain_registry.store.blob import Entry, Trashed
from regtrain_registry.store.store import Store

__all__ = ["Usage", "usage"]

_HERE = V.status != VersionStatus.COLLECTED.value
_LOGICAL = (
    select(MODELS.c.id, MODELS.c.name, func.count(V.id).label("versions"), func.sum(V.size_bytes).label("bytes"))
    .join(VERSIONS, V.model_id == MODELS.c.id)
    .where(_HERE)
    .group_by(MODELS.c.id, MODELS.c.name)
)
_HELD = referenced_files().subquery("held")
_ONCE = select(_HELD.c.model_id, _HELD.c.digest, _HELD.c.size_bytes).distinct().subquery("once")
_BY_MODEL = select(_ONCE.c.model_id, func.sum(_ONCE.c.size_bytes)).group_by(_ONCE.c.model_id)
_ALONE = select(_ONCE.c.digest).group_by(_ONCE.c.digest).having(func.count() == 1)
_OWN = _BY_MODEL.where(_ONCE.c.digest.in_(_ALONE))
_EACH = select(_HELD.c.digest, _HELD.c.size_bytes).distinct().subquery("each_file")
_IN_ALL = select(func.coalesce(func.sum(_EACH.c.size_bytes), 0))


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """Bytes of a model. `logical`: of all its versions' files; `stored`: in the store, shared files once; `own`: of
    files that no other model shares, which is what would be freed without it."""

    name: str
    versions: int
    logical_bytes: int
    stored_bytes: int
    own_bytes: int

    @property
    def saved_bytes(self) -> int:
        """The bytes that sharing among its versions spares."""
        return self.logical_bytes - self.stored_bytes

    def to_json(self) -> dict[str, Any]:
        """All six fields."""
        return {
            "name": self.name,
            "versions": self.versions,
            "logical_bytes": self.logical_bytes,
            "stored_bytes": self.stored_bytes,
            "own_bytes": self.own_bytes,
            "saved_bytes": self.saved_bytes,
        }


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes of the registry. What models share counts for each of them and once in `stored_bytes`.

    `idle_bytes`: files in the store that no version needs, `trash_bytes`: what is in the trash.
    """

    models: tuple[ModelUsage, ...]
    logical_bytes: int
    stored_bytes: int
    idle_bytes: int
    trash_bytes: int

    @property
    def saved_bytes(self) -> int:
        """The bytes that sharing spares."""
        return self.logical_bytes - self.stored_bytes

    def to_json(self) -> dict[str, Any]:
        """The fields of `registry du`."""
        return {
            "models": [model.to_json() for model in self.models],
            "logical_bytes": self.logical_bytes,
            "stored_bytes": self.stored_bytes,
            "saved_bytes": self.saved_bytes,
            "idle_bytes": self.idle_bytes,
            "trash_bytes": self.trash_bytes,
        }


def usage(database: Database, store: Store) -> Usage:
    """The bytes that models take, by the rows and by the files of the store."""
    entries, trash = store.entries(), store.trashed()
    return database.read(lambda connection: _measure(connection, entries, trash))


def _measure(connection: Connection, entries: list[Entry], trash: list[Trashed]) -> Usage:
    stored = {row[0]: int(row[1]) for row in connection.execute(_BY_MODEL)}
    own = {row[0]: int(row[1]) for row in connection.execute(_OWN)}
    models = sorted(
        (
            ModelUsage(row.name, row.versions, int(row.bytes), stored.get(row.id, 0), own.get(row.id, 0))
            for row in connection.execute(_LOGICAL)
        ),
        key=lambda model: model.name,
    )
    wanted = referenced(connection, {entry.digest for entry in entries})
    return Usage(
        models=tuple(models),
        logical_bytes=sum(model.logical_bytes for model in models),
        stored_bytes=int(connection.execute(_IN_ALL).scalar_one()),
        idle_bytes=sum(entry.size_bytes for entry in entries if entry.digest not in wanted),
        trash_bytes=sum(file.size_bytes for file in trash),
    )

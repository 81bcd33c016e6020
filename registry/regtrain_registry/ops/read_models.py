"""Reading models: two queries, however many models and versions there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, FromClause, Select, case, func, select

from regtrain_registry.db.columns import RELEASED, V, chunks, version_text
from regtrain_registry.db.tables import ALIASES, MODELS, UNREADABLE, VERSIONS, unreadable
from regtrain_registry.domain.records import LatestVersion, ModelInfo, VersionStatus

__all__ = ["counted_models", "models", "models_of"]


class _CountedModel(NamedTuple):
    """A model, the sums over its versions, and the columns of the latest one, all None where there is no release."""

    id: int
    name: str
    versions: int | None
    size_bytes: int | None
    number: int | None
    major: int
    minor: int
    patch: int
    prerelease: str
    status: str
    created_at: datetime
    metrics: dict[str, Any]


@cache
def counted_models() -> tuple[FromClause, FromClause, FromClause]:
    """Models joined with the sums over their versions and with the latest one: the join, and both of these.

    Bytes are those of versions that were not collected. ix_rt_versions_order alone counts, adds up and finds the latest
    version of each model, the only one read.
    """
    there = case((V.status == VersionStatus.COLLECTED.value, 0), else_=V.size_bytes)
    sums = select(V.model_id, func.count().label("versions"), func.sum(there).label("size_bytes"))
    counted = sums.group_by(V.model_id).subquery()
    released = select(V.id).where(V.model_id == MODELS.c.id, *RELEASED).order_by(V.sort_key.desc()).limit(1)
    latest = VERSIONS.alias("latest")
    joined = MODELS.outerjoin(counted, counted.c.model_id == MODELS.c.id)
    joined = joined.outerjoin(latest, latest.c.id == released.correlate(MODELS).scalar_subquery())
    return joined, counted, latest


@cache
def _listed_models() -> Select[Any]:
    joined, counted, latest = counted_models()
    columns = (MODELS.c.id, MODELS.c.name, counted.c.versions, counted.c.size_bytes)
    rest = (latest.c[field] for field in _CountedModel._fields[len(columns) :])
    return select(*columns, *rest).select_from(joined)


@cache
def _aliased() -> Select[Any]:
    query = select(ALIASES.c.model_id, ALIASES.c.name, ALIASES.c.gated, V.major, V.minor, V.patch, V.prerelease)
    return query.join(VERSIONS, V.id == ALIASES.c.version_id)


def models(connection: Connection) -> list[ModelInfo]:
    """Every model by name, in two queries."""
    # Names are sorted here, because databases order text in different ways.
    found = _models(connection, _listed_models(), _aliased())
    return sorted(found.values(), key=attrgetter("name"))


def models_of(connection: Connection, ids: Sequence[int]) -> list[ModelInfo]:
    """These models, in this order."""
    found: dict[int, ModelInfo] = {}
    for some in chunks(ids):
        chosen = _listed_models().where(MODELS.c.id.in_(some))
        found.update(_models(connection, chosen, _aliased().where(ALIASES.c.model_id.in_(some))))
    return [found[model_id] for model_id in ids]


def _models(connection: Connection, listed: Select[Any], aliased: Select[Any]) -> dict[int, ModelInfo]:
    aliases: dict[tuple[int, bool], dict[str, str]] = defaultdict(dict)
    for row in sorted(connection.execute(aliased), key=attrgetter("name")):
        aliases[row.model_id, row.gated][row.name] = version_text(row)

    def read(query: Select[Any]) -> dict[int, ModelInfo]:
        rows = (_CountedModel(*row) for row in connection.execute(query))
        return {row.id: _model(row, aliases.get((row.id, False), {}), aliases.get((row.id, True), {})) for row in rows}

    try:
        return read(listed)
    except UNREADABLE:
        from regtrain_registry.ops.damage import damaged_model, salvage

    ids = connection.execute(listed.with_only_columns(MODELS.c.id, maintain_column_froms=True)).scalars().all()

    def read_some(some: Sequence[int]) -> list[ModelInfo]:
        found = read(listed.where(MODELS.c.id.in_(some)))
        return [found[model_id] for model_id in some]

    def damaged(owner: int, error: Exception) -> ModelInfo:
        return damaged_model(connection, owner, aliases.get((owner, False), {}), aliases.get((owner, True), {}), error)

    return dict(zip(ids, salvage(ids, read_some, damaged), strict=True))


def _model(row: _CountedModel, aliases: dict[str, str], stages: dict[str, str]) -> ModelInfo:
    latest = None
    if row.number is not None:
        if not isinstance(row.metrics, dict):
            raise unreadable("JSON object", row.metrics)
        latest = LatestVersion(version_text(row), row.number, row.created_at, row.metrics, VersionStatus(row.status))
    return ModelInfo(row.name, row.versions or 0, latest, aliases, stages, int(row.size_bytes or 0))

"""Reading models and versions: a fixed number of indexed queries, however many versions there are."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, func, select

from regtrain_registry.records import (
    Artifact,
    ArtifactKind,
    BumpRecord,
    LatestVersion,
    ModelInfo,
    ParentLink,
    Relation,
    Source,
    VersionDetail,
    VersionInfo,
    VersionStatus,
)
from regtrain_registry.registry.columns import RELEASED, V, version_text
from regtrain_registry.tables import ALIASES, ARTIFACTS, BLOBS, LINEAGE, MODELS, VERSIONS

__all__ = ["StoredVersion", "all_of", "detail", "models", "parents", "version_info", "with_config"]


class StoredVersion(NamedTuple):
    """The columns that a version's value is made of: fields of a tuple are read ten times faster than of a row."""

    id: int
    name: str
    number: int
    major: int
    minor: int
    patch: int
    prerelease: str
    status: str
    created_at: datetime
    created_by: str
    summary: str
    run_id: str | None
    metrics: dict[str, Any]
    digest: str
    size_bytes: int
    signature: dict[str, Any]
    git_commit: str | None
    dirty: bool | None
    bump: dict[str, Any]


class _CountedModel(NamedTuple):
    """A model, what its versions come to, and the columns of the latest one, all None where no release is."""

    id: int
    name: str
    versions: int | None
    size_bytes: int | None
    number: int | None
    major: int
    minor: int
    patch: int
    prerelease: str
    created_at: datetime
    metrics: dict[str, Any]


@cache
def _counted_models() -> Select[Any]:
    """ix_rt_versions_order alone counts, adds up and finds the latest version of each model, the only one read."""
    sums = select(V.model_id, func.count().label("versions"), func.sum(V.size_bytes).label("size_bytes"))
    counted = sums.group_by(V.model_id).subquery()
    released = select(V.id).where(V.model_id == MODELS.c.id, *RELEASED).order_by(V.sort_key.desc()).limit(1)
    latest = VERSIONS.alias("latest")
    columns = (MODELS.c.id, MODELS.c.name, counted.c.versions, counted.c.size_bytes)
    return (
        select(*columns, *(latest.c[field] for field in _CountedModel._fields[len(columns) :]))
        .join_from(MODELS, counted, counted.c.model_id == MODELS.c.id, isouter=True)
        .join(latest, latest.c.id == released.correlate(MODELS).scalar_subquery(), isouter=True)
    )


@cache
def _aliased() -> Select[Any]:
    query = select(ALIASES.c.model_id, ALIASES.c.name, V.major, V.minor, V.patch, V.prerelease)
    return query.join(VERSIONS, V.id == ALIASES.c.version_id)


def models(connection: Connection) -> list[ModelInfo]:
    """Every model by name, in two queries."""
    aliases: dict[int, dict[str, str]] = defaultdict(dict)
    # Names are put in order here, because databases order text in different ways.
    for row in sorted(connection.execute(_aliased()), key=attrgetter("name")):
        aliases[row.model_id][row.name] = version_text(row)
    rows = sorted((_CountedModel(*row) for row in connection.execute(_counted_models())), key=attrgetter("name"))
    return [_model(row, aliases.get(row.id, {})) for row in rows]


def _model(row: _CountedModel, aliases: dict[str, str]) -> ModelInfo:
    latest = None
    if row.number is not None:
        latest = LatestVersion(version_text(row), row.number, row.created_at, row.metrics)
    return ModelInfo(row.name, row.versions or 0, latest, aliases, int(row.size_bytes or 0))


class _Queries(NamedTuple):
    """What is read of the versions that a parameter `key` chooses."""

    artifacts: Select[Any]
    aliases: Select[Any]
    parents: Select[Any]
    versions: Select[Any]


@cache
def _queries(column: str) -> _Queries:
    """`column` of the versions' table is what `key` is compared with: `id` reads the config too, `model_id` not."""
    where = V[column] == bindparam("key")
    parent = VERSIONS.alias("parent")
    columns = [MODELS.c.name if field == "name" else V[field] for field in StoredVersion._fields]
    wide = [V.config] if column == "id" else []
    return _Queries(
        artifacts=select(*(ARTIFACTS.c[name] for name in ("version_id", "path", "kind", "digest")), BLOBS.c.size_bytes)
        .join(BLOBS, BLOBS.c.digest == ARTIFACTS.c.digest)
        .join(VERSIONS, V.id == ARTIFACTS.c.version_id)
        .where(where),
        aliases=select(ALIASES.c.version_id, ALIASES.c.name).join(VERSIONS, V.id == ALIASES.c.version_id).where(where),
        parents=select(LINEAGE.c.child_id, LINEAGE.c.relation, MODELS.c.name, parent.c.sort_key)
        .add_columns(parent.c.major, parent.c.minor, parent.c.patch, parent.c.prerelease)
        .join_from(LINEAGE, VERSIONS, V.id == LINEAGE.c.child_id)
        .join(parent, parent.c.id == LINEAGE.c.parent_id)
        .join(MODELS, MODELS.c.id == parent.c.model_id)
        .where(where),
        versions=select(*columns, *wide)
        .join(VERSIONS, V.model_id == MODELS.c.id)
        .where(where)
        .order_by(V.sort_key.desc()),
    )


def detail(connection: Connection, version_id: int) -> VersionDetail:
    """One version with its config."""
    queries = _queries("id")
    related = _related(connection, queries, version_id)
    *columns, config = connection.execute(queries.versions, {"key": version_id}).one()
    return with_config(version_info(StoredVersion(*columns), *related.of(version_id)), config)


def all_of(connection: Connection, model_id: int) -> list[VersionInfo]:
    """The versions of a model, highest first."""
    queries = _queries("model_id")
    related = _related(connection, queries, model_id)
    # Row by row: ten thousand rows that are held until the last value is made keep the garbage collector busy.
    rows = (StoredVersion(*row) for row in connection.execute(queries.versions, {"key": model_id}))
    return [version_info(row, *related.of(row.id)) for row in rows]


def parents(connection: Connection, version_id: int) -> list[ParentLink]:
    """What one version came from."""
    return _parents(connection, _queries("id"), version_id).get(version_id, [])


class _Related(NamedTuple):
    """What hangs on versions, by their id; versions without any are left out."""

    artifacts: dict[int, list[Artifact]]
    aliases: dict[int, list[str]]
    parents: dict[int, list[ParentLink]]

    def of(self, version_id: int) -> tuple[list[Artifact], list[str], list[ParentLink]]:
        """Lists of one version, its own to keep."""
        artifacts, aliases, parents = self
        return artifacts.get(version_id) or [], aliases.get(version_id) or [], parents.get(version_id) or []


def _related(connection: Connection, queries: _Queries, key: int) -> _Related:
    artifacts: dict[int, list[Artifact]] = defaultdict(list)
    for owner, path, kind, digest, size in connection.execute(queries.artifacts, {"key": key}):
        artifacts[owner].append(Artifact(path, ArtifactKind(kind), digest, size))
    for found in artifacts.values():
        found.sort(key=attrgetter("path"))
    aliases: dict[int, list[str]] = defaultdict(list)
    for owner, name in connection.execute(queries.aliases, {"key": key}):
        aliases[owner].append(name)
    for names in aliases.values():
        names.sort()
    return _Related(artifacts, aliases, _parents(connection, queries, key))


def _parents(connection: Connection, queries: _Queries, key: int) -> dict[int, list[ParentLink]]:
    parents: dict[int, list[ParentLink]] = defaultdict(list)
    rows = connection.execute(queries.parents, {"key": key})
    for row in sorted(rows, key=attrgetter("name", "sort_key", "relation")):
        parents[row.child_id].append(ParentLink(f"{row.name}@{version_text(row)}", Relation(row.relation)))
    return parents


def version_info(
    row: StoredVersion, artifacts: list[Artifact], aliases: list[str], parents: list[ParentLink]
) -> VersionInfo:
    """The value of a row and of what hangs on it."""
    return VersionInfo(
        name=row.name,
        version=version_text(row),
        number=row.number,
        status=VersionStatus(row.status),
        aliases=aliases,
        created_at=row.created_at,
        created_by=row.created_by,
        summary=row.summary,
        run_id=row.run_id,
        metrics=row.metrics,
        digest=row.digest,
        size_bytes=row.size_bytes,
        artifacts=artifacts,
        parents=parents,
        signature=row.signature,
        source=Source(row.git_commit, row.dirty),
        bump=BumpRecord(**row.bump),
    )


def with_config(version: VersionInfo, config: dict[str, Any]) -> VersionDetail:
    """The same version with its config."""
    return VersionDetail(**{field.name: getattr(version, field.name) for field in fields(version)}, config=config)

"""Reading versions: a fixed number of indexed queries, however many versions there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    exists,
    select,
)

from regtrain_registry.db.columns import AnyRow, V, chunks, version_text
from regtrain_registry.db.tables import ALIASES, MODELS, UNREADABLE, VERSIONS, unreadable
from regtrain_registry.domain.records import (
    Artifact,
    ArtifactKind,
    BumpRecord,
    ExportVerification,
    Marks,
    ParentLink,
    Relation,
    Source,
    VersionDetail,
    VersionInfo,
    VersionStatus,
)
from regtrain_registry.errors import StatusError, VersionCollectedError
from regtrain_registry.ops.resolve import model_id, resolve
from regtrain_registry.refs import Ref

__all__ = [
    "Related",
    "StoredVersion",
    "check_available",
    "detail",
    "of_ids",
    "parents",
    "show",
    "version_info",
    "versions",
    "with_config",
]

NO_MARKS = Marks()
EXPORT = ("format", "passed", "digest", "report", "unverified")
_RARE = ("aliases", "tags", "marks", "exports", "parents")  # read of one version only where there are any


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


class _Queries(NamedTuple):
    """The queries about the versions that a parameter `key` chooses."""

    artifacts: Select[Any]
    aliases: Select[Any]
    tags: Select[Any]
    marks: Select[Any]
    exports: Select[Any]
    parents: Select[Any]
    versions: Select[Any]


@cache
def _queries(column: str) -> _Queries:
    """`column` of the versions' table is what `key` is compared with: `model_id`, `ids` for several, or `id`, which
    reads the config too, and which of `_RARE` there are."""
    from regtrain_registry.db.tables.blobs import ARTIFACTS, BLOBS  # a list of models does without
    from regtrain_registry.db.tables.lifecycle import EXPORTS, MARKS, TAGS
    from regtrain_registry.db.tables.lineage import LINEAGE

    several: BindParameter[Sequence[int]] = bindparam("key", expanding=True)
    where = V.id.in_(several) if column == "ids" else V[column] == bindparam("key")
    parent = VERSIONS.alias("parent")
    columns = [MODELS.c.name if field == "name" else V[field] for field in StoredVersion._fields]
    wide: list[ColumnElement[Any]] = []
    if column == "id":
        owners = (ALIASES.c.version_id, TAGS.c.version_id, MARKS.c.version_id, EXPORTS.c.version_id, LINEAGE.c.child_id)
        wide = [V.config, *(exists().where(owner == V.id) for owner in owners)]
    return _Queries(
        artifacts=select(*(ARTIFACTS.c[name] for name in ("version_id", "path", "kind", "digest")), BLOBS.c.size_bytes)
        .join(BLOBS, BLOBS.c.digest == ARTIFACTS.c.digest)
        .join(VERSIONS, V.id == ARTIFACTS.c.version_id)
        .where(where),
        aliases=select(*(ALIASES.c[name] for name in ("version_id", "name", "gated")))
        .join(VERSIONS, V.id == ALIASES.c.version_id)
        .where(where),
        tags=select(TAGS.c.version_id, TAGS.c.name, TAGS.c.value)
        .join(VERSIONS, V.id == TAGS.c.version_id)
        .where(where),
        marks=select(*(MARKS.c[name] for name in ("version_id", "pinned", "status_at", "status_reason", "successor")))
        .join(VERSIONS, V.id == MARKS.c.version_id)
        .where(where),
        exports=select(
            *(EXPORTS.c[name] for name in ("version_id", "format", "passed", "digest", "report", "unverified"))
        )
        .join(VERSIONS, V.id == EXPORTS.c.version_id)
        .where(where),
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
    """One version with its config; `RowDamagedError` names the values that cannot be read."""
    queries = _queries("id")
    try:
        row = connection.execute(queries.versions, {"key": version_id}).one()
        *columns, config = row[: -len(_RARE)]
        there = {what for what, some in zip(_RARE, row[-len(_RARE) :], strict=True) if some}
        related = _related(connection, queries, version_id, there)
        if not isinstance(config, dict):
            raise unreadable("JSON object", config)
        return with_config(version_info(StoredVersion(*columns), related[version_id]), config)
    except UNREADABLE as error:
        from regtrain_registry.ops.damage import version_error

        raise version_error(connection, version_id, error) from error


def show(connection: Connection, ref: Ref) -> VersionDetail:
    """The version that a ref names, with its config."""
    return detail(connection, resolve(connection, ref))


def versions(connection: Connection, model: str, limit: int | None) -> list[VersionInfo]:
    """The versions of a model by its name, highest first; `ModelNotFoundError`."""
    return _all_of(connection, model_id(connection, model), limit)


def _all_of(connection: Connection, model_id: int, limit: int | None = None) -> list[VersionInfo]:
    """The versions of a model, highest first."""
    if limit is not None:
        ids = connection.execute(_highest(), {"owner": model_id, "limit": limit}).scalars()
        return of_ids(connection, list(ids))
    queries = _queries("model_id")
    try:
        related = _related(connection, queries, model_id)
        # Row by row: ten thousand rows that are held until the last value is made keep the garbage collector busy.
        rows = (StoredVersion(*row) for row in connection.execute(queries.versions, {"key": model_id}))
        return [version_info(row, related[row.id]) for row in rows]
    except UNREADABLE:
        ids = connection.execute(_highest().limit(None), {"owner": model_id}).scalars()
        return of_ids(connection, list(ids))


@cache
def _highest() -> Select[Any]:
    query = select(V.id).where(V.model_id == bindparam("owner"))
    return query.order_by(V.sort_key.desc()).limit(bindparam("limit"))


def of_ids(connection: Connection, ids: Sequence[int]) -> list[VersionInfo]:
    """These versions, in this order; those that cannot be read with the status `damaged`."""
    try:
        return _of_ids(connection, ids)
    except UNREADABLE:
        from regtrain_registry.ops.damage import damaged_version, salvage

    def damaged(version_id: int, error: Exception) -> VersionInfo:
        return damaged_version(connection, version_id, error)

    return salvage(ids, lambda some: _of_ids(connection, some), damaged)


def _of_ids(connection: Connection, ids: Sequence[int]) -> list[VersionInfo]:
    queries = _queries("ids")
    found: dict[int, VersionInfo] = {}
    for some in chunks(ids):
        related = _related(connection, queries, some)
        rows = (StoredVersion(*row) for row in connection.execute(queries.versions, {"key": some}))
        found.update({row.id: version_info(row, related[row.id]) for row in rows})
    return [found[version_id] for version_id in ids]


def parents(connection: Connection, version_id: int) -> list[ParentLink]:
    """The parents of one version."""
    rows = connection.execute(_queries("id").parents, {"key": version_id})
    return _parents(rows).get(version_id, [])


def check_available(version: VersionInfo) -> None:
    """Refuse a version whose files were collected (`VersionCollectedError`), and one that expired (`StatusError`)."""
    if version.status is VersionStatus.COLLECTED:
        since = f" on {version.marks.since:%Y-%m-%d}" if version.marks.since else ""
        raise VersionCollectedError(
            f"{version.ref} was collected{since}: its files are gone", "Train it again, or import it from an archive."
        )
    if version.status is VersionStatus.EXPIRED:
        raise StatusError(f"{version.ref} is expired", "Restore it first.")


@dataclass(frozen=True, slots=True)
class Related:
    """What belongs to a version and lies in other tables."""

    artifacts: list[Artifact] = field(default_factory=list)
    parents: list[ParentLink] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    exports: list[ExportVerification] = field(default_factory=list)
    marks: Marks = NO_MARKS


def _related(
    connection: Connection, queries: _Queries, key: int | Sequence[int], there: Collection[str] = _RARE
) -> dict[int, Related]:
    """What belongs to versions, by their id. Names are sorted here: databases order text in different ways."""
    found: dict[int, Related] = defaultdict(Related)
    values = {"key": key}

    def read(what: str) -> Iterable[AnyRow]:
        return connection.execute(getattr(queries, what), values) if what in there else ()

    for owner, path, kind, digest, size in connection.execute(queries.artifacts, values):
        found[owner].artifacts.append(Artifact(path, ArtifactKind(kind), digest, size))
    for related in found.values():
        related.artifacts.sort(key=attrgetter("path"))
    for owner, name, gated in sorted(tuple(row) for row in read("aliases")):
        (found[owner].stages if gated else found[owner].aliases).append(name)
    for owner, name, value in sorted(tuple(row) for row in read("tags")):
        found[owner].tags[name] = value
    for row in sorted(read("exports"), key=attrgetter("format")):
        found[row.version_id].exports.append(ExportVerification(*row[1:]))
    for owner, links in _parents(read("parents")).items():
        found[owner].parents.extend(links)
    for row in read("marks"):
        marks = Marks(row.pinned, row.status_at, row.status_reason, row.successor)
        found[row.version_id] = replace(found[row.version_id], marks=marks)
    return found


def _parents(rows: Iterable[AnyRow]) -> dict[int, list[ParentLink]]:
    parents: dict[int, list[ParentLink]] = defaultdict(list)
    for row in sorted(rows, key=attrgetter("name", "sort_key", "relation")):
        parents[row.child_id].append(ParentLink(f"{row.name}@{version_text(row)}", Relation(row.relation)))
    return parents


def version_info(row: StoredVersion, related: Related) -> VersionInfo:
    """The value of a row and of the rows attached to it; `RowDamagedError` for values of another type."""
    if not (isinstance(row.metrics, dict) and isinstance(row.signature, dict) and isinstance(row.bump, dict)):
        raise unreadable("JSON object", (row.metrics, row.signature, row.bump))
    if not (isinstance(row.number, int) and isinstance(row.size_bytes, int)):
        raise unreadable("number", (row.number, row.size_bytes))
    return VersionInfo(
        name=row.name,
        version=version_text(row),
        number=row.number,
        status=VersionStatus(row.status),
        aliases=related.aliases,
        stages=related.stages,
        tags=related.tags,
        marks=related.marks,
        created_at=row.created_at,
        created_by=row.created_by,
        summary=row.summary,
        run_id=row.run_id,
        metrics=row.metrics,
        digest=row.digest,
        size_bytes=row.size_bytes,
        artifacts=related.artifacts,
        parents=related.parents,
        exports=related.exports,
        signature=row.signature,
        source=Source(row.git_commit, row.dirty),
        bump=BumpRecord(**row.bump),
    )


def with_config(version: VersionInfo, config: dict[str, Any]) -> VersionDetail:
    """The same version with its config."""
    return VersionDetail(**{one.name: getattr(version, one.name) for one in fields(version)}, config=config)

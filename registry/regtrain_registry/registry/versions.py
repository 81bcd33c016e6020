"""Reading models and versions: a fixed number of indexed queries, however many versions there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, overload

from sqlalchemy import ColumnElement, Connection, Row, case, func, select

from regtrain_registry.errors import ModelNotFoundError, VersionNotFoundError, nearest
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
from regtrain_registry.refs import Alias, Exact, Latest, Number, Ref, Within
from regtrain_registry.tables import ALIASES, ARTIFACTS, BLOBS, LINEAGE, MODELS, VERSIONS

__all__ = ["AnyRow", "detail", "find", "infos", "model_id", "models", "version_text"]

AnyRow: TypeAlias = "Row[*tuple[Any, ...]]"

_V = VERSIONS.c
_WIDE = ("config", "recipe")
_LISTED = [column for column in VERSIONS.columns if column.name not in _WIDE]
_RELEASED = [_V.prerelease == "", _V.status != VersionStatus.ARCHIVED.value]


def version_text(row: AnyRow) -> str:
    """`X.Y.Z[-prerelease]` of a row that has the four columns."""
    return f"{row.major}.{row.minor}.{row.patch}" + (f"-{row.prerelease}" if row.prerelease else "")


def models(connection: Connection) -> list[ModelInfo]:
    """Every model by name, in two queries."""
    # Answered by ix_rt_versions_order alone; only the latest version of each model is read as a row.
    counted = (
        select(
            _V.model_id,
            func.count().label("versions"),
            func.sum(_V.size_bytes).label("size_bytes"),
            func.max(case((_RELEASED[0] & _RELEASED[1], _V.sort_key))).label("latest_key"),
        )
        .group_by(_V.model_id)
        .subquery()
    )
    query = (
        select(
            MODELS.c.id,
            MODELS.c.name,
            counted.c.versions,
            counted.c.size_bytes,
            *(_V.number, _V.major, _V.minor, _V.patch, _V.prerelease, _V.created_at, _V.metrics),
        )
        .join_from(MODELS, counted, counted.c.model_id == MODELS.c.id, isouter=True)
        .join(VERSIONS, (_V.model_id == MODELS.c.id) & (_V.sort_key == counted.c.latest_key), isouter=True)
        .order_by(MODELS.c.name)
    )
    aliases: dict[int, dict[str, str]] = defaultdict(dict)
    named = select(ALIASES.c.model_id, ALIASES.c.name, _V.major, _V.minor, _V.patch, _V.prerelease)
    for row in connection.execute(named.join(VERSIONS, _V.id == ALIASES.c.version_id).order_by(ALIASES.c.name)):
        aliases[row.model_id][row.name] = version_text(row)
    return [_model(row, aliases.get(row.id, {})) for row in connection.execute(query)]


def _model(row: AnyRow, aliases: dict[str, str]) -> ModelInfo:
    latest = None
    if row.number is not None:
        latest = LatestVersion(version_text(row), row.number, row.created_at, row.metrics)
    return ModelInfo(row.name, row.versions or 0, latest, aliases, int(row.size_bytes or 0))


def model_id(connection: Connection, name: str) -> int:
    """The id of a model's row; `ModelNotFoundError` with the nearest names."""
    found = connection.execute(select(MODELS.c.id).where(MODELS.c.name == name)).scalar()
    if found is None:
        names = list(connection.execute(select(MODELS.c.name).order_by(MODELS.c.name)).scalars())
        near = nearest(name, names) or names[:5]
        hint = f"There is {', '.join(near)}." if near else "Nothing is registered yet; run regtrain run CONFIG."
        raise ModelNotFoundError(f"no model {name!r}", hint)
    return int(found)


def find(connection: Connection, ref: Ref) -> int:
    """The id of the version's row; `ModelNotFoundError` or `VersionNotFoundError` with what there is."""
    query = select(_V.id).join(MODELS, MODELS.c.id == _V.model_id).where(MODELS.c.name == ref.model)
    match ref.selector:
        case Latest():
            query = query.where(*_RELEASED)
        case Exact(version):
            query = query.where(_V.major == version.major, _V.minor == version.minor, _V.patch == version.patch)
            query = query.where(_V.prerelease == (version.prerelease or ""))
        case Within(chosen):
            query = query.where(_V.status != VersionStatus.ARCHIVED.value, *(_bound(*bound) for bound in chosen.bounds))
            query = query if chosen.prereleases else query.where(_V.prerelease == "")
        case Number(number):
            query = query.where(_V.number == number)
        case Alias(alias):
            carries = (ALIASES.c.version_id == _V.id) & (ALIASES.c.name == alias)
            query = query.join(ALIASES, carries)
    found = connection.execute(query.order_by(_V.sort_key.desc()).limit(1)).scalar()
    if found is None:
        raise _not_found(connection, ref)
    return int(found)


def _bound(operator: str, key: str) -> ColumnElement[bool]:
    column = _V.sort_key
    bounds = {
        ">=": column >= key,
        ">": column > key,
        "<=": column <= key,
        "<": column < key,
        "!=": column != key,
    }
    return bounds.get(operator, column == key)


def _not_found(connection: Connection, ref: Ref) -> VersionNotFoundError:
    owner = model_id(connection, ref.model)
    newest = select(*_LISTED).where(_V.model_id == owner).order_by(_V.sort_key.desc()).limit(5)
    versions = [version_text(row) for row in connection.execute(newest)]
    aliases = list(connection.execute(select(ALIASES.c.name).where(ALIASES.c.model_id == owner)).scalars())
    choices = [*versions, *sorted(aliases)]
    return VersionNotFoundError(f"no version {ref}", f"Newest versions and aliases: {', '.join(choices)}.")


def detail(connection: Connection, version_id: int) -> VersionDetail:
    """One version with its config."""
    return infos(connection, _V.id == version_id, with_config=True)[0]


@overload
def infos(connection: Connection, where: ColumnElement[bool]) -> list[VersionInfo]: ...
@overload
def infos(connection: Connection, where: ColumnElement[bool], *, with_config: Literal[True]) -> list[VersionDetail]: ...
def infos(
    connection: Connection, where: ColumnElement[bool], *, with_config: bool = False
) -> list[VersionInfo] | list[VersionDetail]:
    """Versions for a condition on their table, highest first, in four queries."""
    artifacts: dict[int, list[Artifact]] = defaultdict(list)
    stored = select(ARTIFACTS, BLOBS.c.size_bytes).join(BLOBS, BLOBS.c.digest == ARTIFACTS.c.digest)
    stored = stored.join(VERSIONS, _V.id == ARTIFACTS.c.version_id).where(where).order_by(ARTIFACTS.c.path)
    for row in connection.execute(stored):
        artifacts[row.version_id].append(Artifact(row.path, ArtifactKind(row.kind), row.digest, row.size_bytes))
    aliases: dict[int, list[str]] = defaultdict(list)
    named = select(ALIASES.c.version_id, ALIASES.c.name).join(VERSIONS, _V.id == ALIASES.c.version_id)
    for row in connection.execute(named.where(where).order_by(ALIASES.c.name)):
        aliases[row.version_id].append(row.name)
    parents = _parents(connection, where)
    columns = [*_LISTED, _V.config] if with_config else _LISTED
    query = select(MODELS.c.name, *columns).join(VERSIONS, _V.model_id == MODELS.c.id).where(where)
    rows = connection.execute(query.order_by(MODELS.c.name, _V.sort_key.desc())).all()
    found = [_info(row, artifacts[row.id], aliases[row.id], parents[row.id]) for row in rows]
    if not with_config:
        return [VersionInfo(**values) for values in found]
    return [VersionDetail(**values, config=row.config) for row, values in zip(rows, found, strict=True)]


def _parents(connection: Connection, where: ColumnElement[bool]) -> dict[int, list[ParentLink]]:
    parent = VERSIONS.alias("parent")
    query = (
        select(LINEAGE.c.child_id, LINEAGE.c.relation, MODELS.c.name)
        .add_columns(parent.c.major, parent.c.minor, parent.c.patch, parent.c.prerelease)
        .join_from(LINEAGE, VERSIONS, _V.id == LINEAGE.c.child_id)
        .join(parent, parent.c.id == LINEAGE.c.parent_id)
        .join(MODELS, MODELS.c.id == parent.c.model_id)
        .where(where)
        .order_by(MODELS.c.name, parent.c.sort_key, LINEAGE.c.relation)
    )
    parents: dict[int, list[ParentLink]] = defaultdict(list)
    for row in connection.execute(query):
        parents[row.child_id].append(ParentLink(f"{row.name}@{version_text(row)}", Relation(row.relation)))
    return parents


def _info(
    row: AnyRow, artifacts: Sequence[Artifact], aliases: Sequence[str], parents: Sequence[ParentLink]
) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": version_text(row),
        "number": row.number,
        "status": VersionStatus(row.status),
        "aliases": list(aliases),
        "created_at": row.created_at,
        "created_by": row.created_by,
        "summary": row.summary,
        "run_id": row.run_id,
        "metrics": row.metrics,
        "digest": row.digest,
        "size_bytes": row.size_bytes,
        "artifacts": list(artifacts),
        "parents": list(parents),
        "signature": row.signature,
        "source": Source(row.git_commit, row.dirty),
        "bump": BumpRecord(**row.bump),
    }

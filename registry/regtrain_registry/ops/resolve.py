"""From names and refs to the ids of rows: one indexed query each."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from regtrain_registry import ops
from regtrain_registry.db.columns import OFFERED, RELEASED, AnyRow, V, version_text
from regtrain_registry.db.tables import ALIASES, MODELS
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.errors import ModelNotFoundError, VersionNotFoundError, nearest
from regtrain_registry.refs import Alias, Exact, Latest, Number, Ref, Within
from regtrain_registry.semver import Version

__all__ = ["model_id", "resolve", "row_of"]

# Statements are made at module level: to build one takes longer than to run it.
_MODEL = select(MODELS.c.id).where(MODELS.c.name == bindparam("model"))
_MODEL_NAMES = select(MODELS.c.name)
_OF_MODEL = select(V.id).join(MODELS, MODELS.c.id == V.model_id).where(MODELS.c.name == bindparam("model"))
_HIGHEST = _OF_MODEL.order_by(V.sort_key.desc()).limit(1)
_LATEST = _HIGHEST.where(*RELEASED)
_EXACT = _HIGHEST.where(*(V[part] == bindparam(part) for part in ("major", "minor", "patch", "prerelease")))
_NUMBER = _HIGHEST.where(V.number == bindparam("number"))
_ALIAS = (
    select(ALIASES.c.version_id)
    .join(MODELS, MODELS.c.id == ALIASES.c.model_id)
    .where(MODELS.c.name == bindparam("model"), ALIASES.c.name == bindparam("alias"))
)
_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
_NEWEST = (
    select(V.major, V.minor, V.patch, V.prerelease, V.status)
    .where(V.model_id == bindparam("owner"))
    .order_by(V.sort_key.desc())
    .limit(5)
)
_ALIASES = select(ALIASES.c.name).where(ALIASES.c.model_id == bindparam("owner"))


def model_id(connection: Connection, name: str) -> int:
    """The id of a model's row; `ModelNotFoundError` with the nearest names."""
    return int(row_of(connection, _MODEL, name)[0])


def row_of(connection: Connection, query: Select[Any], name: str) -> AnyRow:
    """The row of a query whose parameter `model` is the name of a model; the same error."""
    found = connection.execute(query, {"model": name}).first()
    if found is None:
        current = ops.rename.current_name(connection, name)
        if current is not None:
            return row_of(connection, query, current)
        names = sorted(connection.execute(_MODEL_NAMES).scalars())
        near = nearest(name, names) or names[:5]
        hint = f"There is {', '.join(near)}." if near else "Nothing is registered yet; run regtrain run CONFIG."
        raise ModelNotFoundError(f"no model {name!r}", hint)
    return found


def resolve(connection: Connection, ref: Ref) -> int:
    """The id of the version's row; `ModelNotFoundError` or `VersionNotFoundError` with what there is."""
    query, values = _LATEST, dict[str, Any]()
    match ref.selector:
        case Latest():
            pass
        case Exact(version):
            query = _EXACT
            values = {"major": version.major, "minor": version.minor, "patch": version.patch}
            values["prerelease"] = version.prerelease or ""
        case Within(chosen):
            query = _within(tuple(sign for sign, _ in chosen.bounds), chosen.prereleases)
            values = {f"bound_{place}": key for place, (_, key) in enumerate(chosen.bounds)}
        case Number(number):
            query, values = _NUMBER, {"number": number}
        case Alias(alias):
            query, values = _ALIAS, {"alias": alias}
    found = connection.execute(query, {"model": ref.model, **values}).scalar()
    if found is None and isinstance(ref.selector, Exact):
        found = _qualified(connection, ref.model, ref.selector.version)
    if found is None:
        current = ops.rename.current_name(connection, ref.model)
        if current is not None:
            return resolve(connection, Ref(current, ref.selector))
        raise _not_found(connection, ref)
    return int(found)


def _qualified(connection: Connection, model: str, version: Version) -> int | None:
    """The id of the version with this qualified name, which it answers to in every registry."""
    if "from-" not in (version.prerelease or ""):
        return None
    return ops.identity.qualified_id(connection, model, version)


@lru_cache(maxsize=64)
def _within(signs: tuple[str, ...], prereleases: bool) -> Select[int]:
    """The highest version between bounds, which are the parameters `bound_0`, `bound_1`…"""
    bounds = [_SIGNS[sign](V.sort_key, bindparam(f"bound_{place}")) for place, sign in enumerate(signs)]
    query = _HIGHEST.where(OFFERED, *bounds)
    return query if prereleases else query.where(V.prerelease == "")


def _not_found(connection: Connection, ref: Ref) -> VersionNotFoundError:
    owner = {"owner": model_id(connection, ref.model)}
    rows = connection.execute(_NEWEST, owner).all()
    aliases = sorted(connection.execute(_ALIASES, owner).scalars())
    named = ", ".join([*map(_with_status, rows), *aliases])
    if isinstance(ref.selector, Latest) and rows:
        return VersionNotFoundError(
            f"no version {ref}: all are archived, expired, collected or prereleases", f"Name one: {named}."
        )
    return VersionNotFoundError(f"no version {ref}", f"Newest versions and aliases: {named}.")


def _with_status(row: AnyRow) -> str:
    """The version, and why `latest` and ranges pass it by, if its status is why."""
    offered = row.status in (VersionStatus.READY, VersionStatus.DEPRECATED)
    return version_text(row) if offered else f"{version_text(row)} ({row.status})"

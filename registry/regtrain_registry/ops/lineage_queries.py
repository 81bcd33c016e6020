"""Lineage of versions and of data, and the differences of two versions, read from the rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, func, select

from regtrain_registry.db.columns import RECIPE, V, chunks, stored_recipe, version_text
from regtrain_registry.db.tables import MODELS, VERSIONS
from regtrain_registry.db.tables.lifecycle import MARKS
from regtrain_registry.db.tables.lineage import LINEAGE
from regtrain_registry.db.tables.search import DATA
from regtrain_registry.domain.differences import Differences, differences
from regtrain_registry.domain.lineage import (
    DataLineage,
    Lineage,
    LineageVersion,
    Link,
    graph,
    reach,
    spread,
    trained_on,
)
from regtrain_registry.domain.recipe import Recipe
from regtrain_registry.domain.records import VersionDetail, VersionStatus
from regtrain_registry.errors import DigestSyntaxError
from regtrain_registry.ops.read import detail
from regtrain_registry.ops.resolve import resolve
from regtrain_registry.refs import Ref
from regtrain_registry.store.blob import ALGORITHM
from regtrain_registry.validation import check_text

__all__ = ["ancestors", "check_digest", "compare", "lineage", "versions_trained_on"]

MAX_DIGEST = 190
MIN_DIGITS = 8  # of a digest that is not whole

_IDS: BindParameter[Sequence[int]] = bindparam("ids", expanding=True)
_LINKS = select(LINEAGE.c.child_id, LINEAGE.c.parent_id, LINEAGE.c.relation)
_TO_PARENTS = _LINKS.where(LINEAGE.c.child_id.in_(_IDS))
_TO_CHILDREN = _LINKS.where(LINEAGE.c.parent_id.in_(_IDS))
_NODES = (
    select(V.id, MODELS.c.name, V.major, V.minor, V.patch, V.prerelease, V.number, V.created_at, V.run_id)
    .add_columns(V.metrics)
    .join_from(VERSIONS, MODELS, MODELS.c.id == V.model_id)
    .where(V.id.in_(_IDS))
)
_DEPRECATIONS = (
    select(MODELS.c.name, V.major, V.minor, V.patch, V.prerelease, V.status, MARKS.c.deprecation)
    .join_from(VERSIONS, MODELS, MODELS.c.id == V.model_id)
    .outerjoin(MARKS, MARKS.c.version_id == V.id)
    .where(V.id.in_(_IDS))
)
_DATA = select(DATA.c.version_id, DATA.c.name, DATA.c.digest).order_by(DATA.c.version_id, DATA.c.name)
_BEGINS = re.compile(rf"([a-z0-9+_-]+:)?([0-9a-fA-F]{{{MIN_DIGITS},}})")
_RECIPE = select(*RECIPE).where(V.id == bindparam("id"))


def lineage(connection: Connection, ref: Ref, down: bool) -> Lineage:
    """The version with its ancestors or descendants: one query a generation.

    Not one recursive query: MySQL refuses those after a thousand rounds, and MariaDB silently leaves out the rest.
    """
    version_id, query = resolve(connection, ref), _TO_CHILDREN if down else _TO_PARENTS

    def links_of(ids: Sequence[int]) -> Iterator[Link]:
        for some in chunks(ids):
            rows = connection.execute(query, {"ids": some})
            yield from ((row.child_id, row.parent_id, row.relation) for row in rows)

    links = reach(version_id, links_of, down)
    ids = {version_id}.union(*(link[:2] for link in links))
    return graph(version_id, dict(_versions(connection, sorted(ids))), links, down)


def check_digest(digest: str) -> str:
    """The text itself, when it can be a digest of data; `DigestSyntaxError`."""
    text = check_text("digest", digest).strip()
    digits = text.rpartition(":")[2]
    if len(digits) < MIN_DIGITS or len(text) > MAX_DIGEST or not text.isprintable():
        raise DigestSyntaxError(
            f"{text[:80]!r} is no digest of data, and not the beginning of one",
            f"Give at least {MIN_DIGITS} digits, e.g. of what sha256sum prints for the file.",
        )
    return text


def versions_trained_on(connection: Connection, digest: str) -> DataLineage:
    """Every version that was trained on data, itself or through its parents. digest: as recorded, or its beginning."""
    direct: dict[int, dict[str, str]] = {}
    for row in connection.execute(_with_data(digest)):
        direct.setdefault(row.version_id, {})[row.name] = row.digest

    def links_of(ids: Sequence[int]) -> Iterator[Link]:
        for some in chunks(ids):
            rows = connection.execute(_TO_CHILDREN, {"ids": some})
            yield from ((row.child_id, row.parent_id, row.relation) for row in rows)

    links = spread(direct, links_of, down=True)
    ids = set(direct).union(*(link[:2] for link in links))
    return trained_on(digest, direct, dict(_versions(connection, sorted(ids))), links)


def _with_data(digest: str) -> Select[Any]:
    """A range that an index knows, and then the beginning letter by letter: in some orders of text signs count for
    nothing, while digits and a to f come before g in all of them."""
    begins = _BEGINS.fullmatch(digest)
    if begins is None:
        return _DATA.where(DATA.c.digest == digest)
    start = (begins[1] or f"{ALGORITHM}:") + begins[2].lower()
    exact = func.substr(DATA.c.digest, 1, len(start)) == start
    return _DATA.where(DATA.c.digest >= start, DATA.c.digest < f"{start}g", exact)


def ancestors(connection: Connection, version_id: int) -> dict[str, str | None]:
    """Every ancestor of a version, as `NAME@VERSION` → the reason of its deprecation, or None.

    Whatever the status is now: a version that was archived, expired or collected is as bad as it was.
    """

    def links_of(ids: Sequence[int]) -> Iterator[Link]:
        for some in chunks(ids):
            yield from ((r.child_id, r.parent_id, r.relation) for r in connection.execute(_TO_PARENTS, {"ids": some}))

    ids = {link[1] for link in reach(version_id, links_of)}
    found: dict[str, str | None] = {}
    for some in chunks(sorted(ids)):
        for row in connection.execute(_DEPRECATIONS, {"ids": some}):
            reason = "" if row.deprecation is None and row.status == VersionStatus.DEPRECATED.value else row.deprecation
            found[f"{row.name}@{version_text(row)}"] = reason
    return found


def _versions(connection: Connection, ids: Sequence[int]) -> Iterator[tuple[int, LineageVersion]]:
    for some in chunks(ids):
        for row in connection.execute(_NODES, {"ids": some}):
            ref = f"{row.name}@{version_text(row)}"
            yield row.id, LineageVersion(ref, row.number, row.created_at, row.run_id, row.metrics)


def compare(connection: Connection, old: Ref, new: Ref) -> Differences:
    """The differences of two versions."""
    before, after = resolve(connection, old), resolve(connection, new)
    return differences(_with_recipe(connection, before), _with_recipe(connection, after))


def _with_recipe(connection: Connection, version_id: int) -> tuple[VersionDetail, Recipe]:
    row = connection.execute(_RECIPE, {"id": version_id}).one()
    return detail(connection, version_id), stored_recipe(row)

"""Whether a version, or what it was copied or compressed from, was imported from another registry."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from regtrain_registry.db.columns import V, chunks, stored_recipe
from regtrain_registry.db.tables import VERSIONS
from regtrain_registry.db.tables.lifecycle import ORIGINS
from regtrain_registry.db.tables.lineage import LINEAGE
from regtrain_registry.domain.recipe import Recipe
from regtrain_registry.domain.records import Relation
from regtrain_registry.ops.resolve import resolve
from regtrain_registry.refs import Ref

__all__ = ["foreign_origin", "recipe"]

# A version of these relations has the files of its parent, the code among them.
SAME_CODE = (Relation.COPIED_FROM.value, Relation.COMPRESSED_FROM.value)

_ORIGINS = select(ORIGINS.c.registry_uid, ORIGINS.c.model, ORIGINS.c.version).where(
    ORIGINS.c.version_id.in_(bindparam("ids", expanding=True))
)
_SOURCES = select(LINEAGE.c.parent_id).where(
    LINEAGE.c.child_id.in_(bindparam("ids", expanding=True)), LINEAGE.c.relation.in_(SAME_CODE)
)
_ROW = select(VERSIONS).where(V.id == bindparam("version"))


def foreign_origin(connection: Connection, ref: Ref) -> str | None:
    """Where the files of a version came from, `NAME@VERSION of registry UID`; None where they were registered here."""
    waiting, seen = {resolve(connection, ref)}, set[int]()
    while waiting:
        seen |= waiting
        for some in chunks(sorted(waiting)):
            found = connection.execute(_ORIGINS, {"ids": some}).first()
            if found is not None:
                return f"{found.model}@{found.version} of registry {found.registry_uid}"
        parents: set[int] = set()
        for some in chunks(sorted(waiting)):
            parents |= set(connection.execute(_SOURCES, {"ids": some}).scalars())
        waiting = parents - seen
    return None


def recipe(connection: Connection, ref: Ref) -> Recipe:
    """The recipe of a version as it was registered."""
    return stored_recipe(connection.execute(_ROW, {"version": resolve(connection, ref)}).one())

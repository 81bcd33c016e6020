"""The registered versions that a run starts from: while it can go on, they stay."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert

from regtrain_registry.db.tables.lifecycle import RUN_INPUTS
from regtrain_registry.domain.records import ParentLink, Relation
from regtrain_registry.ops.blobs import share_store
from regtrain_registry.ops.resolve import find
from regtrain_registry.refs import Ref, parse_ref
from regtrain_registry.validation import chosen

__all__ = ["check", "record"]


def check(inputs: Sequence[ParentLink]) -> list[tuple[Ref, Relation]]:
    """The links as values; `RefSyntaxError`, `ArgumentError`."""
    return [(parse_ref(link.ref), chosen("relation", link.relation, Relation)) for link in inputs]


def record(connection: Connection, run_id: str, inputs: Sequence[tuple[Ref, Relation]]) -> None:
    """Insert the inputs of a run; `ModelNotFoundError` or `VersionNotFoundError`."""
    share_store(connection)  # no version expires while it becomes an input
    found = sorted({(find(connection, ref), relation.value) for ref, relation in inputs})
    rows = [{"run_id": run_id, "version_id": version, "relation": relation} for version, relation in found]
    connection.execute(insert(RUN_INPUTS), rows)

"""The registered versions that a run starts from, which are kept while it can be resumed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert

from regtrain_registry.db.tables.lifecycle import RUN_INPUTS
from regtrain_registry.domain.records import ParentLink, Relation
from regtrain_registry.ops.blobs import share_store
from regtrain_registry.ops.resolve import resolve
from regtrain_registry.refs import parse_ref
from regtrain_registry.validation import parse_enum

__all__ = ["record"]


def record(connection: Connection, run_id: str, inputs: Sequence[ParentLink]) -> None:
    """Insert the inputs of a run; `RefSyntaxError`, `ArgumentError`, `ModelNotFoundError`, `VersionNotFoundError`."""
    links = [(parse_ref(link.ref), parse_enum("relation", link.relation, Relation)) for link in inputs]
    share_store(connection)  # no version expires while it becomes an input
    found = sorted({(resolve(connection, ref), relation.value) for ref, relation in links})
    rows = [{"run_id": run_id, "version_id": version, "relation": relation} for version, relation in found]
    connection.execute(insert(RUN_INPUTS), rows)

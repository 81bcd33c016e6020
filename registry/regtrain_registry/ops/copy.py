"""Copying a version to another model: rows alone, because the files are in the store already."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, literal, select
from sqlalchemy.sql.selectable import FromClause

from regtrain_registry.db.columns import V, new_id, stored_recipe, version_of
from regtrain_registry.db.tables import VERSIONS
from regtrain_registry.db.tables.blobs import ARTIFACTS
from regtrain_registry.db.tables.lifecycle import TAGS
from regtrain_registry.db.tables.lineage import LINEAGE
from regtrain_registry.db.tables.search import DATA, METRICS, VERSION_PARAMS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.records import Registration, Relation, VersionDetail, VersionStatus
from regtrain_registry.domain.registration import CheckedRegistration
from regtrain_registry.ops.blobs import share_store
from regtrain_registry.ops.context import Context
from regtrain_registry.ops.read import check_available, detail
from regtrain_registry.ops.reserved_number import reserve_number
from regtrain_registry.ops.resolve import resolve
from regtrain_registry.ops.version_number import choose_version
from regtrain_registry.refs import Ref
from regtrain_registry.semver import Version, sort_key

__all__ = ["copy"]

_ROW = select(VERSIONS).where(V.id == bindparam("version"))
# What a version has by its id, and a copy has too. Aliases, stages, pins, exports and signatures stay with the source.
_COPIED: tuple[FromClause, ...] = (ARTIFACTS, METRICS, VERSION_PARAMS, DATA, TAGS)


def copy(context: Context, ref: Ref, model: str) -> VersionDetail:
    """Make a version of another model, or of the same one, with the files and the record of this version.

    In a new model it keeps its semantic version; in one that exists the version is decided as for a registration.
    `VersionCollectedError` or `StatusError` for a collected or expired version.
    """
    connection = context.connection
    share_store(connection)  # no collection takes the files meanwhile
    target = reserve_number(context, model)
    source_id = resolve(connection, ref)
    source = detail(connection, source_id)
    check_available(source)
    row = connection.execute(_ROW, {"version": source_id}).one()
    wanted = version_of(row) if target.number == 1 else None
    request = _request(target.log.model, row, wanted)
    version, bump = choose_version(connection, request, target.model_id, set())
    values = row._asdict() | {
        "model_id": target.model_id,
        "number": target.number,
        "major": version.major,
        "minor": version.minor,
        "patch": version.patch,
        "prerelease": version.prerelease or "",
        "sort_key": sort_key(version),
        "status": VersionStatus.READY.value,
        "created_at": context.now,
        "created_by": context.actor.name[:255],
        "idempotency_key": None,
        "bump": bump.to_json(),
    }
    del values["id"]
    copy_id = new_id(connection.execute(insert(VERSIONS), values))
    _copy_rows(connection, source_id, copy_id)
    edge = {"child_id": copy_id, "parent_id": source_id, "relation": Relation.COPIED_FROM.value}
    connection.execute(insert(LINEAGE), edge)
    facts = {"number": target.number, "digest": row.digest, "bump": bump.kind, "forced": bump.forced}
    target.log_version(EventKind.REGISTERED, str(version), facts | {"copied_from": source.ref})
    return detail(connection, copy_id)


def _request(model: str, row: Any, wanted: Version | None) -> CheckedRegistration:
    recipe = stored_recipe(row)
    return CheckedRegistration(Registration(model, ()), wanted, (), row.config, recipe, row.metrics)


def _copy_rows(connection: Connection, source_id: int, copy_id: int) -> None:
    for table in _COPIED:
        assert isinstance(table, Table)
        columns = [literal(copy_id) if column.name == "version_id" else column for column in table.columns]
        rows = select(*columns).where(table.c.version_id == source_id)
        connection.execute(insert(table).from_select([column.name for column in table.columns], rows))

"""Exports of a version to other formats, and whether each was found to compute the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from regtrain_registry.db.engine import Database
from regtrain_registry.db.tables.lifecycle import EXPORTS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.records import VersionDetail
from regtrain_registry.errors import BlobMissingError
from regtrain_registry.json_values import json_safe
from regtrain_registry.ops.blobs import record, share_store
from regtrain_registry.ops.context import Actor, Context
from regtrain_registry.ops.locked_version import LockedVersion, lock_version
from regtrain_registry.ops.read import check_available, detail, show
from regtrain_registry.refs import Ref, parse_ref
from regtrain_registry.store.blob import SourceFile, Stored
from regtrain_registry.store.store import Store

__all__ = ["record_export"]

_ONE = (EXPORTS.c.version_id == bindparam("version"), EXPORTS.c.format == bindparam("name"))
_RECORDED = select(EXPORTS.c.format).where(*_ONE)


def record_export(
    database: Database,
    open_store: Callable[[], Store],
    actor: Actor,
    ref: Ref,
    format: str,
    file: Path | None,
    passed: bool,
    report: Mapping[str, Any],
) -> VersionDetail:
    """Store the file of an export and record it, in place of an earlier export to the same format."""
    # Before anything is stored, and which version it is: `latest` may be another one when it is recorded.
    version = database.read(lambda connection: show(connection, ref))
    check_available(version)
    offered = [] if file is None else [SourceFile(file)]
    stored = open_store().put(offered) if offered else []
    exact = parse_ref(version.ref)

    def write(connection: Any) -> VersionDetail:
        context = Context(connection, open_store, actor)
        share_store(connection)
        locked = lock_version(context, exact)
        check_available(detail(connection, locked.id))
        try:
            _record(locked, format, stored, passed, report)
        except BlobMissingError:
            # Collected since it was stored. While the registry's row is locked, no collection runs.
            _record(locked, format, context.store.put(offered), passed, report)
        return detail(connection, locked.id)

    return database.write(write)


def _record(locked: LockedVersion, format: str, stored: list[Stored], passed: bool, report: Mapping[str, Any]) -> None:
    connection, now = locked.connection, locked.context.now
    if stored:
        record(connection, stored, locked.context.store, now)
    digest = stored[0].blob.digest if stored else None
    values = {"passed": passed, "digest": digest, "created_at": now, "report": json_safe(report), "unverified": False}
    keys = {"version": locked.id, "name": format}
    if connection.execute(_RECORDED, keys).first() is None:
        connection.execute(insert(EXPORTS), {"version_id": locked.id, "format": format, **values})
    else:
        connection.execute(update(EXPORTS).where(*_ONE).values(**values), keys)
    locked.log_event(EventKind.EXPORTED, {"format": format, "passed": passed, "digest": digest})

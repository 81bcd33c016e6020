"""A version of an archive as rows of this registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from regtrain_registry.archives.manifest import ArchivedRun, ArchivedVersion
from regtrain_registry.db.tables.blobs import ARTIFACTS, BLOBS
from regtrain_registry.db.tables.lifecycle import EXPORTS, MARKS, ORIGINS, SIGNATURES, TAGS
from regtrain_registry.db.tables.lineage import LINEAGE, RUNS
from regtrain_registry.domain.identities import Identity, qualified_version
from regtrain_registry.domain.records import Relation, VersionStatus
from regtrain_registry.domain.run_records import RunStatus
from regtrain_registry.errors import ConflictError
from regtrain_registry.json_values import json_safe
from regtrain_registry.ops.blobs import record
from regtrain_registry.ops.context import Context
from regtrain_registry.ops.identity import local_id
from regtrain_registry.ops.read import detail
from regtrain_registry.ops.reserved_number import ReservedNumber
from regtrain_registry.semver import Version, sort_key
from regtrain_registry.store.blob import Stored

__all__ = ["insert_attached", "insert_run", "name_successor", "record_files", "version_row"]

_KNOWN_BLOB = select(BLOBS.c.digest).where(BLOBS.c.digest == bindparam("digest"))
_KNOWN_RUN = select(RUNS.c.started_at).where(RUNS.c.id == bindparam("run"))
_WAITING = select(MARKS.c.version_id).where(MARKS.c.successor == bindparam("pending"))
_NAME = (
    update(MARKS)
    .where(MARKS.c.version_id == bindparam("version"), MARKS.c.successor == bindparam("pending"))
    .values(successor=bindparam("ref"))
)


def version_row(version: ArchivedVersion, run_id: str | None, name: Version, model: ReservedNumber) -> dict[str, Any]:
    """The row of a version that is called `name` here."""
    status = version.status if version.complete else VersionStatus.COLLECTED
    return {
        "model_id": model.model_id,
        "number": model.number,
        "major": name.major,
        "minor": name.minor,
        "patch": name.patch,
        "prerelease": name.prerelease or "",
        "sort_key": sort_key(name),
        "status": status.value,
        "run_id": run_id,
        "digest": version.digest,
        "size_bytes": sum(file.size_bytes for file in version.files),
        "created_at": version.created_at,
        "created_by": version.created_by,
        "git_commit": version.git_commit,
        "dirty": version.dirty,
        "idempotency_key": None,
        "summary": version.summary,
        "bump": version.bump.model_dump(),
        "metrics": json_safe(version.metrics),
        "signature": json_safe(version.signature),
        "config": json_safe(version.config),
        "recipe": json_safe(version.recipe.model_dump()),
    }


def record_files(context: Context, version: ArchivedVersion, stored: Mapping[str, Stored]) -> None:
    """Rows of the version's blobs: as they were stored, or as collected ones where the archive has no files of it."""
    connection, now = context.connection, context.now
    if version.complete:
        ours = [stored[digest] for digest in sorted({digest for digest, _ in version.blobs()})]
        record(connection, ours, context.store, now)
        return
    for digest, size in sorted(set(version.blobs())):
        if connection.execute(_KNOWN_BLOB, {"digest": digest}).first() is None:
            row = {"digest": digest, "size_bytes": size or 0, "created_at": now, "composed": False}
            connection.execute(insert(BLOBS), row | {"collected_at": now})


def insert_run(connection: Connection, run: ArchivedRun, registry: str) -> str:
    """Insert the run unless it is here; its id here. A run that shares an id with another one gets its home's uid
    behind it."""
    elsewhere = f"{run.id[:51]}-{registry.replace('-', '')[:12]}"
    for name in (run.id, elsewhere):
        started = connection.execute(_KNOWN_RUN, {"run": name}).scalar()
        if started == run.started_at:
            return name
        if started is None:
            break
    else:
        raise ConflictError(f"two runs are called {elsewhere!r}", "Nothing changed.")
    row = run.model_dump() | {"id": name, "run_dir": f"{registry}:{run.run_dir}"[:700], "pid": None}
    if run.status == RunStatus.RUNNING.value:  # whether it still does is not to be found out from here
        row["status"] = RunStatus.INTERRUPTED.value
    connection.execute(
        insert(RUNS), {key: json_safe(value) if isinstance(value, dict) else value for key, value in row.items()}
    )
    return name


def insert_attached(
    connection: Connection,
    version: ArchivedVersion,
    version_id: int,
    parents: Iterable[tuple[int, Relation]],
    now: datetime,
) -> None:
    """Parents, files, exports, tags, status, origin and signatures. Exports and signatures are unverified."""
    own, home = {"version_id": version_id}, version.home
    _insert_all(
        connection,
        LINEAGE,
        [{"child_id": version_id, "parent_id": parent, "relation": relation.value} for parent, relation in parents],
    )
    files = [own | {"path": f.path, "kind": f.kind.value, "digest": f.digest} for f in version.files]
    _insert_all(connection, ARTIFACTS, files)
    exports = [
        own
        | {name: getattr(one, name) for name in ("format", "passed", "created_at")}
        | {"digest": one.digest if version.complete else None, "report": json_safe(one.report), "unverified": True}
        for one in version.exports
    ]
    _insert_all(connection, EXPORTS, exports)
    _insert_all(connection, TAGS, [own | {"name": name, "value": value} for name, value in version.tags.items()])
    if not version.complete or version.status is not VersionStatus.READY or version.deprecation is not None:
        _insert_all(connection, MARKS, [own | _marks(connection, version, now)])
    origin = {"registry_uid": home.registry, "model": home.model, "version": home.version, "number": home.number}
    _insert_all(connection, ORIGINS, [own | origin])
    _insert_all(connection, SIGNATURES, [own | one.model_dump() | {"unverified": True} for one in version.signatures])


def _marks(connection: Connection, version: ArchivedVersion, now: datetime) -> dict[str, Any]:
    deprecation = version.deprecation
    if deprecation is None and version.status is VersionStatus.DEPRECATED:
        deprecation = version.reason or ""
    return {
        "pinned": False,
        "status_before": (VersionStatus.READY if version.complete else version.status).value,
        "status_at": now,
        "status_reason": version.reason if version.complete else "imported without its files",
        "deprecation": deprecation,
        "successor": _successor(connection, version),
    }


def _successor(connection: Connection, version: ArchivedVersion) -> str | None:
    """The name of the successor here; while it is not here, the name that it has in every registry."""
    if version.successor is None:
        return None
    found = local_id(connection, version.successor.identity)
    return _qualified_ref(version.successor.identity) if found is None else detail(connection, found).ref


def name_successor(connection: Connection, home: Identity, ref: str) -> None:
    """Call a version by its name here wherever it was named as a successor before it came.

    Each row changes only from the one name to the other, so that no lock on the other model is needed.
    """
    pending = _qualified_ref(home)
    for waiting in connection.execute(_WAITING, {"pending": pending}).scalars().all():
        connection.execute(_NAME, {"version": waiting, "pending": pending, "ref": ref})


def _qualified_ref(home: Identity) -> str:
    return f"{home.model}@{qualified_version(home)}"


def _insert_all(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)

"""Registering a version: everything that is decided and inserted inside the one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from regtrain_registry import ops
from regtrain_registry.db.columns import V, new_id
from regtrain_registry.db.engine import Database
from regtrain_registry.db.tables import VERSIONS
from regtrain_registry.db.tables.blobs import ARTIFACTS
from regtrain_registry.db.tables.lineage import LINEAGE, RUNS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.records import (
    Artifact,
    ArtifactKind,
    BumpRecord,
    FileToStore,
    Registration,
    VersionInfo,
    VersionStatus,
)
from regtrain_registry.domain.registration import CheckedRegistration, check_registration, digest_of
from regtrain_registry.errors import (
    BlobMissingError,
    IdempotencyError,
    RunNotFoundError,
    StatusError,
    VersionCollectedError,
)
from regtrain_registry.json_values import as_text
from regtrain_registry.ops.blobs import record, share_store, source_file
from regtrain_registry.ops.chunks import find_tensors
from regtrain_registry.ops.context import Actor, Context
from regtrain_registry.ops.read import Related, StoredVersion, detail, parents, version_info, with_config
from regtrain_registry.ops.reserved_number import reserve_number
from regtrain_registry.ops.resolve import resolve
from regtrain_registry.ops.search_index import index
from regtrain_registry.ops.version_number import choose_version
from regtrain_registry.semver import Version, sort_key
from regtrain_registry.store.blob import Blob, Range, Stored
from regtrain_registry.store.store import Store

__all__ = ["register"]

# Statements are made at module level: to build one takes longer than to run it.
_BY_KEY = select(V.id).where(V.idempotency_key == bindparam("key"))
_RUN = select(RUNS.c.id).where(RUNS.c.id == bindparam("run"))
_INSERT, _INSERT_ARTIFACTS, _INSERT_LINEAGE = insert(VERSIONS), insert(ARTIFACTS), insert(LINEAGE)


def register(
    database: Database, open_store: Callable[[], Store], actor: Actor, registration: Registration
) -> VersionInfo:
    """Store the files, then insert the version in one transaction; on any error nothing is registered."""
    request = check_registration(registration)
    files = [source_file(file) for file in registration.files]

    def find(digests: Sequence[str]) -> Mapping[str, Range]:
        return database.read(lambda connection: find_tensors(connection, digests))

    stored = open_store().put(files, find) if files else []

    def write(connection: Connection) -> VersionInfo:
        context = Context(connection, open_store, actor)
        try:
            return _insert_version(context, request, stored)
        except BlobMissingError:
            # Collected since it was stored. While the registry's row is locked, no collection runs.
            return _insert_version(context, request, open_store().put(files))

    return database.write(write)


def _insert_version(context: Context, request: CheckedRegistration, stored: Sequence[Stored]) -> VersionInfo:
    """Insert the version and all that belongs to it."""
    connection, registration = context.connection, request.registration
    before = _registered_before(connection, registration)
    if before is not None:
        return before
    share_store(connection)
    model = reserve_number(context, registration.model)
    if registration.run_id is not None:
        _check_run(connection, registration.run_id)
    # Parents first: `latest` must not be the version that is being made.
    edges = {(resolve(connection, ref), relation) for ref, relation in request.parents}
    version, bump = choose_version(connection, request, model.model_id, edges)
    blobs = [one.blob for one in stored]
    if stored:
        record(connection, stored, context.store, context.now)
    keys = {"model_id": model.model_id, "number": model.number, "created_at": context.now}
    row = _version_row(request, version, bump, blobs, context.actor.name) | keys
    version_id = new_id(connection.execute(_INSERT, row))
    artifacts = _insert_artifacts(connection, version_id, registration.files, blobs)
    index(connection, version_id, request.metrics, request.config, request.recipe.data)
    if edges:
        rows = [{"child_id": version_id, "parent_id": parent, "relation": kind.value} for parent, kind in sorted(edges)]
        connection.execute(_INSERT_LINEAGE, rows)
    facts = {"number": model.number, "digest": row["digest"], "bump": bump.kind, "forced": bump.forced}
    model.log_version(EventKind.REGISTERED, str(version), facts)
    # What was just written is not read again, except for the names of the parents.
    made = row | {"id": version_id, "name": model.log.model}
    columns = StoredVersion(**{field: made[field] for field in StoredVersion._fields})
    links = parents(connection, version_id) if edges else []
    return with_config(version_info(columns, Related(artifacts=artifacts, parents=links)), request.config)


def _registered_before(connection: Connection, registration: Registration) -> VersionInfo | None:
    """The version that this registration made, if its answer was lost; an error if that is not to be had any more."""
    if registration.idempotency_key is None:
        return None
    found = connection.execute(_BY_KEY, {"key": registration.idempotency_key}).scalar()
    if found is None:
        return None
    version = detail(connection, found)
    if version.name not in (registration.model, ops.rename.current_name(connection, registration.model)):
        raise IdempotencyError(
            f"the key of this registration made {version.ref}, not a version of {registration.model}",
            "Use one key for one registration.",
        )
    if version.status is VersionStatus.EXPIRED:
        raise StatusError(
            f"this is {version.ref}, which is expired", f"Bring it back: regtrain models restore {version.ref}."
        )
    if version.status is VersionStatus.COLLECTED:
        raise VersionCollectedError(
            f"this is {version.ref}, whose files were collected",
            "Register it as a version of its own: --version X.Y.Z.",
        )
    return version


def _check_run(connection: Connection, run_id: str) -> None:
    if connection.execute(_RUN, {"run": run_id}).scalar() is None:
        raise RunNotFoundError(f"no run {run_id!r}", "Record the run before its version.")


def _insert_artifacts(
    connection: Connection, version_id: int, files: Sequence[FileToStore], blobs: Sequence[Blob]
) -> list[Artifact]:
    """Insert the version's files; by name."""
    artifacts = [
        Artifact(file.name, ArtifactKind(file.kind), blob.digest, blob.size_bytes)
        for file, blob in zip(files, blobs, strict=True)
    ]
    if not artifacts:
        return []
    rows = [{"version_id": version_id, "path": a.path, "kind": a.kind.value, "digest": a.digest} for a in artifacts]
    connection.execute(_INSERT_ARTIFACTS, rows)
    return sorted(artifacts, key=attrgetter("path"))


def _version_row(
    request: CheckedRegistration, version: Version, bump: BumpRecord, blobs: Sequence[Blob], creator: str
) -> dict[str, Any]:
    registration, recipe = request.registration, request.recipe
    stored = {"config": None if recipe.config == request.config else recipe.config}
    return {
        "major": version.major,
        "minor": version.minor,
        "patch": version.patch,
        "prerelease": version.prerelease or "",
        "sort_key": sort_key(version),
        "status": VersionStatus.READY.value,
        "run_id": registration.run_id,
        "digest": digest_of(_named(registration.files, blobs)),
        "size_bytes": sum(blob.size_bytes for blob in blobs),
        "created_by": (as_text(registration.created_by) or creator)[:255],
        "git_commit": registration.source.git_commit,
        "dirty": registration.source.dirty,
        "idempotency_key": registration.idempotency_key,
        "summary": as_text(registration.summary),
        "bump": bump.to_json(),
        "metrics": request.metrics,
        "signature": recipe.signature,
        "config": request.config,
        "recipe": stored
        | {"data": recipe.data, "code": recipe.code, "state": recipe.state, "not_learned": sorted(recipe.not_learned)},
    }


def _named(files: Sequence[FileToStore], blobs: Sequence[Blob]) -> Iterator[tuple[str, ArtifactKind, str]]:
    return ((f.name, ArtifactKind(f.kind), blob.digest) for f, blob in zip(files, blobs, strict=True))

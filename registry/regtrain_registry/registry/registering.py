"""How a version comes to be: everything that is decided and inserted inside the one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, CursorResult, bindparam, insert, select, update

from regtrain_registry.blobs import Blob, Store
from regtrain_registry.errors import (
    BlobMissingError,
    IdempotencyError,
    NameNotAllowedError,
    RunNotFoundError,
    VersionTakenError,
)
from regtrain_registry.json_values import as_text, fitting, json_safe
from regtrain_registry.recipe import Decision, Recipe, decide
from regtrain_registry.records import (
    Artifact,
    ArtifactKind,
    BumpRecord,
    FileToStore,
    Registration,
    Relation,
    VersionInfo,
    VersionStatus,
)
from regtrain_registry.refs import Ref, check_artifact_name, check_name, parse_ref
from regtrain_registry.registry.columns import RECIPE, AnyRow, V, stored_recipe, version_text
from regtrain_registry.registry.finding import find
from regtrain_registry.registry.versions import StoredVersion, detail, parents, version_info, with_config
from regtrain_registry.semver import FIRST, Bump, Version, next_free, next_version, parse_version, sort_key
from regtrain_registry.tables import ARTIFACTS, BLOBS, LINEAGE, MODELS, RUNS, VERSIONS

__all__ = ["Request", "check", "register"]

# Statements stand at module level: to build one takes longer than to run it.
_MODEL = MODELS.c.name == bindparam("model")
_COUNT = update(MODELS).where(_MODEL).values(next_number=MODELS.c.next_number + 1)
_COUNTED = select(MODELS.c.id, MODELS.c.next_number).where(_MODEL)
_BY_KEY = select(V.id).where(V.idempotency_key == bindparam("key"))
_RUN = select(RUNS.c.id).where(RUNS.c.id == bindparam("run"))
_HIGHEST = (
    select(V.major, V.minor, V.patch, V.prerelease, *RECIPE)
    .where(V.model_id == bindparam("owner"))
    .order_by(V.sort_key.desc())
    .limit(1)
)
_TAKEN = select(V.number, V.major, V.minor, V.patch, V.prerelease).where(V.model_id == bindparam("owner"))
_KNOWN_BLOBS = select(BLOBS.c.digest).where(BLOBS.c.digest.in_(bindparam("digests", expanding=True)))


@dataclass(frozen=True, slots=True)
class Request:
    """A registration whose every name and number was checked."""

    registration: Registration
    wanted: Version | None
    parents: tuple[tuple[Ref, Relation], ...]
    config: dict[str, Any]
    recipe: Recipe
    metrics: dict[str, Any]


def check(registration: Registration) -> Request:
    """Refuse what cannot be registered before anything is stored; pure."""
    check_name(registration.model)
    _check_files(registration.files)
    registration = replace(
        registration,
        run_id=fitting("id of the run", registration.run_id, 64),
        idempotency_key=fitting("idempotency key", registration.idempotency_key, 128),
        source=replace(registration.source, git_commit=fitting("commit", registration.source.git_commit, 64)),
    )
    recipe, shown = registration.recipe, registration.config
    config = json_safe(recipe.config)
    parts = (json_safe(part) for part in (recipe.data, recipe.code, recipe.signature, recipe.state))
    return Request(
        registration=registration,
        wanted=None if registration.version is None else parse_version(registration.version),
        parents=tuple((parse_ref(parent.ref), Relation(parent.relation)) for parent in registration.parents),
        config=json_safe(shown) if shown and shown is not recipe.config else config,
        recipe=Recipe(config, *parts),
        metrics=json_safe(registration.metrics),
    )


def _check_files(files: Sequence[FileToStore]) -> None:
    """Names must be distinct in any letter case, and none a folder of another: they are unpacked together."""
    seen: set[str] = set()
    for file in files:
        name = check_artifact_name(file.name).lower()
        if name in seen:
            raise NameNotAllowedError(f"two files are called {file.name!r}", "Give each its own name.")
        seen.add(name)
    for name in seen:
        parts = name.split("/")
        folder = next((f for n in range(1, len(parts)) if (f := "/".join(parts[:n])) in seen), None)
        if folder is not None:
            raise NameNotAllowedError(f"{folder!r} is both a file and a folder", "Give the file another name.")


def register(
    connection: Connection, request: Request, blobs: Sequence[Blob], store: Store, now: datetime
) -> VersionInfo:
    """Insert the version and all that belongs to it. The caller's transaction holds the write lock."""
    registration = request.registration
    before = _registered_before(connection, registration)
    if before is not None:
        return before
    model_id, number = _count(connection, registration.model, now)
    if registration.run_id is not None:
        _check_run(connection, registration.run_id)
    previous = connection.execute(_HIGHEST, {"owner": model_id}).first()
    version, bump = _choose(connection, request, model_id, previous)
    absent = store.missing(blobs)
    if absent:
        raise BlobMissingError(f"blob {absent[0].digest} left the store while registering", "Register again.")
    # Parents first: `latest` must not be the version that is being made.
    edges = {(find(connection, ref), relation) for ref, relation in request.parents}
    row = _version_row(request, version, bump, blobs) | {"model_id": model_id, "number": number, "created_at": now}
    version_id = _new_id(connection.execute(insert(VERSIONS), row))
    artifacts = _insert_artifacts(connection, version_id, registration.files, blobs, now)
    if edges:
        rows = [{"child_id": version_id, "parent_id": parent, "relation": kind.value} for parent, kind in sorted(edges)]
        connection.execute(insert(LINEAGE), rows)
    # What was just written is not read again, except for the names of the parents.
    made = row | {"id": version_id, "name": registration.model}
    columns = StoredVersion(**{field: made[field] for field in StoredVersion._fields})
    links = parents(connection, version_id) if edges else []
    return with_config(version_info(columns, artifacts, [], links), request.config)


def _count(connection: Connection, name: str, now: datetime) -> tuple[int, int]:
    """Lock the model's row and take its next number; the row is created with the first version."""
    if connection.execute(_COUNT, {"model": name}).rowcount == 0:
        new = {"name": name, "next_number": 2, "created_at": now}
        return _new_id(connection.execute(insert(MODELS), new)), 1
    row = connection.execute(_COUNTED, {"model": name}).one()
    return row.id, row.next_number - 1


def _registered_before(connection: Connection, registration: Registration) -> VersionInfo | None:
    """The version that this registration made, if its answer was lost."""
    if registration.idempotency_key is None:
        return None
    found = connection.execute(_BY_KEY, {"key": registration.idempotency_key}).scalar()
    if found is None:
        return None
    version = detail(connection, found)
    if version.name != registration.model:
        raise IdempotencyError(
            f"the key of this registration made {version.ref}, not a version of {registration.model}",
            "Use one key for one registration.",
        )
    return version


def _check_run(connection: Connection, run_id: str) -> None:
    if connection.execute(_RUN, {"run": run_id}).scalar() is None:
        raise RunNotFoundError(f"no run {run_id!r}", "Record the run before its version.")


def _choose(
    connection: Connection, request: Request, model_id: int, previous: AnyRow | None
) -> tuple[Version, BumpRecord]:
    """The version's number, and the record of why it is that."""
    highest = None if previous is None else _version(previous)
    decision = decide(None if previous is None else stored_recipe(previous), request.recipe)
    computed = next_version(highest, decision.bump or Bump.MAJOR)
    version, kind, overruled = computed, _kind(decision), None
    if request.wanted is not None:
        _check_free(connection, request, model_id)
        version = request.wanted
        overruled = "version given" if version != computed else None
    elif request.registration.bump not in (None, decision.bump) and highest is not None:
        version = next_version(highest, Bump(request.registration.bump))
        kind, overruled = str(request.registration.bump), "bump given"
    return version, BumpRecord(kind, _kind(decision), decision.reasons, overruled)


def _version(row: AnyRow) -> Version:
    return Version(row.major, row.minor, row.patch, row.prerelease or None)


def _kind(decision: Decision) -> str:
    return "first" if decision.bump is None else decision.bump.value


def _check_free(connection: Connection, request: Request, model_id: int) -> None:
    wanted = request.wanted or FIRST
    taken = {version_text(row): row.number for row in connection.execute(_TAKEN, {"owner": model_id})}
    if str(wanted) in taken:
        raise VersionTakenError(
            f"{request.registration.model}@{wanted} exists (number {taken[str(wanted)]})",
            f"Next free: {', '.join(next_free(wanted, taken))}.",
        )


def _insert_artifacts(
    connection: Connection, version_id: int, files: Sequence[FileToStore], blobs: Sequence[Blob], now: datetime
) -> list[Artifact]:
    """Insert the version's files, and those of their blobs that no other version has; the files by name."""
    artifacts = [
        Artifact(file.name, ArtifactKind(file.kind), blob.digest, blob.size_bytes)
        for file, blob in zip(files, blobs, strict=True)
    ]
    if not artifacts:
        return []
    sizes = {blob.digest: blob.size_bytes for blob in blobs}
    known = connection.execute(_KNOWN_BLOBS, {"digests": sorted(sizes)}).scalars()
    new = [
        {"digest": digest, "size_bytes": sizes[digest], "created_at": now}
        for digest in sorted(sizes.keys() - set(known))
    ]
    if new:
        connection.execute(insert(BLOBS), new)
    rows = [{"version_id": version_id, "path": a.path, "kind": a.kind.value, "digest": a.digest} for a in artifacts]
    connection.execute(insert(ARTIFACTS), rows)
    return sorted(artifacts, key=attrgetter("path"))


def _version_row(request: Request, version: Version, bump: BumpRecord, blobs: Sequence[Blob]) -> dict[str, Any]:
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
        "digest": _digest(registration.files, blobs),
        "size_bytes": sum(blob.size_bytes for blob in blobs),
        "created_by": as_text(registration.created_by)[:255],
        "git_commit": registration.source.git_commit,
        "dirty": registration.source.dirty,
        "idempotency_key": registration.idempotency_key,
        "summary": as_text(registration.summary),
        "bump": bump.to_json(),
        "metrics": request.metrics,
        "signature": recipe.signature,
        "config": request.config,
        "recipe": stored | {"data": recipe.data, "code": recipe.code, "state": recipe.state},
    }


def _new_id(result: CursorResult[Any]) -> int:
    key = result.inserted_primary_key
    assert key is not None  # one row was inserted, by one statement
    return int(key[0])


def _digest(files: Sequence[FileToStore], blobs: Sequence[Blob]) -> str:
    """The digest of the weights; of several, or of none, that of the list of names and digests."""
    named = [(file, blob.digest) for file, blob in zip(files, blobs, strict=True)]
    weights = [(file, digest) for file, digest in named if file.kind == ArtifactKind.WEIGHTS] or named
    if len(weights) == 1:
        return weights[0][1]
    lines = sorted(f"{digest}  {file.name}\n" for file, digest in weights)
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"

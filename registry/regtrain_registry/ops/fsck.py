"""Checks of the store against the rows: of one version, and of the whole registry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from regtrain_registry.db.columns import V, version_text
from regtrain_registry.db.engine import Database
from regtrain_registry.db.tables import MODELS, VERSIONS
from regtrain_registry.db.tables.blobs import ARTIFACTS, BLOBS
from regtrain_registry.domain.records import ArtifactKind, VersionInfo, VersionStatus
from regtrain_registry.domain.verification import CheckedFile, Problem, Report, Verification
from regtrain_registry.ops.blobs import is_safetensors
from regtrain_registry.ops.chunks import consists_of, load_blobs
from regtrain_registry.ops.fsck_rows import problems as problems_of_rows
from regtrain_registry.ops.references import referenced, referenced_files
from regtrain_registry.store.blob import Blob, Damage, file_blobs
from regtrain_registry.store.store import Store

__all__ = ["check_registry", "check_version"]

MAX_REFS = 5

_COUNT = select(func.count()).select_from(VERSIONS)
_HERE = V.status != VersionStatus.COLLECTED.value
_CHUNKED = (
    select(BLOBS.c.digest, BLOBS.c.size_bytes)
    .join(ARTIFACTS, ARTIFACTS.c.digest == BLOBS.c.digest)
    .join(VERSIONS, V.id == ARTIFACTS.c.version_id)
    .where(BLOBS.c.composed, _HERE)
    .distinct()
)
_WEIGHTS = (
    select(ARTIFACTS.c.path, ARTIFACTS.c.kind, BLOBS.c.digest, BLOBS.c.size_bytes)
    .join(BLOBS, BLOBS.c.digest == ARTIFACTS.c.digest)
    .join(VERSIONS, V.id == ARTIFACTS.c.version_id)
    .where(ARTIFACTS.c.kind == ArtifactKind.WEIGHTS.value, _HERE)
    .distinct()
)
_OWNERS = (
    select(MODELS.c.name, V.major, V.minor, V.patch, V.prerelease)
    .join_from(ARTIFACTS, VERSIONS, V.id == ARTIFACTS.c.version_id)
    .join(MODELS, MODELS.c.id == V.model_id)
    .where(consists_of(ARTIFACTS.c.digest, bindparam("key")), _HERE)
    .distinct()
    .order_by(MODELS.c.name, V.major, V.minor, V.patch, V.prerelease)
    .limit(MAX_REFS)
)


def check_version(version: VersionInfo, store: Store, blobs: Mapping[str, Blob]) -> Verification:
    """Read every file of a version. blobs: those of the version, by their digest."""
    files = []
    for artifact in version.artifacts:
        safetensors = is_safetensors(artifact.kind, artifact.path)
        damage = store.check(blobs[artifact.digest], read=True, safetensors=safetensors)
        files.append(CheckedFile(artifact, None if damage is None else damage.value))
    return Verification(version.ref, files)


class _Required(NamedTuple):
    """What the rows require: the number of versions, problems of the rows themselves, the files that the store must
    have, by digest, blobs that are chunked, and blobs that must be safetensors."""

    versions: int
    problems: list[Problem]
    files: dict[str, Blob]
    chunked: list[Blob]
    safetensors: list[Blob]


def check_registry(database: Database, store: Store, *, read: bool, repair: bool) -> Report:
    """Check the rows against each other, and the store against the rows.

    read: every byte too. repair: move damaged files aside; no row is changed.
    """
    wanted = database.read(_required)
    if _damaged(wanted.problems):  # its rows cannot be trusted
        return Report(0, 0, wanted.problems, read=read)
    # Listed after the rows were read: what is registered meanwhile is there.
    there = {entry.digest: entry.size_bytes for entry in store.entries()}
    damaged = {
        digest: damage
        for digest, blob in wanted.files.items()
        if (damage := _damage(store, blob, there.get(digest), read=read))
    }
    found = list(wanted.problems)
    # What was collected meanwhile is not missing.
    still = database.read(lambda connection: referenced(connection, damaged.keys()))
    for digest in sorted(still & damaged.keys()):
        found.append(_problem(database, store, wanted.files[digest], damaged[digest], repair=repair))
    if read:
        found.extend(_wrongly_chunked(database, store, wanted.chunked, damaged))
        found.extend(_wrong_format(database, store, wanted.safetensors, damaged))
    idle = [size for digest, size in there.items() if digest not in wanted.files]
    return Report(wanted.versions, len(wanted.files), found, len(idle), sum(idle), read)


def _damaged(found: Iterable[Problem]) -> bool:
    return any(problem.kind == "database" for problem in found)


def _required(connection: Connection) -> _Required:
    found = list(problems_of_rows(connection))
    if _damaged(found):
        return _Required(0, found, {}, [], [])
    files = {row.digest: Blob(row.digest, row.size_bytes) for row in connection.execute(referenced_files())}
    sizes = {row.digest: row.size_bytes for row in connection.execute(_CHUNKED)}
    chunked = [blob for _, blob in sorted(load_blobs(connection, sizes).items()) if blob.ranges]
    rows = (row for row in connection.execute(_WEIGHTS) if is_safetensors(row.kind, row.path))
    weights = load_blobs(connection, {row.digest: row.size_bytes for row in rows})
    safetensors = [blob for _, blob in sorted(weights.items())]
    return _Required(connection.execute(_COUNT).scalar_one(), found, files, chunked, safetensors)


def _damage(store: Store, blob: Blob, size: int | None, *, read: bool) -> Damage | None:
    if size != blob.size_bytes:
        return store.check(blob, read=False)  # asked again: it may have come or gone while the store was listed
    return store.check(blob, read=True) if read else None


def _problem(database: Database, store: Store, blob: Blob, damage: Damage, *, repair: bool) -> Problem:
    place = store.quarantine(blob) if repair and damage is not Damage.MISSING else None
    owners = database.read(lambda connection: _owners(connection, blob.digest))
    problem = {Damage.MISSING: "is missing", Damage.SIZE: "has the wrong size", Damage.CHANGED: "has changed"}[damage]
    message = f"blob {blob.digest} {problem}; it belongs to {', '.join(owners)}"
    return Problem(damage.name.lower(), blob.digest, message, tuple(owners), place)


def _wrongly_chunked(
    database: Database, store: Store, blobs: Iterable[Blob], damaged: Mapping[str, Damage]
) -> Iterator[Problem]:
    """Chunked files with wrong ranges: every file that they have ranges of is intact."""
    for blob in blobs:
        if any(source.digest in damaged for source in file_blobs([blob])):
            continue
        if store.check(blob, read=True) is Damage.CHANGED:
            owners = tuple(database.read(lambda connection, digest=blob.digest: _owners(connection, digest)))  # type: ignore[misc]
            message = f"blob {blob.digest} is chunked into the wrong ranges; it belongs to {', '.join(owners)}"
            yield Problem("parts", blob.digest, message, owners)


def _wrong_format(
    database: Database, store: Store, blobs: Iterable[Blob], damaged: Mapping[str, Damage]
) -> Iterator[Problem]:
    """Weights with the right bytes, which are not the safetensors file that their name promises."""
    for blob in blobs:
        if any(source.digest in damaged for source in file_blobs([blob])):
            continue
        defect = store.safetensors_defect(blob)
        if defect:
            owners = tuple(database.read(lambda connection, digest=blob.digest: _owners(connection, digest)))  # type: ignore[misc]
            message = f"blob {blob.digest} is not safetensors: {defect}; it belongs to {', '.join(owners)}"
            yield Problem("format", blob.digest, message, owners)


def _owners(connection: Connection, digest: str) -> list[str]:
    return [f"{row.name}@{version_text(row)}" for row in connection.execute(_OWNERS, {"key": digest})]

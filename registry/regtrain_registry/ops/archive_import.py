"""Importing versions of an archive: each in one transaction, and once, however often it comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from regtrain_registry.archives.manifest import ArchivedRun, ArchivedVersion
from regtrain_registry.db.columns import V, new_id, version_text
from regtrain_registry.db.engine import Database
from regtrain_registry.db.tables import VERSIONS
from regtrain_registry.db.tables.blobs import ARTIFACTS, BLOBS
from regtrain_registry.db.tables.lifecycle import EXPORTS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.identities import qualified_version
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.domain.registration import digest_of
from regtrain_registry.errors import (
    ArchiveError,
    BlobMissingError,
    ConflictError,
    ParentMissingError,
    VersionTakenError,
)
from regtrain_registry.ops import archive_files
from regtrain_registry.ops.archive_rows import insert_attached, insert_run, name_successor, record_files, version_row
from regtrain_registry.ops.blobs import share_store
from regtrain_registry.ops.chunks import find_tensors
from regtrain_registry.ops.context import Actor, Context
from regtrain_registry.ops.identity import local_id, registry_uid
from regtrain_registry.ops.locked_version import LockedVersion
from regtrain_registry.ops.read import detail
from regtrain_registry.ops.reserved_number import ReservedNumber, reserve_number
from regtrain_registry.ops.restore import bring_back
from regtrain_registry.ops.search_index import index
from regtrain_registry.semver import Version, parse_version
from regtrain_registry.store.blob import Range, Stored
from regtrain_registry.store.store import Store

__all__ = ["Imported", "import_archive"]

_ROW = select(V.id, V.model_id, V.digest, V.status, V.major, V.minor, V.patch, V.prerelease).where(
    V.id == bindparam("version")
)
_TAKEN = select(V.id).where(
    V.model_id == bindparam("owner"),
    *(V[part] == bindparam(part) for part in ("major", "minor", "patch", "prerelease")),
)
_FILES = (
    select(ARTIFACTS.c.path, ARTIFACTS.c.kind, ARTIFACTS.c.digest, BLOBS.c.size_bytes)
    .join(BLOBS, BLOBS.c.digest == ARTIFACTS.c.digest)
    .where(ARTIFACTS.c.version_id == bindparam("version"))
)
_OWN = EXPORTS.c.version_id == bindparam("version")
_COLLECTED = select(BLOBS.c.digest).where(BLOBS.c.collected_at.is_not(None))
_WITHOUT_FILE = update(EXPORTS).where(_OWN, EXPORTS.c.digest.in_(_COLLECTED)).values(digest=None)
_WITH_FILE = (
    update(EXPORTS)
    .where(_OWN, EXPORTS.c.format == bindparam("name"), EXPORTS.c.created_at == bindparam("at"))
    .where(EXPORTS.c.unverified, EXPORTS.c.digest.is_(None))
    .values(digest=bindparam("file"))
)


@dataclass(frozen=True, slots=True)
class Imported:
    """The outcome for a version of an archive: imported, known, or files restored.

    ref: its name here. home: its identity.
    """

    ref: str
    home: str
    outcome: str

    def to_json(self) -> dict[str, Any]:
        """All three fields."""
        return {"ref": self.ref, "home": self.home, "outcome": self.outcome}


def import_archive(database: Database, open_store: Callable[[], Store], actor: Actor, file: Path) -> list[Imported]:
    """Import the versions of an archive, each in a transaction of its own; the outcome of each."""

    def find(digests: Sequence[str]) -> Mapping[str, Range]:
        return database.read(lambda connection: find_tensors(connection, digests))

    manifest, stored = archive_files.read_archive(file, lambda files: open_store().put(files, find), actor.now)
    runs = {run.id: run for run in manifest.runs}

    def import_one(version: ArchivedVersion) -> Imported:
        run = runs.get(version.run) if version.run else None
        try:
            return database.write(
                lambda connection: _import_version(Context(connection, open_store, actor), version, run, stored)
            )
        except BlobMissingError as error:
            raise ConflictError(
                f"files of {version.home.identity} were collected while it was imported", "Import the archive again."
            ) from error

    return [import_one(version) for version in manifest.versions]


def _import_version(
    context: Context, version: ArchivedVersion, run: ArchivedRun | None, stored: Mapping[str, Stored]
) -> Imported:
    """Insert a version and all that belongs to it. stored: the blobs of the archive, by digest.

    Errors: `ParentMissingError`; `ArchiveError` for files without the version's digest, and for a version of this
    registry that it does not have; `ConflictError` for another version with the same identity.
    """
    connection, identity = context.connection, version.home.identity
    share_store(connection)
    _check_digest(version)
    model = reserve_number(context, identity.model)
    known = local_id(connection, identity)
    if known is not None:
        outcome = _known(version, model, known, stored)
        return Imported(detail(connection, known).ref, str(identity), outcome)
    if identity.registry == registry_uid(connection):
        raise ArchiveError(
            f"{identity}: this is that registry, and it has no such version",
            "Restore a backup that has it; a version is imported into other registries only.",
        )
    parents = [(_parent(connection, version, place), parent.relation) for place, parent in enumerate(version.parents)]
    name = _name(connection, version, model.model_id)
    record_files(context, version, stored)
    run_id = None if run is None else insert_run(connection, run, identity.registry)
    row = version_row(version, run_id, name, model)
    version_id = new_id(connection.execute(insert(VERSIONS), row))
    insert_attached(connection, version, version_id, parents, context.now)
    index(connection, version_id, row["metrics"], row["config"], version.recipe.data)
    events = [event.model_dump(mode="json") for event in version.events if event.before is not None]
    facts = {"home": identity.to_json(), "number": model.number, "digest": version.digest, "reason": version.reason}
    model.log_version(EventKind.IMPORTED, str(name), facts | {"events": events})
    ref = f"{identity.model}@{name}"
    name_successor(connection, identity, ref)
    return Imported(ref, str(identity), "imported")


def _check_digest(version: ArchivedVersion) -> None:
    files = [(file.path, file.kind, file.digest) for file in version.files]
    if digest_of(files) != version.digest:
        ref = f"{version.home.model}@{version.home.version}"
        raise ArchiveError(f"{ref} does not have the digest of its files", "The archive was changed; export again.")


def _parent(connection: Connection, version: ArchivedVersion, place: int) -> int:
    parent = version.parents[place].home.identity
    found = local_id(connection, parent)
    if found is None:
        raise ParentMissingError(
            f"{version.home.identity}: its parent {parent} is neither in the archive nor here",
            "Export it with its parents, or import those first.",
        )
    return found


def _name(connection: Connection, version: ArchivedVersion, owner: int) -> Version:
    """Its own name, or the one with the suffix of its home where that is taken."""
    own = parse_version(version.home.version)
    for name in (own, qualified_version(version.home.identity)):
        keys = {"major": name.major, "minor": name.minor, "patch": name.patch, "prerelease": name.prerelease or ""}
        if connection.execute(_TAKEN, {"owner": owner, **keys}).first() is None:
            return name
    raise VersionTakenError(
        f"{version.home.model}@{name} exists, and is not {version.home.identity}", "Nothing changed."
    )


def _known(version: ArchivedVersion, model: ReservedNumber, version_id: int, stored: Mapping[str, Stored]) -> str:
    """A version that is here stays as it is, and gets its files back if they were collected."""
    context = model.log.context
    connection = context.connection
    row = connection.execute(_ROW, {"version": version_id}).one()
    if row.digest != version.digest:
        raise ConflictError(
            f"{version.home.identity} is here with another digest ({row.digest[:19]}, not {version.digest[:19]})",
            "One of the two is not what it claims to be; nothing changed.",
        )
    locked = LockedVersion(model.log, version_id, version_text(row), VersionStatus(row.status))
    if locked.status is not VersionStatus.COLLECTED or not version.complete:
        return "known"
    _check_files(connection, version, version_id)
    record_files(context, version, stored)
    for one in version.exports:
        if one.digest is not None:
            keys = {"version": version_id, "name": one.format, "at": one.created_at, "file": one.digest}
            connection.execute(_WITH_FILE, keys)
    # Of an export that the archive does not hold the file is lost.
    connection.execute(_WITHOUT_FILE, {"version": version_id})
    bring_back(locked)
    locked.log_event(EventKind.RESTORED, {"from": "archive"})
    return "files restored"


def _check_files(connection: Connection, version: ArchivedVersion, version_id: int) -> None:
    """`ConflictError` unless the archive has the very files that the version was registered with."""
    own = {
        (row.path, row.kind, row.digest, row.size_bytes) for row in connection.execute(_FILES, {"version": version_id})
    }
    theirs = {(file.path, file.kind.value, file.digest, file.size_bytes) for file in version.files}
    if own != theirs:
        paths = ", ".join(sorted({path for path, *_ in own ^ theirs})[:3])
        raise ConflictError(
            f"{version.home.identity} has other files here than in the archive: {paths}",
            "One of the two is not what it claims to be; nothing changed.",
        )

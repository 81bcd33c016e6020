"""A version of an archive as rows: in one transaction, and only once, however often it comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from regtrain_registry.archives.manifest import ArchivedRun, ArchivedVersion
from regtrain_registry.db.columns import V, new_id, version_text
from regtrain_registry.db.tables import VERSIONS
from regtrain_registry.db.tables.blobs import ARTIFACTS, BLOBS
from regtrain_registry.db.tables.lifecycle import EXPORTS, MARKS, ORIGINS, TAGS
from regtrain_registry.db.tables.lineage import LINEAGE, RUNS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.identities import name_elsewhere
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.domain.run_records import RunStatus
from regtrain_registry.domain.said import Said, fold
from regtrain_registry.errors import ArchiveError, ConflictError, ParentMissingError, VersionTakenError
from regtrain_registry.json_values import json_safe
from regtrain_registry.ops.blobs import record, share_store
from regtrain_registry.ops.history import Work
from regtrain_registry.ops.identity import local_id
from regtrain_registry.ops.lifecycle import Held
from regtrain_registry.ops.merging import (
    add_signatures,
    brought,
    export_row,
    merge,
    name_arrived,
    restore_files,
    successor_ref,
)
from regtrain_registry.ops.read import detail
from regtrain_registry.ops.register import Claimed, claim, count, digest_of
from regtrain_registry.ops.search_index import index
from regtrain_registry.semver import Version, parse_version, sort_key
from regtrain_registry.store.content import Store, Stored

__all__ = ["Imported", "import_version"]

_ROW = select(V.id, V.model_id, V.digest, V.status, V.major, V.minor, V.patch, V.prerelease).where(
    V.id == bindparam("version")
)
_TAKEN = select(V.id).where(
    V.model_id == bindparam("owner"),
    *(V[part] == bindparam(part) for part in ("major", "minor", "patch", "prerelease")),
)
_KNOWN_BLOB = select(BLOBS.c.digest).where(BLOBS.c.digest == bindparam("digest"))
_KNOWN_RUN = select(RUNS.c.started_at).where(RUNS.c.id == bindparam("run"))


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a version of an archive: imported, merged, known, or its files restored.

    ref: what it is called here. home: who it is.
    """

    ref: str
    home: str
    outcome: str

    def to_json(self) -> dict[str, Any]:
        """All three fields."""
        return {"ref": self.ref, "home": self.home, "outcome": self.outcome}


def import_version(
    connection: Connection,
    version: ArchivedVersion,
    run: ArchivedRun | None,
    stored: Mapping[str, Stored],
    store: Store,
    work: Work,
) -> Imported:
    """Insert a version and all that belongs to it. The caller's transaction holds the write lock.

    stored: what became of the blobs of the archive, by digest. Errors: `ParentMissingError`, `ConflictError` for
    another version that says it is the same.
    """
    share_store(connection)
    model = claim(connection, version.who.model, work.now)
    home = str(version.who.identity)
    known = local_id(connection, version.who.identity)
    if known is not None:
        outcome = _complete(connection, version, model, known, stored, store, work)
        return Imported(detail(connection, known).ref, home, outcome)
    _check_digest(version)
    parents = [(_parent(connection, version, place), parent.relation) for place, parent in enumerate(version.parents)]
    name, said = _name(connection, version, model.id), _said(version)
    _store_blobs(connection, version, stored, store, work.now)
    row = _version_row(connection, version, run, name, model, work.now) | {"summary": said.summary}
    row["status"] = said.status.value if version.complete else VersionStatus.COLLECTED.value
    version_id = new_id(connection.execute(insert(VERSIONS), row))
    rows = [{"child_id": version_id, "parent_id": parent, "relation": relation.value} for parent, relation in parents]
    _insert_all(connection, LINEAGE, rows)
    _insert_what_hangs(connection, version, said, version_id, work)
    index(connection, version_id, row["metrics"], row["config"], version.recipe.data)
    facts = {
        "home": version.who.identity.to_json(),
        "number": model.number,
        "digest": version.digest,
        "events": [event.model_dump(mode="json") for event in brought(version)],
    }
    count(model, EventKind.IMPORTED, str(name), facts, work)
    ref = f"{version.who.model}@{name}"
    name_arrived(connection, version.who.identity, ref)
    return Imported(ref, home, "imported")


def _check_digest(version: ArchivedVersion) -> None:
    files = [(file.path, file.kind, file.digest) for file in version.files]
    if digest_of(files) != version.digest:
        ref = f"{version.who.model}@{version.who.version}"
        raise ArchiveError(f"{ref} does not have the digest of its files", "The archive was changed; export again.")


def _parent(connection: Connection, version: ArchivedVersion, place: int) -> int:
    parent = version.parents[place].who.identity
    found = local_id(connection, parent)
    if found is None:
        raise ParentMissingError(
            f"{version.who.identity}: its parent {parent} is neither in the archive nor here",
            "Export it with its parents, or import those first.",
        )
    return found


def _name(connection: Connection, version: ArchivedVersion, owner: int) -> Version:
    """Its own name, or where that is taken the one that tells where it comes from."""
    own = parse_version(version.who.version)
    for name in (own, name_elsewhere(version.who.identity)):
        keys = {"major": name.major, "minor": name.minor, "patch": name.patch, "prerelease": name.prerelease or ""}
        if connection.execute(_TAKEN, {"owner": owner, **keys}).first() is None:
            return name
    raise VersionTakenError(f"{version.who.model}@{name} exists, and is not {version.who.identity}", "Nothing changed.")


def _store_blobs(
    connection: Connection, version: ArchivedVersion, stored: Mapping[str, Stored], store: Store, now: datetime
) -> None:
    """Rows of its files: as they were stored, or as files that are not here."""
    if version.complete:
        record(connection, [stored[digest] for digest in sorted({digest for digest, _ in version.blobs()})], store, now)
        return
    for digest, size in sorted(set(version.blobs())):
        if connection.execute(_KNOWN_BLOB, {"digest": digest}).first() is None:
            row = {"digest": digest, "size_bytes": size or 0, "created_at": now, "composed": False}
            connection.execute(insert(BLOBS), row | {"collected_at": now})


def _version_row(
    connection: Connection,
    version: ArchivedVersion,
    run: ArchivedRun | None,
    name: Version,
    model: Claimed,
    now: datetime,
) -> dict[str, Any]:
    return {
        "model_id": model.id,
        "number": model.number,
        "major": name.major,
        "minor": name.minor,
        "patch": name.patch,
        "prerelease": name.prerelease or "",
        "sort_key": sort_key(name),
        "run_id": None if run is None else _run(connection, run, version.who.registry),
        "digest": version.digest,
        "size_bytes": sum(file.size_bytes for file in version.files),
        "created_at": version.created_at,
        "created_by": version.created_by,
        "git_commit": version.git_commit,
        "dirty": version.dirty,
        "idempotency_key": None,
        "bump": version.bump.model_dump(),
        "metrics": json_safe(version.metrics),
        "signature": json_safe(version.signature),
        "config": json_safe(version.config),
        "recipe": json_safe(version.recipe.model_dump()),
    }


def _said(version: ArchivedVersion) -> Said:
    """What follows from the archive, whatever it says that follows."""
    deprecation = version.deprecation
    if deprecation is None and version.status is VersionStatus.DEPRECATED:
        deprecation = version.reason or ""
    archived = version.status is VersionStatus.ARCHIVED
    why, successor = (version.reason if archived else None), version.successor
    home = None if successor is None else successor.identity
    return fold(Said(version.summary, version.tags, archived, why, deprecation, home), brought(version))


def _run(connection: Connection, run: ArchivedRun, registry: str) -> str:
    """The id of the run here. Another run by that id is left alone: this one gets a name that tells its home."""
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
    if run.status == RunStatus.RUNNING.value:  # who could tell whether it still does
        row["status"] = RunStatus.INTERRUPTED.value
    connection.execute(
        insert(RUNS), {key: json_safe(value) if isinstance(value, dict) else value for key, value in row.items()}
    )
    return name


def _insert_what_hangs(
    connection: Connection, version: ArchivedVersion, said: Said, version_id: int, work: Work
) -> None:
    """Files, exports, tags, marks, origin and signatures."""
    own = {"version_id": version_id}
    files = [own | {"path": f.path, "kind": f.kind.value, "digest": f.digest} for f in version.files]
    _insert_all(connection, ARTIFACTS, files)
    _insert_all(connection, EXPORTS, [own | export_row(export, version) for export in version.exports])
    _insert_all(connection, TAGS, [own | {"name": name, "value": value} for name, value in said.tags.items()])
    if not version.complete or said.status is not VersionStatus.READY or said.deprecation is not None:
        _insert_all(connection, MARKS, [own | _marks(connection, said, version.complete, work.now)])
    who = version.who
    origin = {"registry_uid": who.registry, "model": who.model, "version": who.version, "number": who.number}
    _insert_all(connection, ORIGINS, [own | origin])
    add_signatures(connection, version, version_id)


def _marks(connection: Connection, said: Said, complete: bool, now: datetime) -> dict[str, Any]:
    before = VersionStatus.READY if complete else said.status
    return {
        "pinned": False,
        "status_before": before.value,
        "status_at": now,
        "status_reason": said.reason if complete else "imported without its files",
        "deprecation": said.deprecation,
        "successor": successor_ref(connection, said),
    }


def _complete(
    connection: Connection,
    version: ArchivedVersion,
    model: Claimed,
    version_id: int,
    stored: Mapping[str, Stored],
    store: Store,
    work: Work,
) -> str:
    """A version that is here gets what was said of it elsewhere, and its files if they were collected."""
    row = connection.execute(_ROW, {"version": version_id}).one()
    if row.digest != version.digest:
        raise ConflictError(
            f"{version.who.identity} is here with another digest ({row.digest[:19]}, not {version.digest[:19]})",
            "One of the two is not what it says; nothing changed.",
        )
    held = Held(model.line, version_id, version_text(row), VersionStatus(row.status))
    merged = merge(held, version, stored, store, work)
    if held.status is not VersionStatus.COLLECTED or not version.complete:
        return "merged" if merged else "known"
    _store_blobs(connection, version, stored, store, work.now)
    restore_files(held, work)
    return "files restored"


def _insert_all(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)

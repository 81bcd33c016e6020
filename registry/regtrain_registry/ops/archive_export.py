"""Versions with all their ancestors as the manifest of an archive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, select

from regtrain_registry.archives.manifest import (
    FORM,
    ArchivedExport,
    ArchivedFile,
    ArchivedParent,
    ArchivedRun,
    ArchivedSignature,
    ArchivedVersion,
    Bump,
    Home,
    Manifest,
    RecipeParts,
)
from regtrain_registry.db.columns import AnyRow, V, chunks, version_text
from regtrain_registry.db.engine import Database
from regtrain_registry.db.tables import MODELS, VERSIONS
from regtrain_registry.db.tables.blobs import ARTIFACTS, BLOBS
from regtrain_registry.db.tables.lifecycle import EXPORTS, MARKS, SIGNATURES, TAGS
from regtrain_registry.db.tables.lineage import LINEAGE, RUNS
from regtrain_registry.domain.identities import Identity
from regtrain_registry.domain.lineage import Link, spread
from regtrain_registry.domain.records import ArtifactKind, Relation, VersionStatus
from regtrain_registry.errors import RegistryError
from regtrain_registry.ops.archive_events import home_events
from regtrain_registry.ops.archive_files import Exported, write_archive
from regtrain_registry.ops.chunks import load_blobs
from regtrain_registry.ops.identity import identities, registry_uid
from regtrain_registry.ops.resolve import resolve
from regtrain_registry.ops.restore import reason_to_restore, status_to_restore
from regtrain_registry.refs import Ref, parse_ref
from regtrain_registry.store.blob import Blob
from regtrain_registry.store.store import Store

__all__ = ["export_archive"]

_IDS: BindParameter[Sequence[int]] = bindparam("ids", expanding=True)
_ALL = select(V.id)
_LINKS = select(LINEAGE.c.child_id, LINEAGE.c.parent_id, LINEAGE.c.relation).where(LINEAGE.c.child_id.in_(_IDS))
_VERSIONS = select(VERSIONS, MODELS.c.name.label("model")).join(MODELS, MODELS.c.id == V.model_id).where(V.id.in_(_IDS))
_FILES = (
    select(ARTIFACTS, BLOBS.c.size_bytes)
    .join(BLOBS, BLOBS.c.digest == ARTIFACTS.c.digest)
    .where(ARTIFACTS.c.version_id.in_(_IDS))
)
_EXPORTS = (
    select(EXPORTS, BLOBS.c.size_bytes)
    .join(BLOBS, BLOBS.c.digest == EXPORTS.c.digest, isouter=True)
    .where(EXPORTS.c.version_id.in_(_IDS))
)
_TAGS = select(TAGS).where(TAGS.c.version_id.in_(_IDS))
_MARKS = select(MARKS).where(MARKS.c.version_id.in_(_IDS))
_SIGNATURES = select(SIGNATURES).where(SIGNATURES.c.version_id.in_(_IDS))
_RUN = select(RUNS).where(RUNS.c.id == bindparam("run"))


def export_archive(
    database: Database, store: Store, refs: Sequence[str] | None, file: Path, *, named_files: bool
) -> Exported:
    """Write versions with all their ancestors to a new file; None: every version."""
    parsed = None if refs is None else [parse_ref(ref) for ref in refs]
    manifest, blobs = database.read(lambda connection: _manifest(connection, parsed, whole=not named_files))
    return write_archive(manifest, blobs, store, file)


def _manifest(
    connection: Connection, refs: Collection[Ref] | None, *, whole: bool
) -> tuple[Manifest, Mapping[str, Blob]]:
    """The manifest of the versions that the refs name (None: every version) with all their ancestors, and their blobs.

    whole: the files of ancestors too, else those of the named ones alone. Of collected versions there are none.
    """
    named = {resolve(connection, ref) for ref in refs} if refs is not None else set(connection.execute(_ALL).scalars())
    links = _links_above(connection, named)
    ids = sorted(named.union(*(link[:2] for link in links)))  # parents were there before their children
    homes = identities(connection, ids)
    uid = registry_uid(connection)
    versions = list(_versions(connection, uid, ids, homes, links, ids if whole else named))
    blobs = {digest: size for version in versions if version.complete for digest, size in version.blobs()}
    runs = [_run(connection, run) for run in sorted({version.run for version in versions if version.run})]
    places = load_blobs(connection, {digest: size or 0 for digest, size in blobs.items()})
    sizes = {digest: places[digest].size_bytes for digest in sorted(places)}
    made = Manifest(form=FORM, registry=uid, versions=versions, runs=runs, blobs=sizes)
    return made, places


def _links_above(connection: Connection, ids: Collection[int]) -> set[Link]:
    def links_of(some: Sequence[int]) -> Iterable[Link]:
        for portion in chunks(some):
            yield from (
                (row.child_id, row.parent_id, row.relation) for row in connection.execute(_LINKS, {"ids": portion})
            )

    return spread(ids, links_of)


def _home(one: Identity) -> Home:
    return Home(registry=one.registry, model=one.model, version=one.version, number=one.number)


def _versions(
    connection: Connection,
    uid: str,
    ids: Sequence[int],
    homes: Mapping[int, Identity],
    links: Iterable[Link],
    complete: Collection[int],
) -> Iterable[ArchivedVersion]:
    parents: dict[int, list[ArchivedParent]] = defaultdict(list)
    for child, parent, relation in sorted(links):
        parents[child].append(ArchivedParent(home=_home(homes[parent]), relation=Relation(relation)))
    wanted = set(complete)
    for some in chunks(ids):
        rows = {row.id: row for row in connection.execute(_VERSIONS, {"ids": some})}
        files, exports, tags, marks, signatures = (
            _by_version(connection, query, some) for query in (_FILES, _EXPORTS, _TAGS, _MARKS, _SIGNATURES)
        )
        events = home_events(connection, {key: homes[key] for key in some}, uid)
        for key in some:
            row = rows[key]
            yield ArchivedVersion(
                home=_home(homes[key]),
                complete=key in wanted and row.status != VersionStatus.COLLECTED.value,
                **{name: getattr(row, name) for name in ("digest", "created_at", "created_by", "git_commit", "dirty")},
                **{name: getattr(row, name) for name in ("summary", "metrics", "signature", "config")},
                **_state(connection, row, next(iter(marks[key]), None)),
                bump=Bump(**row.bump),
                recipe=RecipeParts(**row.recipe),
                tags={tag.name: tag.value for tag in sorted(tags[key], key=lambda tag: str(tag.name))},
                files=[_file(file) for file in sorted(files[key], key=lambda file: str(file.path))],
                exports=[_export(one) for one in sorted(exports[key], key=lambda one: str(one.format))],
                parents=parents[key],
                signatures=[_signature(one) for one in sorted(signatures[key], key=lambda one: str(one.key_id))],
                events=events[key],
                run=row.run_id,
            )


def _state(connection: Connection, row: AnyRow, mark: AnyRow | None) -> dict[str, Any]:
    """Status, reason, deprecation and successor; of an expired or collected version those that it had before."""
    status, reason = VersionStatus(row.status), None if mark is None else mark.status_reason
    deprecation = None if mark is None else mark.deprecation
    if status in (VersionStatus.EXPIRED, VersionStatus.COLLECTED):
        status = status_to_restore(status, mark)
        reason = None if mark is None else reason_to_restore(connection, row.model_id, version_text(row), status, mark)
    successor = None if mark is None or mark.successor is None else _successor(connection, mark.successor)
    return {"status": status, "reason": reason, "deprecation": deprecation, "successor": successor}


def _successor(connection: Connection, ref: str) -> Home | None:
    """The home of the version that a ref names; None for one that is not here."""
    try:
        version_id = resolve(connection, parse_ref(ref))
    except RegistryError:
        return None
    return _home(identities(connection, [version_id])[version_id])


def _by_version(connection: Connection, query: Select[Any], ids: Sequence[int]) -> Mapping[int, list[AnyRow]]:
    found: dict[int, list[AnyRow]] = defaultdict(list)
    for row in connection.execute(query, {"ids": ids}):
        found[row.version_id].append(row)
    return found


def _file(row: AnyRow) -> ArchivedFile:
    return ArchivedFile(path=row.path, kind=ArtifactKind(row.kind), digest=row.digest, size_bytes=row.size_bytes)


def _export(row: AnyRow) -> ArchivedExport:
    facts = {name: getattr(row, name) for name in ("format", "passed", "digest", "size_bytes", "created_at", "report")}
    return ArchivedExport(**facts)


def _signature(row: AnyRow) -> ArchivedSignature:
    return ArchivedSignature(**{name: getattr(row, name) for name in ("key_id", "statement", "bundle", "created_at")})


def _run(connection: Connection, run_id: str) -> ArchivedRun:
    row = connection.execute(_RUN, {"run": run_id}).one()
    return ArchivedRun(**{name: getattr(row, name) for name in ArchivedRun.model_fields})

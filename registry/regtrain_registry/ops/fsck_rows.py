"""Checks of the rows that no constraint of a database makes: readable, complete, consistent. Nothing is changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

from sqlalchemy import Connection, func, select, text

from regtrain_registry.db.columns import AnyRow, V, version_of, version_text
from regtrain_registry.db.decoding import damaged_values
from regtrain_registry.db.tables import ALIASES, MODELS, UNREADABLE, VERSIONS
from regtrain_registry.db.tables.all import METADATA
from regtrain_registry.db.tables.blobs import ARTIFACTS, BLOBS
from regtrain_registry.db.tables.lineage import LINEAGE
from regtrain_registry.domain.lineage import cycle
from regtrain_registry.domain.records import STORED_STATUSES, ArtifactKind, VersionStatus
from regtrain_registry.domain.registration import digest_of
from regtrain_registry.domain.verification import Problem
from regtrain_registry.json_values import as_text
from regtrain_registry.ops.chunks import misplaced_tensors, wrong_ranges
from regtrain_registry.ops.event_log import broken_chains
from regtrain_registry.semver import sort_key

__all__ = ["problems"]

SHOWN = 20
STATUSES = {status.value for status in STORED_STATUSES}

_VERSIONS = (
    select(V.id, MODELS.c.name, V.number, V.major, V.minor, V.patch, V.prerelease, V.sort_key, V.status)
    .add_columns(V.digest, V.size_bytes)
    .join_from(VERSIONS, MODELS, MODELS.c.id == V.model_id)
    .order_by(V.id)
)
_FILES = (
    select(ARTIFACTS.c.version_id, ARTIFACTS.c.path, ARTIFACTS.c.kind, ARTIFACTS.c.digest, BLOBS.c.size_bytes)
    .join(BLOBS, BLOBS.c.digest == ARTIFACTS.c.digest)
    .order_by(ARTIFACTS.c.version_id)
)
_COUNTS = (
    select(MODELS.c.name, MODELS.c.next_number, func.count(V.id).label("versions"), func.max(V.number).label("highest"))
    .join_from(MODELS, VERSIONS, V.model_id == MODELS.c.id, isouter=True)
    .group_by(MODELS.c.id, MODELS.c.name, MODELS.c.next_number)
    .order_by(MODELS.c.name)
)
_ALIASED = (
    select(ALIASES.c.name.label("alias"), ALIASES.c.model_id, V.model_id.label("owner"), V.status, MODELS.c.name)
    .join_from(ALIASES, MODELS, MODELS.c.id == ALIASES.c.model_id)
    .join(VERSIONS, V.id == ALIASES.c.version_id)
    .order_by(MODELS.c.name, ALIASES.c.name)
)
_COLLECTED = (
    select(BLOBS.c.digest)
    .join(ARTIFACTS, ARTIFACTS.c.digest == BLOBS.c.digest)
    .join(VERSIONS, V.id == ARTIFACTS.c.version_id)
    .where(BLOBS.c.collected_at.is_not(None), V.status != VersionStatus.COLLECTED.value)
    .distinct()
    .order_by(BLOBS.c.digest)
)


def problems(connection: Connection) -> Iterator[Problem]:
    """Everything that is wrong with the rows. A damaged database file ends the check."""
    damage = list(_file_of_the_database(connection))
    yield from damage
    if damage:
        return
    damaged = list(_values(connection))
    yield from damaged
    checks = (_dangling, _history, _numbers, _versions, _aliases, _lineage, wrong_ranges, _collected, misplaced_tensors)
    for check in checks:
        try:
            yield from check(connection)
        except UNREADABLE:
            if not damaged:  # else it is one of the values that were named above
                raise


def _values(connection: Connection) -> Iterator[Problem]:
    """Values that cannot be decoded, in every column of every table."""
    for table in METADATA.sorted_tables:
        for found in damaged_values(connection, table):
            yield Problem("row", f"{found.table} {found.row}", str(found))


def _history(connection: Connection) -> Iterator[Problem]:
    for model, seq in broken_chains(connection):
        yield Problem("history", model, f"the history of {model} was changed: event {seq} does not match its hash")


def _collected(connection: Connection) -> Iterator[Problem]:
    for digest in connection.execute(_COLLECTED).scalars():
        yield Problem("collected", digest, f"blob {digest} was collected, and a version needs it")


def _file_of_the_database(connection: Connection) -> Iterator[Problem]:
    if connection.dialect.name != "sqlite":  # servers check their own files
        return
    for (found,) in connection.execute(text(f"PRAGMA integrity_check({SHOWN})")):
        if found != "ok":
            yield Problem("database", "database", f"the database file is damaged: {as_text(str(found))}")


def _dangling(connection: Connection) -> Iterator[Problem]:
    """Rows that refer to a missing row, which only a program that turned foreign keys off can leave."""
    for table in METADATA.sorted_tables:
        for key in sorted(table.foreign_keys, key=lambda one: one.parent.name):
            other = key.column.table.alias("other")
            there = select(other.c[key.column.name]).where(other.c[key.column.name] == key.parent).exists()
            query = select(func.count()).select_from(table).where(key.parent.is_not(None), ~there)
            count = connection.execute(query).scalar_one()
            if count:
                target = f"{key.column.table.name}.{key.column.name}"
                yield Problem("dangling", table.name, f"{count} rows of {table.name} name no row of {target}")


def _numbers(connection: Connection) -> Iterator[Problem]:
    """Numbers without gap: rows are never deleted."""
    for row in connection.execute(_COUNTS):
        if row.versions != (row.highest or 0) or row.next_number != row.versions + 1:
            message = (
                f"{row.name} has {row.versions} versions, the highest number is {row.highest or 0} and the next one"
            )
            yield Problem("numbers", row.name, f"{message} {row.next_number}: rows are missing")


def _versions(connection: Connection) -> Iterator[Problem]:
    """Sort key, digest and size of each version follow from its rows."""
    files = groupby(connection.execute(_FILES), attrgetter("version_id"))
    owner, rows = next(files, (None, iter(())))
    for version in connection.execute(_VERSIONS):
        ref = f"{version.name}@{version_text(version)}"
        if version.status not in STATUSES:
            yield Problem("status", ref, f"{ref} has the status {version.status!r}, which is no status")
        if version.sort_key != sort_key(version_of(version)):
            yield Problem("order", ref, f"{ref} has a sort key of another version")
        mine: list[AnyRow] = []
        while owner is not None and owner < version.id:  # of a missing version: reported as dangling
            owner, rows = next(files, (None, iter(())))
        if owner == version.id:
            mine = list(rows)
            owner, rows = next(files, (None, iter(())))
        yield from _files(ref, version, mine)


def _files(ref: str, version: AnyRow, files: list[AnyRow]) -> Iterator[Problem]:
    size = sum(file.size_bytes for file in files)
    if size != version.size_bytes:
        yield Problem("size", ref, f"{ref} has files of {size} bytes, and its row says {version.size_bytes}")
    if version.digest != digest_of((file.path, ArtifactKind(file.kind), file.digest) for file in files):
        yield Problem("digest", ref, f"{ref} does not have the digest of its files")


def _aliases(connection: Connection) -> Iterator[Problem]:
    for row in connection.execute(_ALIASED):
        ref = f"{row.name}@{row.alias}"
        if row.owner != row.model_id:
            yield Problem("alias", ref, f"{ref} names a version of another model")
        elif row.status == VersionStatus.COLLECTED.value:
            yield Problem("alias", ref, f"{ref} names a version that was collected")


def _lineage(connection: Connection) -> Iterator[Problem]:
    """No version is its own ancestor."""
    parents: dict[int, list[int]] = defaultdict(list)
    for child, parent in connection.execute(select(LINEAGE.c.child_id, LINEAGE.c.parent_id).distinct()):
        parents[child].append(parent)
    ids = cycle(parents)
    if ids:
        rows = {row.id: f"{row.name}@{version_text(row)}" for row in connection.execute(_VERSIONS.where(V.id.in_(ids)))}
        refs = [rows.get(one, str(one)) for one in ids]
        yield Problem("lineage", refs[0], f"{' comes from '.join([*refs, refs[0]])}", tuple(refs))

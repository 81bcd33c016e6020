"""The rows of blobs: what a registration inserts for the files that it has stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, insert, select, update

from regtrain_registry.db.columns import AnyRow, chunks
from regtrain_registry.db.tables.blobs import BLOBS
from regtrain_registry.db.tables.lifecycle import REGISTRY
from regtrain_registry.domain.records import ArtifactKind, FileToStore
from regtrain_registry.errors import BlobMissingError
from regtrain_registry.ops.chunks import forget_ranges, load_blobs, record_ranges, record_tensors
from regtrain_registry.store.blob import Blob, SourceFile, Stored, file_blobs
from regtrain_registry.store.store import Store

__all__ = ["is_safetensors", "record", "share_store", "source_file"]

# Statements are built once, at module level: to build one takes longer than to run it.
_STORE = select(REGISTRY.c.id).with_for_update(read=True)  # collections wait, registrations do not
_DIGESTS: BindParameter[list[str]] = bindparam("digests", expanding=True)
_KNOWN = select(BLOBS.c.digest, BLOBS.c.collected_at, BLOBS.c.composed).where(BLOBS.c.digest.in_(_DIGESTS))
_REVIVE = update(BLOBS).where(BLOBS.c.digest == bindparam("key")).values(collected_at=None)


def source_file(file: FileToStore) -> SourceFile:
    """A file of a registration, for the store."""
    return SourceFile(file.path, file.digest, file.link, is_safetensors(file.kind, file.name))


def is_safetensors(kind: str, name: str) -> bool:
    """Whether a file must be a safetensors file: weights whose name says so."""
    return kind == ArtifactKind.WEIGHTS and name.lower().endswith(".safetensors")


def share_store(connection: Connection) -> None:
    """Keep collections out until the transaction ends; SQLite's writers are alone anyway."""
    if connection.dialect.name != "sqlite":
        connection.execute(_STORE)


def record(connection: Connection, stored: Sequence[Stored], store: Store, now: datetime) -> None:
    """Insert the blobs, ranges and tensors that are not recorded; `BlobMissingError` if a file left the store.

    The caller's transaction holds the row of the registry, so that nothing is collected meanwhile.
    """
    absent = store.missing(one.blob for one in stored)
    if absent:
        raise BlobMissingError(f"blob {absent[0].digest} left the store while registering", "Register again.")
    offered = {one.blob.digest: one.blob for one in stored}
    rows = _rows(connection, offered)
    offered = {
        digest: blob
        for digest, blob in offered.items()
        if digest not in rows or not _is_current(connection, rows[digest], blob, store)
    }
    # The files that were made for a blob which is recorded in another way are not needed, and will be collected.
    sources = {blob.digest: blob for blob in file_blobs(offered.values())}
    rows |= _rows(connection, sources.keys() - rows.keys())
    blobs = [blob for _, blob in sorted((sources | offered).items())]
    new = [blob for blob in blobs if blob.digest not in rows]
    if new:
        connection.execute(insert(BLOBS), [_row(blob) | {"created_at": now} for blob in new])
    changed = [
        blob for blob in blobs if blob.digest in rows and not _is_current(connection, rows[blob.digest], blob, store)
    ]
    for blob in changed:
        connection.execute(_REVIVE.values(composed=bool(blob.ranges)), {"key": blob.digest})
    forget_ranges(connection, [blob.digest for blob in changed])
    record_ranges(connection, [*new, *changed])
    record_tensors(connection, [tensor for one in stored for tensor in one.tensors], {*rows, *sources})


def _rows(connection: Connection, digests: Iterable[str]) -> dict[str, AnyRow]:
    """The recorded blobs among these."""
    batches = chunks(sorted(digests))
    return {row.digest: row for batch in batches for row in connection.execute(_KNOWN, {"digests": batch})}


def _row(blob: Blob) -> dict[str, Any]:
    return {"digest": blob.digest, "size_bytes": blob.size_bytes, "composed": bool(blob.ranges)}


def _is_current(connection: Connection, row: AnyRow, blob: Blob, store: Store) -> bool:
    """Whether the record of a blob is still right, though the blob may have been stored in another way just now."""
    if row.collected_at is not None:
        return False
    if not row.composed:
        return not blob.ranges or store.holds(Blob(blob.digest, blob.size_bytes))
    if not blob.ranges:
        return False
    recorded = load_blobs(connection, {blob.digest: blob.size_bytes})[blob.digest]
    # Other ranges than the recorded ones were verified just now; of the recorded ones some may be damaged.
    return recorded == blob and not store.missing([recorded])

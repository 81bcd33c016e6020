"""Blobs, their parts and their tensors as rows: what a registration looks up before it stores, and inserts after."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, update

from regtrain_registry.db.columns import AnyRow, chunks
from regtrain_registry.db.tables.blobs import BLOBS, PARTS, SEGMENTS
from regtrain_registry.db.tables.lifecycle import REGISTRY
from regtrain_registry.errors import BlobMissingError
from regtrain_registry.store.content import Blob, Part, Segment, Store, Stored, physical

__all__ = ["composed", "known_tensors", "record", "share_store"]

# Statements stand at module level: to build one takes longer than to run it.
_STORE = select(REGISTRY.c.id).with_for_update(read=True)  # who collects waits, who registers does not
_DIGESTS: BindParameter[list[str]] = bindparam("digests", expanding=True)
_LIVE = BLOBS.c.collected_at.is_(None) & BLOBS.c.composed.is_(False)
_TENSORS = (
    select(SEGMENTS, BLOBS.c.size_bytes.label("whole"))
    .join(BLOBS, BLOBS.c.digest == SEGMENTS.c.blob)
    .where(SEGMENTS.c.digest.in_(_DIGESTS), _LIVE)
)
_PLACED = select(SEGMENTS.c.digest).where(SEGMENTS.c.digest.in_(_DIGESTS))
_PLACE = update(SEGMENTS).where(SEGMENTS.c.digest == bindparam("key"))
_PARTS = (
    select(PARTS, BLOBS.c.size_bytes.label("whole"))
    .join(BLOBS, BLOBS.c.digest == PARTS.c.source)
    .where(PARTS.c.digest.in_(_DIGESTS))
    .order_by(PARTS.c.digest, PARTS.c.position)
)
_KNOWN = select(BLOBS.c.digest, BLOBS.c.collected_at, BLOBS.c.composed).where(BLOBS.c.digest.in_(_DIGESTS))
_REVIVE = update(BLOBS).where(BLOBS.c.digest == bindparam("key")).values(collected_at=None)
_FORGET = delete(PARTS).where(PARTS.c.digest.in_(_DIGESTS))


def share_store(connection: Connection) -> None:
    """Keep those out until the transaction ends who take files out of the store; SQLite's writers are alone anyway."""
    if connection.dialect.name != "sqlite":
        connection.execute(_STORE)


def known_tensors(connection: Connection, digests: Sequence[str]) -> dict[str, Part]:
    """Where tensors lie, by their BLAKE3; those whose blob was collected are left out."""
    return {
        row.digest: Part(Blob(row.blob, row.whole), row.start, row.size_bytes)
        for batch in chunks(digests)
        for row in connection.execute(_TENSORS, {"digests": batch})
    }


def composed(connection: Connection, digests: Iterable[str]) -> dict[str, tuple[Part, ...]]:
    """The parts of those blobs that are composed, by digest."""
    rows = (row for batch in chunks(sorted(set(digests))) for row in connection.execute(_PARTS, {"digests": batch}))
    return {
        digest: tuple(Part(Blob(row.source, row.whole), row.start, row.size_bytes) for row in parts)
        for digest, parts in groupby(rows, attrgetter("digest"))
    }


def record(connection: Connection, stored: Sequence[Stored], store: Store, now: datetime) -> None:
    """Insert what is not there of blobs, parts and places of tensors; `BlobMissingError` if a file left the store.

    Nobody collects while the transaction holds the registry's row.
    """
    absent = store.missing(one.blob for one in stored)
    if absent:
        raise BlobMissingError(f"blob {absent[0].digest} left the store while registering", "Register again.")
    offered = {one.blob.digest: one.blob for one in stored}
    rows = _rows(connection, offered)
    offered = {d: blob for d, blob in offered.items() if d not in rows or not _stands(connection, rows[d], blob, store)}
    # Of what stands in another way, the files that were made now are not needed, and collected some day.
    sources = {blob.digest: blob for blob in physical(offered.values())}
    rows |= _rows(connection, sources.keys() - rows.keys())
    blobs = [blob for _, blob in sorted((sources | offered).items())]
    new = [blob for blob in blobs if blob.digest not in rows]
    if new:
        connection.execute(insert(BLOBS), [_row(blob) | {"created_at": now} for blob in new])
    changed = [
        blob for blob in blobs if blob.digest in rows and not _stands(connection, rows[blob.digest], blob, store)
    ]
    for blob in changed:
        connection.execute(_REVIVE.values(composed=bool(blob.parts)), {"key": blob.digest})
        connection.execute(_FORGET, {"digests": [blob.digest]})
    _insert_parts(connection, [blob for blob in (*new, *changed) if blob.parts])
    _place_tensors(connection, [segment for one in stored for segment in one.segments], {*rows, *sources})


def _rows(connection: Connection, digests: Iterable[str]) -> dict[str, AnyRow]:
    """What is recorded of blobs."""
    batches = chunks(sorted(digests))
    return {row.digest: row for batch in batches for row in connection.execute(_KNOWN, {"digests": batch})}


def _row(blob: Blob) -> dict[str, Any]:
    return {"digest": blob.digest, "size_bytes": blob.size_bytes, "composed": bool(blob.parts)}


def _stands(connection: Connection, row: AnyRow, blob: Blob, store: Store) -> bool:
    """Whether what is recorded of a blob is still so: it need not be stored in the way that it was found again."""
    if row.collected_at is not None:
        return False
    if not row.composed:
        return not blob.parts or not store.missing([Blob(blob.digest, blob.size_bytes)])
    if not blob.parts:
        return False
    parts = composed(connection, [blob.digest]).get(blob.digest, ())
    # Other parts than the recorded ones were verified just now; of the recorded ones some may be damaged.
    return parts == blob.parts and not store.missing([Blob(blob.digest, blob.size_bytes, parts)])


def _insert_parts(connection: Connection, blobs: Sequence[Blob]) -> None:
    values = [
        {
            "digest": blob.digest,
            "position": position,
            "source": part.source.digest,
            "start": part.start,
            "size_bytes": part.size_bytes,
        }
        for blob in blobs
        for position, part in enumerate(blob.parts)
    ]
    if values:
        connection.execute(insert(PARTS), values)


def _place_tensors(connection: Connection, segments: Sequence[Segment], recorded: Container[str]) -> None:
    """Record where tensors lie in recorded blobs; what is known to lie in a blob that is there stays."""
    wanted = {segment.digest: segment.place for segment in segments if segment.place.source.digest in recorded}
    if not wanted:
        return
    digests = sorted(wanted)
    live = known_tensors(connection, digests)
    placed = {
        digest for batch in chunks(digests) for digest in connection.execute(_PLACED, {"digests": batch}).scalars()
    }
    for digest in sorted(placed - live.keys()):
        connection.execute(_PLACE.values(_place(wanted[digest])), {"key": digest})
    new = [_place(wanted[digest]) | {"digest": digest} for digest in digests if digest not in placed]
    if new:
        connection.execute(insert(SEGMENTS), new)


def _place(part: Part) -> dict[str, str | int]:
    return {"blob": part.source.digest, "start": part.start, "size_bytes": part.size_bytes}

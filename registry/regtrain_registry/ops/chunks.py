"""The index of chunks: the ranges that chunked blobs consist of, and where the bytes of tensors are stored.

This module alone reads and writes the two tables. They are in the database and not in the store, because their rows
must be committed in one transaction with the version that needs them, and be read by a collection under the lock that
keeps registrations out. A store has neither transactions nor locks: it may be any folder or bucket.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Subquery,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from regtrain_registry.db.columns import AnyRow, chunks
from regtrain_registry.db.tables.blobs import BLOBS, PARTS, SEGMENTS
from regtrain_registry.domain.verification import Problem
from regtrain_registry.store.blob import Blob, Range, TensorLocation

__all__ = [
    "chunked_from",
    "consists_of",
    "find_tensors",
    "forget_ranges",
    "forget_tensors",
    "join_files",
    "load_blobs",
    "misplaced_tensors",
    "record_ranges",
    "record_tensors",
    "sources_of",
    "wrong_ranges",
]

SHOWN = 20

# Statements are built once, at module level: to build one takes longer than to run it.
_DIGESTS: BindParameter[Sequence[str]] = bindparam("digests", expanding=True)
_TENSORS = (
    select(SEGMENTS, BLOBS.c.size_bytes.label("whole"))
    .join(BLOBS, BLOBS.c.digest == SEGMENTS.c.blob)
    .where(SEGMENTS.c.digest.in_(_DIGESTS), BLOBS.c.collected_at.is_(None), BLOBS.c.composed.is_(False))
)
_RECORDED = select(SEGMENTS.c.digest).where(SEGMENTS.c.digest.in_(_DIGESTS))
_RELOCATE = update(SEGMENTS).where(SEGMENTS.c.digest == bindparam("key"))
_RANGES = (
    select(PARTS, BLOBS.c.size_bytes.label("whole"))
    .join(BLOBS, BLOBS.c.digest == PARTS.c.source)
    .where(PARTS.c.digest.in_(_DIGESTS))
    .order_by(PARTS.c.digest, PARTS.c.position)
)
_FORGET_RANGES = delete(PARTS).where(PARTS.c.digest.in_(_DIGESTS))
_FORGET_TENSORS = delete(SEGMENTS).where(SEGMENTS.c.blob.in_(_DIGESTS))
_CHUNKED_FROM = select(PARTS.c.source, PARTS.c.digest).where(PARTS.c.source.in_(_DIGESTS)).distinct()
_SOURCES = select(PARTS.c.source).where(PARTS.c.digest.in_(_DIGESTS)).distinct()
_SOURCE = BLOBS.alias("source")
_ALL_RANGES = (
    select(PARTS, _SOURCE.c.size_bytes.label("whole"), _SOURCE.c.composed)
    .join_from(PARTS, _SOURCE, _SOURCE.c.digest == PARTS.c.source)
    .order_by(PARTS.c.digest, PARTS.c.position)
)
_ALL_BLOBS = select(BLOBS.c.digest, BLOBS.c.size_bytes, BLOBS.c.composed, BLOBS.c.collected_at)
_OUTSIDE = (
    select(SEGMENTS.c.digest, SEGMENTS.c.blob)
    .join(BLOBS, BLOBS.c.digest == SEGMENTS.c.blob)
    .where((SEGMENTS.c.start < 0) | (SEGMENTS.c.start + SEGMENTS.c.size_bytes > BLOBS.c.size_bytes))
    .limit(SHOWN)
)


def find_tensors(connection: Connection, digests: Sequence[str]) -> dict[str, Range]:
    """BLAKE3 digests → where the store keeps those bytes; tensors of collected blobs are left out."""
    return {row.digest: _range(row, row.blob) for row in _rows(connection, _TENSORS, digests)}


def load_blobs(connection: Connection, sizes: Mapping[str, int]) -> dict[str, Blob]:
    """The blobs as the store needs them to read them, by their digest. sizes: digest → bytes."""
    rows = groupby(_rows(connection, _RANGES, sizes), attrgetter("digest"))
    ranges = {digest: tuple(_range(row, row.source) for row in some) for digest, some in rows}
    return {digest: Blob(digest, size, ranges.get(digest, ())) for digest, size in sizes.items()}


def record_ranges(connection: Connection, blobs: Iterable[Blob]) -> None:
    """Insert the ranges of those blobs that are chunked; the blobs themselves are recorded already."""
    values = [
        {"digest": blob.digest, "position": position} | _values(part, "source")
        for blob in blobs
        for position, part in enumerate(blob.ranges)
    ]
    if values:
        connection.execute(insert(PARTS), values)


def record_tensors(connection: Connection, tensors: Sequence[TensorLocation], recorded: Container[str]) -> None:
    """Record locations in those blobs that are recorded; a location that is known and still valid stays."""
    wanted = {tensor.digest: tensor.range for tensor in tensors if tensor.range.source.digest in recorded}
    if not wanted:
        return
    digests = sorted(wanted)
    valid = find_tensors(connection, digests)
    known = {row.digest for row in _rows(connection, _RECORDED, digests)}
    for digest in sorted(known - valid.keys()):
        connection.execute(_RELOCATE.values(_values(wanted[digest], "blob")), {"key": digest})
    new = [_values(wanted[digest], "blob") | {"digest": digest} for digest in digests if digest not in known]
    if new:
        connection.execute(insert(SEGMENTS), new)


def forget_ranges(connection: Connection, digests: Iterable[str]) -> None:
    """Delete the ranges of chunked blobs."""
    for some in chunks(sorted(digests)):
        connection.execute(_FORGET_RANGES, {"digests": some})


def forget_tensors(connection: Connection, blobs: Iterable[str]) -> None:
    """Delete the locations of tensors in blobs with these digests."""
    for some in chunks(sorted(blobs)):
        connection.execute(_FORGET_TENSORS, {"digests": some})


def sources_of(connection: Connection, digests: Iterable[str]) -> set[str]:
    """The blobs that chunked ones among these have ranges of."""
    return {row.source for row in _rows(connection, _SOURCES, digests)}


def chunked_from(connection: Connection, digests: Collection[str]) -> list[tuple[str, str]]:
    """The other way round: pairs of one of these digests and a chunked blob with a range of it."""
    return [(row.source, row.digest) for row in _rows(connection, _CHUNKED_FROM, digests)]


def join_files(named: Subquery) -> FromClause:
    """Digests in the column `digest`, joined with the rows of the blobs whose files they consist of."""
    ranges = named.outerjoin(PARTS, PARTS.c.digest == named.c.digest)
    return ranges.join(BLOBS, BLOBS.c.digest == func.coalesce(PARTS.c.source, named.c.digest))


def consists_of(column: ColumnElement[str], digest: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the blob in a column is that with the digest, or has a range of it."""
    ranges = select(PARTS.c.digest).where(PARTS.c.digest == column, PARTS.c.source == digest)
    return (column == digest) | ranges.exists()


def wrong_ranges(connection: Connection) -> Iterator[Problem]:
    """Chunked blobs that are not as long as their ranges, or have ranges outside of files."""
    found = {digest: list(rows) for digest, rows in groupby(connection.execute(_ALL_RANGES), attrgetter("digest"))}
    for blob in connection.execute(_ALL_BLOBS):
        ranges = found.get(blob.digest, [])
        wrong = blob.collected_at is None and _defect(ranges, blob.size_bytes, bool(blob.composed))
        if wrong:
            yield Problem("parts", blob.digest, f"blob {blob.digest} {wrong}")


def misplaced_tensors(connection: Connection) -> Iterator[Problem]:
    """Locations of tensors outside of the files that they are in."""
    for row in connection.execute(_OUTSIDE):
        yield Problem("segment", row.digest, f"tensor {row.digest} is recorded outside of blob {row.blob}")


def _defect(ranges: list[AnyRow], size: int, chunked: bool) -> str | None:
    if not chunked:
        return "has ranges and is not chunked" if ranges else None
    if [row.position for row in ranges] != list(range(len(ranges))) or not ranges:
        return "is chunked, and ranges of it are missing"
    if sum(row.size_bytes for row in ranges) != size:
        return "is not as long as its ranges"
    inside = all(
        row.start >= 0 and row.size_bytes > 0 and row.start + row.size_bytes <= row.whole and not row.composed
        for row in ranges
    )
    return None if inside else "has ranges outside of the files that they belong to"


def _rows(connection: Connection, query: Any, digests: Iterable[str]) -> Iterator[AnyRow]:
    for some in chunks(sorted(set(digests))):
        yield from connection.execute(query, {"digests": some})


def _range(row: AnyRow, source: str) -> Range:
    return Range(Blob(source, row.whole), row.start, row.size_bytes)


def _values(part: Range, column: str) -> dict[str, str | int]:
    return {column: part.source.digest, "start": part.start, "size_bytes": part.size_bytes}

"""How a file is cut along its large tensors, so that a tensor that several files share is stored once. Pure."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from regtrain_registry.store.blob import Range

__all__ = ["Chunk", "Span", "cut", "merge", "shares_enough"]

OWN_FILE = 1 << 20  # bytes from which on a tensor gets a file of its own
MIN_SHARE = 0.1  # share of a file's bytes that must be in the store already


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a file that are a large tensor, and their BLAKE3 (`blake3:…`)."""

    digest: str
    start: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of a file that are stored together.

    stored: where the store has them already, if it has. digest: set for large tensors. own: whether they get a file of
    their own.
    """

    start: int
    size_bytes: int
    digest: str | None = None
    stored: Range | None = None
    own: bool = False


def shares_enough(spans: Sequence[Span], known: Container[str], file_size: int) -> bool:
    """Whether enough of a file is in the store already, or twice in the file, for it to be chunked."""
    seen: set[str] = set()
    size = 0
    for span in spans:
        if span.digest in known or (span.digest in seen and span.size_bytes >= OWN_FILE):
            size += span.size_bytes
        seen.add(span.digest)
    return size >= MIN_SHARE * file_size > 0


def cut(file_size: int, spans: Sequence[Span], locate: Callable[[str], Range | None]) -> list[Chunk]:
    """The whole file as chunks, in order: known tensors, new ones, and the bytes between them."""
    found: list[Chunk] = []
    at = 0
    for span in spans:
        if span.start > at:
            found.append(Chunk(at, span.start - at))
        stored = locate(span.digest)
        own = stored is None and span.size_bytes >= OWN_FILE
        found.append(Chunk(span.start, span.size_bytes, span.digest, stored, own))
        at = span.start + span.size_bytes
    if at < file_size:
        found.append(Chunk(at, file_size - at))
    return found


def merge(ranges: Sequence[Range]) -> tuple[Range, ...]:
    """The same bytes in as few ranges as possible."""
    found: list[Range] = []
    for one in ranges:
        last = found[-1] if found else None
        if last and last.source == one.source and last.start + last.size_bytes == one.start:
            found[-1] = Range(last.source, last.start, last.size_bytes + one.size_bytes)
        else:
            found.append(one)
    return tuple(found)

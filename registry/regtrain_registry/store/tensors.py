"""Where the tensors of a safetensors file lie, read from its header; and how a file is cut along them. Pure.

What is not exactly such a file is no error: it is stored as the bytes that it is.
Source of the format: https://huggingface.co/docs/safetensors/index#format
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pydantic_core import from_json

from regtrain_registry.store.content import Part

__all__ = ["LENGTH", "Piece", "Span", "header_size", "merged", "pieces", "shared", "tensors"]

LENGTH = 8  # bytes that say how long the header is
HEADER_LIMIT = 4 << 20  # some 40,000 tensors; a header takes thirty times its size while it is read
LARGE = 64 << 10  # a tensor of so many bytes is stored once
OWN = 1 << 20  # of so many, in a file of its own
WORTH = 0.1  # share of a file's bytes that must be there already

BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a file, and their BLAKE3 (`blake3:…`)."""

    digest: str
    start: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a file that go together: the place where the store has them, or none.

    `digest` is set for large tensors; `own` for those that get a blob of their own.
    """

    start: int
    size_bytes: int
    digest: str | None = None
    place: Part | None = None
    own: bool = False


def header_size(length: bytes, file_size: int) -> int | None:
    """Bytes of the header, from the first eight; None for what cannot be the beginning of such a file."""
    size = int.from_bytes(length, "little") if len(length) == LENGTH else 0
    return size if 2 <= size <= min(HEADER_LIMIT, file_size - LENGTH) else None


def tensors(header: bytes, file_size: int) -> list[tuple[int, int]]:
    """Start and size in the file of each large tensor, in order; empty unless the header is right in every length.

    Tensors must lie back to back up to the end of the file, each as long as its shape and type say.
    """
    try:
        from_json(header)  # refuses what is nested deep, which Python's parser follows to the end of the stack
        found = json.loads(header.decode(), object_pairs_hook=_distinct, parse_constant=_refuse)
        spans = sorted(_offsets(entry) for name, entry in found.items() if name != "__metadata__")
    except (ValueError, TypeError, KeyError, AttributeError):
        return []
    begin = LENGTH + len(header)
    if not spans or spans[0][0] != 0 or spans[-1][1] != file_size - begin:
        return []
    if any(before[1] != after[0] for before, after in pairwise(spans)):
        return []
    return [(begin + start, end - start) for start, end in spans if end - start >= LARGE]


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _offsets(entry: dict[str, Any]) -> tuple[int, int]:
    """First byte and the one behind the last, counted from the header's end; ValueError for what does not fit."""
    shape, (start, end) = entry["shape"], entry["data_offsets"]
    if len(shape) > 64 or any(type(number) is not int or not 0 <= number < 2**63 for number in (*shape, start, end)):
        raise ValueError("no shape")
    if math.prod(shape) * BITS[entry["dtype"]] != 8 * (end - start):
        raise ValueError("shape and bytes differ")
    return start, end


def shared(spans: Sequence[Span], known: Container[str], file_size: int) -> bool:
    """Whether enough of the file is in the store, or in the file twice, for it to be composed."""
    seen: set[str] = set()
    size = 0
    for span in spans:
        if span.digest in known or (span.digest in seen and span.size_bytes >= OWN):
            size += span.size_bytes
        seen.add(span.digest)
    return size >= WORTH * file_size > 0


def pieces(file_size: int, spans: Sequence[Span], place_of: Callable[[str], Part | None]) -> list[Piece]:
    """The whole file as pieces, in order: known tensors, new ones, and what lies between."""
    found: list[Piece] = []
    at = 0
    for span in spans:
        if span.start > at:
            found.append(Piece(at, span.start - at))
        place = place_of(span.digest)
        own = place is None and span.size_bytes >= OWN
        found.append(Piece(span.start, span.size_bytes, span.digest, place, own))
        at = span.start + span.size_bytes
    if at < file_size:
        found.append(Piece(at, file_size - at))
    return found


def merged(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The same bytes in as few parts as can be."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if last and last.source == part.source and last.start + last.size_bytes == part.start:
            found[-1] = Part(last.source, last.start, last.size_bytes + part.size_bytes)
        else:
            found.append(part)
    return tuple(found)

"""The header of a safetensors file: whether it is sound, and where the large tensors lie. Pure.

Source of the format: https://huggingface.co/docs/safetensors/index#format
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from pydantic_core import from_json

__all__ = ["LENGTH", "find_defect", "large_tensors", "read_size"]

LENGTH = 8  # bytes that hold the length of the header
CHUNKED_LIMIT = 4 << 20  # some 40,000 tensors; a header takes thirty times its size while it is read
LIMIT = 16 << 20  # of a header that is only checked
LARGE = 64 << 10  # bytes from which on a tensor is stored once

BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}


def read_size(prefix: bytes, file_size: int, limit: int = CHUNKED_LIMIT) -> int | None:
    """Bytes of the header, from the first eight of the file; None for what cannot be the beginning of such a file."""
    size = int.from_bytes(prefix, "little") if len(prefix) == LENGTH else 0
    return size if 2 <= size <= min(limit, file_size - LENGTH) else None


def large_tensors(header: bytes, file_size: int) -> list[tuple[int, int]]:
    """Start and size in the file of each large tensor, in order; none of a header that is not sound."""
    try:
        spans = _offsets(header, file_size)
    except ValueError:
        return []
    begin = LENGTH + len(header)
    return [(begin + start, end - start) for start, end in spans if end - start >= LARGE]


def find_defect(read: Callable[[int, int], bytes], file_size: int) -> str | None:
    """Why a file is not safetensors; None for a sound one.

    read: the bytes of the file from an offset on, so many or up to its end.
    """
    prefix = read(0, LENGTH)
    size = read_size(prefix, file_size, LIMIT)
    if size is None:
        if len(prefix) < LENGTH:
            return f"it has {len(prefix)} bytes"
        return f"its header would take {int.from_bytes(prefix, 'little')} bytes of {file_size}"
    header = read(LENGTH, size)
    try:
        _offsets(header, file_size)
    except ValueError as error:
        return str(error)
    return None


def _offsets(header: bytes, file_size: int) -> list[tuple[int, int]]:
    """Begin and end of each tensor, counted from the end of the header; ValueError with the reason.

    Tensors must lie back to back up to the end of the file, each as long as its shape and type say.
    """
    entries = _parsed(header)
    spans = sorted(_span(name, entry) for name, entry in entries.items() if name != "__metadata__")
    size = file_size - LENGTH - len(header)
    ends = [0, *(end for _, end in spans)]
    if any(end != start for end, (start, _) in zip(ends, spans, strict=False)):
        overlap = any(before[1] > after[0] for before, after in pairwise(spans))
        raise ValueError("its tensors overlap" if overlap else "there are gaps between its tensors")
    if ends[-1] != size:
        raise ValueError(f"its header names {ends[-1]} bytes of tensors, and there are {size}")
    return spans


def _parsed(header: bytes) -> dict[str, Any]:
    try:
        from_json(header)  # refuses what is nested deep, which Python's parser follows to the end of the stack
        entries = json.loads(header.decode(), object_pairs_hook=_distinct, parse_constant=_refuse)
    except ValueError:
        raise ValueError("its header is not JSON") from None
    if not isinstance(entries, dict):
        raise ValueError("its header is not a JSON object")
    metadata = entries.get("__metadata__", {})
    if not isinstance(metadata, dict) or any(not isinstance(value, str) for value in metadata.values()):
        raise ValueError("its metadata are not text")
    return entries


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _span(name: str, entry: Any) -> tuple[int, int]:
    """Begin and end of one tensor."""
    try:
        shape, (start, end), bits = entry["shape"], entry["data_offsets"], BITS[entry["dtype"]]
        numbers = [*shape, start, end]
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"the entry of tensor {name[:80]!r} is not one") from None
    if len(shape) > 64 or any(type(number) is not int or not 0 <= number < 2**63 for number in numbers):
        raise ValueError(f"tensor {name[:80]!r} has an impossible shape")
    if math.prod(shape) * bits != 8 * (end - start):
        raise ValueError(f"tensor {name[:80]!r} has a shape that does not fit its bytes")
    return start, end

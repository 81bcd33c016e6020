"""Files read into memory as a whole, and their digests, on all cores."""

from __future__ import annotations

import hashlib
import mmap
import os
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from typing import BinaryIO

from blake3 import blake3

from regtrain_registry.store.blob import ALGORITHM, TENSOR_ALGORITHM

__all__ = ["allocate", "digest_of", "read_into"]

PIECE = 16 << 20  # bytes that one thread reads at a time
THREADS = 4


def allocate(size: int) -> memoryview:
    """Memory for so many bytes whose pages are made when they are first written to, unlike those of a bytearray."""
    return memoryview(mmap.mmap(-1, size) if size else b"")


def read_into(stream: BinaryIO, view: memoryview) -> bool:
    """Read a stream into memory; whether it has exactly as many bytes as the memory."""
    if isinstance(stream, FileIO) and len(view) > PIECE:
        # Most of the time goes into fresh pages of memory, and each thread gets its own.
        with ThreadPoolExecutor(THREADS) as pool:
            starts = range(0, len(view), PIECE)
            whole = all(pool.map(lambda start: _read_at(stream.fileno(), view[start : start + PIECE], start), starts))
        stream.seek(len(view))
    else:
        at = 0
        while at < len(view) and (count := stream.readinto(view[at:])):  # type: ignore[attr-defined]
            at += count
        whole = at == len(view)
    return whole and not stream.read(1)


def _read_at(handle: int, view: memoryview, start: int) -> bool:
    at = 0
    while at < len(view) and (count := os.preadv(handle, [view[at:]], start + at)):
        at += count
    return at == len(view)


def digest_of(content: memoryview, like: str) -> str:
    """The digest of the content by the algorithm of another digest."""
    if like.startswith(f"{TENSOR_ALGORITHM}:"):
        hashed = blake3(max_threads=blake3.AUTO)
        hashed.update(content)
        return f"{TENSOR_ALGORITHM}:{hashed.hexdigest()}"
    return f"{ALGORITHM}:{hashlib.sha256(content).hexdigest()}"

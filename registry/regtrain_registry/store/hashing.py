"""Two digests of one file at a time, in threads of their own, while the file may still be growing.

SHA-256 names the blob, BLAKE3 its tensors. Neither waits for the other, nor the copying for them: together they
take no longer than SHA-256 alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Condition
from typing import BinaryIO

from blake3 import blake3

from regtrain_registry.store.content import ALGORITHM, TENSOR_ALGORITHM
from regtrain_registry.store.streams import CHUNK
from regtrain_registry.store.tensors import LENGTH, Span, header_size, tensors

__all__ = ["Growing", "hash_span", "hash_stored", "hash_tensors", "hash_whole", "spans_of"]


class Growing:
    """A file that one thread writes and others read from the start: they wait for what is not there yet."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._written = 0
        self._complete = False
        self._stopped = False
        self._changed = Condition()

    def grow(self, count: int) -> None:
        """So many more bytes are there."""
        with self._changed:
            self._written += count
            self._changed.notify_all()

    def finish(self) -> None:
        """What is there is all that there will be: nobody waits any more."""
        with self._changed:
            self._complete = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Who reads sees the end at once: what they find is not wanted any more."""
        self._stopped = True
        self.finish()

    def read_into(self, view: memoryview, at: int) -> int:
        """Bytes read at an offset; fewer than asked for where the file ends or is still growing, 0 at its end."""
        with self._changed:
            while not self._complete and self._written <= at:
                self._changed.wait()
            if self._stopped:
                return 0
            limit = len(view) if self._complete else min(len(view), self._written - at)
        return os.preadv(self._handle, [view[:limit]], at)

    def chunks(self, start: int, size: int | None = None) -> Iterator[memoryview]:
        """The bytes from an offset on, to the end or so many; each chunk is valid until the next."""
        view = memoryview(bytearray(CHUNK if size is None else min(CHUNK, size)))
        end = None if size is None else start + size
        while count := self.read_into(view if end is None else view[: end - start], start):
            yield view[:count]
            start += count


@dataclass(frozen=True, slots=True)
class Hashed:
    """BLAKE3 of the whole file if it was asked for, and the large tensors if it is a safetensors file."""

    digest: str | None
    spans: tuple[Span, ...]


def hash_whole(file: Growing) -> tuple[str, int]:
    """SHA-256 of the file's content, and its size."""
    hashed, size = hashlib.sha256(), 0
    for chunk in file.chunks(0):
        hashed.update(chunk)
        size += len(chunk)
    return f"{ALGORITHM}:{hashed.hexdigest()}", size


def hash_tensors(file: Growing, size: int, whole: bool) -> Hashed:
    """BLAKE3 of each large tensor, and of the whole file on demand. `size`: how many bytes the file will have."""
    spans = spans_of(file, size)
    found: list[Span] = []
    everything = blake3()
    at = 0
    for start, length in spans:
        if whole:
            _update(file, at, start - at, everything)
        hashed = blake3()
        _update(file, start, length, hashed, *([everything] if whole else []))
        found.append(Span(f"{TENSOR_ALGORITHM}:{hashed.hexdigest()}", start, length))
        at = start + length
    if not whole:
        return Hashed(None, tuple(found))
    for chunk in file.chunks(at):
        everything.update(chunk)
    return Hashed(f"{TENSOR_ALGORITHM}:{everything.hexdigest()}", tuple(found))


def hash_span(file: Growing, start: int, size: int) -> Span:
    """One tensor with its BLAKE3."""
    hashed = blake3()
    _update(file, start, size, hashed)
    return Span(f"{TENSOR_ALGORITHM}:{hashed.hexdigest()}", start, size)


def hash_stored(stream: BinaryIO, start: int, size: int) -> str:
    """BLAKE3 of so many bytes of a stream from an offset on; of fewer where it ends before."""
    hashed, view = blake3(), memoryview(bytearray(min(CHUNK, size)))
    stream.seek(start)
    while size and (count := stream.readinto(view[:size])):  # type: ignore[attr-defined]
        hashed.update(view[:count])
        size -= count
    return f"{TENSOR_ALGORITHM}:{hashed.hexdigest()}"


def spans_of(file: Growing, size: int) -> list[tuple[int, int]]:
    """Start and size of each large tensor of a file that will have so many bytes."""
    length = header_size(_bytes(file, 0, LENGTH), size)
    return [] if length is None else tensors(_bytes(file, LENGTH, length), size)


def _bytes(file: Growing, start: int, size: int) -> bytes:
    return b"".join(bytes(chunk) for chunk in file.chunks(start, size))


def _update(file: Growing, start: int, size: int, *hashes: blake3) -> None:
    if size:
        for chunk in file.chunks(start, size):
            for hashed in hashes:
                hashed.update(chunk)

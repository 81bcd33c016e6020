"""The two digests of a file, computed in threads while the file is still being copied.

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

from regtrain_registry.store.blob import ALGORITHM, TENSOR_ALGORITHM
from regtrain_registry.store.chunks import Span
from regtrain_registry.store.safetensors_header import LENGTH, large_tensors, read_size
from regtrain_registry.store.streams import CHUNK

__all__ = ["FileInProgress", "hash_range", "hash_span", "hash_tensors", "hash_whole", "tensors_of"]


class FileInProgress:
    """A file that one thread writes while others read it from the start: readers wait for the writer."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._written = 0
        self._complete = False
        self._stopped = False
        self._changed = Condition()

    def wrote(self, count: int) -> None:
        """Tell the readers that so many more bytes were written."""
        with self._changed:
            self._written += count
            self._changed.notify_all()

    def finish(self) -> None:
        """Tell the readers that the file is complete."""
        with self._changed:
            self._complete = True
            self._changed.notify_all()

    def stop(self) -> None:
        """End the readers at once: their results are not needed any more."""
        self._stopped = True
        self.finish()

    def read_into(self, view: memoryview, at: int) -> int:
        """Bytes read at an offset; fewer than asked for where the file ends or was written so far, 0 at its end."""
        with self._changed:
            while not self._complete and self._written <= at:
                self._changed.wait()
            if self._stopped:
                return 0
            limit = len(view) if self._complete else min(len(view), self._written - at)
        return os.preadv(self._handle, [view[:limit]], at)

    def chunks(self, start: int, size: int | None = None) -> Iterator[memoryview]:
        """The bytes from an offset on, so many or to the end; each chunk is valid until the next."""
        view = memoryview(bytearray(CHUNK if size is None else min(CHUNK, size)))
        end = None if size is None else start + size
        while count := self.read_into(view if end is None else view[: end - start], start):
            yield view[:count]
            start += count


@dataclass(frozen=True, slots=True)
class Hashed:
    """BLAKE3 of the whole file, where it was asked for, and the large tensors of a safetensors file."""

    digest: str | None
    spans: tuple[Span, ...]


def hash_whole(file: FileInProgress) -> tuple[str, int]:
    """SHA-256 of the file's content, and its size."""
    hashed, size = hashlib.sha256(), 0
    for chunk in file.chunks(0):
        hashed.update(chunk)
        size += len(chunk)
    return f"{ALGORITHM}:{hashed.hexdigest()}", size


def hash_tensors(file: FileInProgress, size: int, whole: bool) -> Hashed:
    """BLAKE3 of each large tensor, and with `whole` of the file. size: bytes of the complete file."""
    spans = tensors_of(file, size)
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


def hash_span(file: FileInProgress, start: int, size: int) -> Span:
    """One tensor with its BLAKE3."""
    hashed = blake3()
    _update(file, start, size, hashed)
    return Span(f"{TENSOR_ALGORITHM}:{hashed.hexdigest()}", start, size)


def hash_range(stream: BinaryIO, start: int, size: int) -> str:
    """BLAKE3 of so many bytes of a stream from an offset on; of fewer where it ends before."""
    hashed, view = blake3(), memoryview(bytearray(min(CHUNK, size)))
    stream.seek(start)
    while size and (count := stream.readinto(view[:size])):  # type: ignore[attr-defined]
        hashed.update(view[:count])
        size -= count
    return f"{TENSOR_ALGORITHM}:{hashed.hexdigest()}"


def tensors_of(file: FileInProgress, size: int) -> list[tuple[int, int]]:
    """Start and size of each large tensor. size: bytes of the complete file."""
    length = read_size(_bytes(file, 0, LENGTH), size)
    return [] if length is None else large_tensors(_bytes(file, LENGTH, length), size)


def _bytes(file: FileInProgress, start: int, size: int) -> bytes:
    return b"".join(bytes(chunk) for chunk in file.chunks(start, size))


def _update(file: FileInProgress, start: int, size: int, *hashes: blake3) -> None:
    if size:
        for chunk in file.chunks(start, size):
            for hashed in hashes:
                hashed.update(chunk)

"""Reading, copying and hashing bytes."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

from regtrain_registry.errors import FileToStoreError
from regtrain_registry.store.content import ALGORITHM, Blob, Damage, physical

__all__ = [
    "CHUNK",
    "Composed",
    "copy_hashing",
    "find_damage",
    "open_source",
    "sync_folder",
    "write_all",
    "write_synced",
]

CHUNK = 1 << 20


@contextmanager
def open_source(source: Path) -> Iterator[BinaryIO]:
    """A file to be stored; `FileToStoreError` unless it is a regular file that can be read."""
    try:
        # What is checked is what was opened; a FIFO would wait for its writer.
        stream = os.fdopen(os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0)
    except IsADirectoryError:
        raise _not_regular(source) from None
    except OSError as error:
        raise FileToStoreError(f"cannot read {source}: {error.strerror}", "Name a file that exists.") from error
    with stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise _not_regular(source)
        yield stream


def _not_regular(source: Path) -> FileToStoreError:
    return FileToStoreError(f"{source} is not a regular file", "Name a file.")


def copy_hashing(source: BinaryIO, target: int | None) -> tuple[str, int]:
    """Read to the end, writing what is read to the file descriptor if there is one; SHA-256 and size."""
    hashed = hashlib.sha256()
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    size = 0
    while count := source.readinto(buffer):  # type: ignore[attr-defined]
        part = view[:count]
        hashed.update(part)
        size += count
        if target is not None:
            write_all(target, part)
    return f"{ALGORITHM}:{hashed.hexdigest()}", size


def find_damage(
    blob: Blob, size: Callable[[Blob], int | None], opened: Callable[[Blob], AbstractContextManager[BinaryIO]] | None
) -> Damage | None:
    """What is wrong with a blob: there and of full size, and where it can be opened also its digest.

    size: bytes of the file of a blob, None where there is none.
    """
    for source in physical([blob]):
        found = size(source)
        if found != source.size_bytes:
            return Damage.MISSING if found is None else Damage.SIZE
    if opened is None:
        return None
    with opened(blob) as stored:
        digest, _ = copy_hashing(stored, None)
    return None if digest == blob.digest else Damage.CHANGED


def write_all(handle: int, part: memoryview) -> None:
    """Write to a file descriptor until nothing is left."""
    while part:
        part = part[os.write(handle, part) :]


def write_synced(file: Path, content: bytes) -> None:
    """A new file, for the owner alone, with its bytes on the disk."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        write_all(handle, memoryview(content))
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Composed(io.RawIOBase):
    """The parts of a composed blob as one stream. A source that is too short ends it early."""

    def __init__(self, blob: Blob, open_blob: Callable[[Blob], BinaryIO]) -> None:
        super().__init__()
        self._parts = iter(blob.parts)
        self._open_blob = open_blob
        self._source: Blob | None = None
        self._stream: BinaryIO | None = None
        self._left = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Up to the end of the part that is being read; 0 at the end of the last."""
        while self._left == 0:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._left = part.size_bytes
            if self._stream is None or part.source != self._source:
                self._close_stream()
                self._source, self._stream = part.source, self._open_blob(part.source)
            self._stream.seek(part.start)
        assert self._stream is not None
        count: int = self._stream.readinto(memoryview(buffer)[: self._left])  # type: ignore[attr-defined]
        self._left -= count
        return count

    def close(self) -> None:
        """Close the source that is open."""
        self._close_stream()
        super().close()

    def _close_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

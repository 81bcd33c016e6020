"""Reading files of a limited size, and copying and hashing their bytes."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

from regtrain_registry.atomic_file import write_all
from regtrain_registry.errors import FileToStoreError, StoreUnavailableError
from regtrain_registry.store.blob import ALGORITHM, Blob

__all__ = [
    "CHUNK",
    "ChunkedReader",
    "check_size",
    "copy_hashing",
    "open_regular",
    "open_source",
    "read_at",
    "scratch_folder",
    "unavailable",
]

CHUNK = 1 << 20
MAX_FILE = 500 * 10**9  # bytes; hosts of models take no larger file either, and a sparse one costs nothing to make


@contextmanager
def open_source(source: Path) -> Iterator[BinaryIO]:
    """A file to be stored; `FileToStoreError` unless it is a regular file that can be read, of at most 500 GB."""
    try:
        # What is checked is what was opened; a FIFO would wait for its writer.
        stream = os.fdopen(os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0)
    except IsADirectoryError:
        raise _not_regular(source) from None
    except OSError as error:
        raise FileToStoreError(f"cannot read {source}: {error.strerror}", "Name a file that exists.") from error
    with stream:
        check_size(source, os.fstat(stream.fileno()))
        yield stream


def check_size(source: Path, status: os.stat_result) -> None:
    """`FileToStoreError` unless the status is that of a regular file of at most 500 GB."""
    if not stat.S_ISREG(status.st_mode):
        raise _not_regular(source)
    if status.st_size > MAX_FILE:
        raise FileToStoreError(
            f"{source} has {status.st_size} bytes, and at most {MAX_FILE} are stored as one file", "Split the file."
        )


def _not_regular(source: Path) -> FileToStoreError:
    return FileToStoreError(f"{source} is not a regular file", "Name a file.")


def open_regular(path: Path) -> BinaryIO:
    """A regular file for reading; FileNotFoundError for anything else in its place, links among it."""
    try:
        stream = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0)
    except OSError as error:
        if path.is_symlink() or path.is_dir():
            raise FileNotFoundError(f"{path} is not a regular file") from error
        raise
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise FileNotFoundError(f"{path} is not a regular file")
    return stream


def copy_hashing(source: BinaryIO, target: int | None, expected: int | None = None) -> tuple[str, int]:
    """Read to the end, writing what is read to the file descriptor if there is one; SHA-256 and size.

    expected: bytes that the source should have; a longer one is not read to its end.
    """
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
        if expected is not None and size > expected:
            break
    return f"{ALGORITHM}:{hashed.hexdigest()}", size


def read_at(stream: BinaryIO, start: int, size: int) -> bytes:
    """So many bytes of a stream from an offset on; fewer where it ends before."""
    stream.seek(start)
    found = bytearray()
    while len(found) < size and (part := stream.read(size - len(found))):
        found += part
    return bytes(found)


class ChunkedReader(io.RawIOBase):
    """The ranges of a chunked blob as one stream. A source that is too short ends it early."""

    def __init__(self, blob: Blob, open_blob: Callable[[Blob], BinaryIO]) -> None:
        super().__init__()
        self._blob = blob
        self._ends = list(accumulate(part.size_bytes for part in blob.ranges))
        self._open_blob = open_blob
        self._source: Blob | None = None
        self._stream: BinaryIO | None = None
        self._at = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """The offset in the blob, in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go on reading at an offset; the new offset."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._blob.size_bytes}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Up to the end of the range that is being read; 0 at the end of the last."""
        number = bisect_right(self._ends, self._at)
        if number == len(self._ends):
            return 0
        part, left = self._blob.ranges[number], self._ends[number] - self._at
        if self._stream is None or part.source != self._source:
            self._close_stream()
            self._source, self._stream = part.source, self._open_blob(part.source)
        self._stream.seek(part.start + part.size_bytes - left)
        count: int = self._stream.readinto(memoryview(buffer)[:left])  # type: ignore[attr-defined]
        self._at += count
        return count

    def close(self) -> None:
        """Close the source that is open."""
        self._close_stream()
        super().close()

    def _close_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder; `StoreUnavailableError` where none can be made. What cannot be removed from it is left."""
    import tempfile

    with unavailable("of temporary files"):
        made = tempfile.TemporaryDirectory(prefix="regtrain-", ignore_cleanup_errors=True)
    with made as name:
        yield Path(name)


@contextmanager
def unavailable(store: str) -> Iterator[None]:
    """Errors of the operating system as `StoreUnavailableError`."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailableError(
            f"the store {store} cannot be used: {error.strerror or error}",
            "Free space or permissions there; REGTRAIN_STORE_URI names another store, XDG_CACHE_HOME another cache.",
        ) from error

"""Content-addressed files: a blob is called by its SHA-256, and is read only through that check."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from regtrain_registry.errors import (
    BlobDamagedError,
    BlobMissingError,
    FileToStoreError,
    StoreUnavailableError,
)

__all__ = [
    "ALGORITHM",
    "Blob",
    "LocalStore",
    "Store",
    "copy_hashing",
    "full_digest",
    "open_source",
    "unavailable",
]

ALGORITHM = "sha256"
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Blob:
    """`digest` is `sha256:` and 64 hexadecimal digits; size in bytes."""

    digest: str
    size_bytes: int

    @property
    def key(self) -> str:
        """The digest without its prefix: the file's name in the store."""
        return self.digest.removeprefix(f"{ALGORITHM}:")


class Store(Protocol):
    """What the registry asks of a place for blobs."""

    def put(self, sources: Sequence[tuple[Path, str | None]]) -> list[Blob]:
        """Store files durably, all or error; a digest that is given is checked."""

    def missing(self, blobs: Iterable[Blob]) -> list[Blob]:
        """Those that are not there in full size."""

    def fetch(self, blob: Blob, target: Path) -> None:
        """Copy to a new file, verified; `BlobMissingError`, or `BlobDamagedError` and no file."""

    def verified_path(self, blob: Blob) -> Path:
        """A local path whose content was verified just now. The file must not be written to."""


class LocalStore:
    """Blobs as read-only files in `FOLDER/sha256/`, durable before `put` returns.

    A file is written to `FOLDER/tmp/` while it is hashed, synchronised, renamed to its digest, and the
    folder is synchronised once for all files of a call. What the store has already is neither synchronised nor
    renamed again. What a crash leaves in `tmp/` is garbage, not damage.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._blobs = folder / ALGORITHM
        self._tmp = folder / "tmp"

    def path(self, blob: Blob) -> Path:
        """Where the blob lies, whether or not it is there."""
        return self._blobs / blob.key

    def put(self, sources: Sequence[tuple[Path, str | None]]) -> list[Blob]:
        """Store files; `FileToStoreError` for a bad source, `StoreUnavailableError` for a bad store."""
        with unavailable(str(self.folder)):
            self._prepare()
        written: list[tuple[Path | None, Blob]] = []
        try:
            for source, digest in sources:
                written.append(self._write(source, digest))
            with unavailable(str(self.folder)):
                for temporary, blob in written:
                    self._commit(temporary, blob)
                # Also when every blob was there: who renamed it may not have come this far yet.
                _sync_folder(self._blobs)
        finally:
            for temporary, _ in written:
                if temporary is not None:
                    temporary.unlink(missing_ok=True)
        return [blob for _, blob in written]

    def missing(self, blobs: Iterable[Blob]) -> list[Blob]:
        """Those that are not there in full size."""
        return [blob for blob in blobs if not self._holds(blob)]

    def fetch(self, blob: Blob, target: Path) -> None:
        """Copy to a new file, verified while copying; a file that fails the check is removed."""
        with self._open(blob) as stored, target.open("xb") as copy:
            digest, _ = copy_hashing(stored, copy.fileno())
        if digest != blob.digest:
            target.unlink()
            raise self._damaged(blob)

    def verified_path(self, blob: Blob) -> Path:
        """The blob's own path, read once to verify it."""
        with self._open(blob) as stored:
            digest, _ = copy_hashing(stored, None)
        if digest != blob.digest:
            raise self._damaged(blob)
        return self.path(blob)

    def _prepare(self) -> None:
        if self._blobs.is_dir() and self._tmp.is_dir():
            return
        missing = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        for folder in (*reversed(missing), self._blobs, self._tmp):
            if not folder.is_dir():
                folder.mkdir(mode=0o700, exist_ok=True)
                _sync_folder(folder.parent)

    def _write(self, source: Path, digest: str | None) -> tuple[Path | None, Blob]:
        """Copy one file into the store's temporary folder, hashed and synchronised; no copy of what is stored."""
        temporary = self._tmp / secrets.token_hex(16)
        keep = False
        try:
            with open_source(source) as stream, unavailable(str(self.folder)):
                # Read-only from the start: what the store hands out by path is not to be changed by accident.
                handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
                try:
                    blob = Blob(*copy_hashing(stream, handle))
                    stored = self._holds(blob)
                    if not stored:
                        os.fsync(handle)
                finally:
                    os.close(handle)
            check_digest(source, blob.digest, digest)
            keep = not stored
        finally:
            if not keep:
                temporary.unlink(missing_ok=True)
        return temporary if keep else None, blob

    def _commit(self, temporary: Path | None, blob: Blob) -> None:
        if temporary is not None and not self._holds(blob):
            os.replace(temporary, self.path(blob))  # noqa: PTH105 - also over a file of the wrong size
            return
        # Young again: a collection that is under way leaves it alone. Another user's blob serves as well, and
        # one that went meanwhile is missed by the transaction.
        with suppress(PermissionError, FileNotFoundError):
            os.utime(self.path(blob))

    def _holds(self, blob: Blob) -> bool:
        return self._size(blob) == blob.size_bytes

    def _size(self, blob: Blob) -> int | None:
        """Size of the stored file; None where no regular file is. Symbolic links do not count."""
        try:
            status = self.path(blob).lstat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unavailable(str(self.folder), error) from error
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    @contextmanager
    def _open(self, blob: Blob) -> Iterator[BinaryIO]:
        try:
            stream = self.path(blob).open("rb", buffering=0)
        except FileNotFoundError as error:
            raise BlobMissingError(
                f"blob {blob.digest} is not in {self.folder}", "Restore the store from a backup."
            ) from error
        except OSError as error:
            raise _unavailable(str(self.folder), error) from error
        with stream, unavailable(str(self.folder)):
            yield stream

    def _damaged(self, blob: Blob) -> BlobDamagedError:
        return BlobDamagedError(f"blob {blob.digest} in {self.folder} is damaged", "Restore it from a backup.")


def full_digest(text: str) -> str:
    """A SHA-256 in hexadecimal, with or without `sha256:`, as `sha256:…` in lower case."""
    return f"{ALGORITHM}:{text.lower().removeprefix(f'{ALGORITHM}:')}"


def check_digest(source: Path, found: str, said: str | None) -> None:
    """`FileToStoreError` when the file is not the one whose digest was given."""
    if said is not None and full_digest(said) != found:
        raise FileToStoreError(
            f"{source} has the digest {found}, not {full_digest(said)}",
            "The file changed; register it again.",
        )


@contextmanager
def open_source(source: Path) -> Iterator[BinaryIO]:
    """A file to be stored; `FileToStoreError` unless it is a regular file that can be read."""
    try:
        if not stat.S_ISREG(source.stat().st_mode):
            raise FileToStoreError(f"{source} is not a regular file", "Name a file.")
        stream = source.open("rb", buffering=0)
    except OSError as error:
        raise FileToStoreError(f"cannot read {source}: {error.strerror}", "Name a file that exists.") from error
    with stream:
        yield stream


def copy_hashing(source: BinaryIO, target: int | None) -> tuple[str, int]:
    """Read to the end, writing what is read to the file descriptor if there is one; digest and size."""
    hashed = hashlib.sha256()
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    size = 0
    while count := source.readinto(buffer):  # type: ignore[attr-defined]
        part = view[:count]
        hashed.update(part)
        size += count
        if target is not None:
            _write_all(target, part)
    return f"{ALGORITHM}:{hashed.hexdigest()}", size


def _write_all(handle: int, part: memoryview) -> None:
    while part:
        part = part[os.write(handle, part) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def unavailable(store: str) -> Iterator[None]:
    """Errors of the operating system as `StoreUnavailableError`."""
    try:
        yield
    except OSError as error:
        raise _unavailable(store, error) from error


def _unavailable(store: str, error: OSError) -> StoreUnavailableError:
    reason = error.strerror or str(error)
    return StoreUnavailableError(
        f"the store {store} cannot be used: {reason}",
        "Free space or permissions there, or set REGTRAIN_STORE_URI.",
    )

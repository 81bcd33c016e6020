"""A store in a folder: read-only files, durable before `put` returns."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from regtrain_registry.atomic_file import make_private_folder, replace_file, replacement, sync_folder
from regtrain_registry.store.blob import (
    ALGORITHM,
    Blob,
    FileInfo,
    SourceFile,
    Stored,
    TensorIndex,
    file_blobs,
    no_tensors,
)
from regtrain_registry.store.cache import ABANDONED, Cache
from regtrain_registry.store.store import Store
from regtrain_registry.store.streams import copy_hashing, open_regular, unavailable

__all__ = ["LocalStore"]


class LocalStore(Store):
    """Blobs in `FOLDER/sha256/`, unfinished files in `FOLDER/tmp/`.

    A file is linked or copied to `tmp/`, hashed and synchronised there, renamed to its digest, and the folder is
    synchronised once for all files of a call. A blob that is there already is read and verified, and neither
    synchronised nor renamed again; a damaged file is replaced. What a crash leaves in `tmp/` is garbage, not damage.
    """

    def __init__(self, folder: Path, cache: Path | None = None, clock: Callable[[], float] | None = None) -> None:
        """cache: the folder for copies of chunked blobs, the user's when left out. clock: seconds since the epoch; that
        of the file system when left out."""
        self.folder = folder
        self._cache = cache
        self._clock = clock or self._file_system_time
        self._blobs = folder / ALGORITHM
        self._tmp = folder / "tmp"

    @property
    def location(self) -> str:
        """The folder."""
        return str(self.folder)

    def path(self, blob: Blob) -> Path:
        """The path of a blob's file, whether or not there is one."""
        return self._blobs / blob.key

    def put(self, files: Sequence[SourceFile], index: TensorIndex = no_tensors) -> list[Stored]:
        """Store files durably, all or error: linked where that is allowed, else copied."""
        from regtrain_registry.store.ingest import Ingest, Ingested  # readers need no threads and no BLAKE3

        ingest = Ingest(self._tmp, self.holds, self.open, index, sync=True)
        ingested: list[Ingested] = []
        try:
            with self._reached():
                self._prepare()
                for file in files:
                    ingested.append(ingest.take(file))
                renamed = [self._rename(*file) for one in ingested for file in one.files]
                self._touch(file_blobs(one.stored.blob for one in ingested), renamed)
                # Also when every blob was there: the process that renamed it may not have come this far yet.
                sync_folder(self._blobs)
        finally:
            for path in [path for one in ingested for path, _ in one.files]:
                with suppress(OSError):  # garbage at worst; an error here would hide the one that matters
                    path.unlink(missing_ok=True)
        return [one.stored for one in ingested]

    def verified_path(self, blob: Blob) -> Path:
        """The blob's own path, read once to verify it; of a chunked one, a verified copy in the cache."""
        if blob.ranges:
            return Cache(self._cache).verified(blob, partial(self.fetch, blob))
        with self.open(blob) as stream:
            digest, _ = copy_hashing(stream, None, blob.size_bytes)
        if digest != blob.digest:
            raise self._damaged(blob)
        return self.path(blob)

    def tidy(self) -> int:
        """Delete what dead writers left in `tmp/` more than a day ago; its bytes."""
        removed = 0
        with self._reached():
            now = self.now()
            for path, status in self._files("tmp"):
                # A link has the times of the file that it links to, but making the link is a change of it.
                if now - max(status.st_mtime, status.st_ctime) >= ABANDONED:
                    path.unlink(missing_ok=True)
                    removed += status.st_size
        return removed

    def upload(self, source: Path, name: str) -> None:
        """`put` does not come here: it renames the temporary file that was hashed."""
        with replacement(self._made(name), self._temporary()) as copy:
            shutil.copyfile(source, copy)
            with copy.open("rb") as stream:
                os.fsync(stream.fileno())

    def open_file(self, name: str) -> BinaryIO:
        """A regular file; a link in its place counts as none."""
        return open_regular(self.folder / name)

    def stat(self, name: str) -> FileInfo | None:
        """None also where something else than a regular file is, such as a link."""
        path = self.folder / name
        try:
            status = path.lstat()
        except FileNotFoundError:
            return None
        return FileInfo(path.name, status.st_size, status.st_mtime) if stat.S_ISREG(status.st_mode) else None

    def list_files(self, folder: str) -> Iterable[FileInfo]:
        """Regular files only."""
        return [FileInfo(path.name, status.st_size, status.st_mtime) for path, status in self._files(folder)]

    def move(self, source: str, target: str) -> None:
        """By a rename within the folder."""
        (self.folder / source).replace(self._made(target))

    def delete(self, name: str) -> None:
        """By its name in the folder."""
        (self.folder / name).unlink()

    def now(self) -> float:
        """What the file system, which may be on another machine, takes for the time."""
        return self._clock()

    def _prepare(self) -> None:
        if not (self._blobs.is_dir() and self._tmp.is_dir()):
            make_private_folder(self._blobs)
            make_private_folder(self._tmp)

    def _made(self, name: str) -> Path:
        """The path of a file whose folder is there."""
        path = self.folder / name
        make_private_folder(path.parent)
        return path

    def _temporary(self) -> Path:
        self._prepare()
        return self._tmp / secrets.token_hex(16)

    def _write(self, name: str, content: bytes) -> None:
        temporary = self._temporary()
        replace_file(self._made(name), content, temporary)

    def _rename(self, temporary: Path, blob: Blob) -> Blob:
        """Give a verified file its name, also over a file with that name, which was not verified."""
        os.utime(temporary)  # of a link, the times are those of the file that was offered
        temporary.chmod(0o400)
        os.replace(temporary, self.path(blob))  # noqa: PTH105 - the fault campaigns count this call
        return blob

    def _touch(self, blobs: Iterable[Blob], besides: Sequence[Blob]) -> None:
        """Make files young again, so that a collection that is under way leaves them. Another user's file serves as
        well, and one that was deleted meanwhile is missed by the transaction."""
        for blob in blobs:
            if blob not in besides:
                with suppress(PermissionError, FileNotFoundError):
                    os.utime(self.path(blob))

    def _sync(self, *folders: str) -> None:
        for folder in folders:
            with suppress(FileNotFoundError):
                sync_folder(self.folder / folder)

    def _files(self, folder: str) -> Iterator[tuple[Path, os.stat_result]]:
        """The regular files of a folder, in the order of their names; none where there is no folder."""
        try:
            paths = sorted((self.folder / folder).iterdir())
        except FileNotFoundError:
            return
        for path in paths:
            with suppress(FileNotFoundError):
                status = path.lstat()
                if stat.S_ISREG(status.st_mode):
                    yield path, status

    def _file_system_time(self) -> float:
        probe = self._tmp / f"clock-{os.getpid()}"
        try:
            handle = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:  # nothing may be written, so nothing will be collected either
            return time.time()
        try:
            os.utime(handle)
            return os.fstat(handle).st_mtime
        finally:
            os.close(handle)
            with suppress(OSError):  # what is left is tidied away later
                probe.unlink(missing_ok=True)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        with unavailable(self.location):
            yield

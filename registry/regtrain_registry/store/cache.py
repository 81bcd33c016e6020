"""Verified local copies of blobs that have no file of their own here: chunked ones, and those of remote stores."""

from __future__ import annotations

import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from regtrain_registry.atomic_file import make_private_folder
from regtrain_registry.errors import StoreUnavailableError
from regtrain_registry.store.blob import ALGORITHM, Blob, is_key
from regtrain_registry.store.streams import copy_hashing, open_regular, unavailable

__all__ = ["ABANDONED", "Cache", "trim_cache"]

ABANDONED = 86_400.0  # seconds after which no writer is at work on a temporary file any more


class Cache:
    """A folder of copies. Each is verified whenever it is asked for, so that none has to be durable."""

    def __init__(self, folder: Path | None = None) -> None:
        """folder: `regtrain/blobs` in the user's cache folder when left out; `StoreUnavailableError` without a home."""
        self.folder = folder or _default_folder()
        self._copies, self._tmp = self.folder / ALGORITHM, self.folder / "tmp"

    def path(self, blob: Blob) -> Path:
        """The path of the copy, whether or not there is one."""
        return self._copies / blob.key

    def verified(self, blob: Blob, fetch: Callable[[Path], None]) -> Path:
        """The path of a verified copy, which `fetch` writes to a new file where it is missing or damaged."""
        path = self.path(blob)
        with unavailable(str(self.folder)):
            if self._is_intact(blob):
                with suppress(OSError):  # it is asked for, and stays
                    os.utime(path)
                return path
            make_private_folder(self._copies)
            make_private_folder(self._tmp)
            temporary = self._tmp / secrets.token_hex(16)
            try:
                fetch(temporary)
                temporary.chmod(0o400)
                temporary.replace(path)
            finally:
                with suppress(OSError):  # garbage at worst; an error here would hide the one that matters
                    temporary.unlink(missing_ok=True)
        return path

    def evict(self, age: float) -> int:
        """Delete copies that were not asked for in so many seconds, and what dead writers left; their bytes."""
        removed, now = 0, time.time()
        for path, status in self._files(self._tmp):
            # A link has the times of the file that it links to, but making the link is a change of it.
            if now - max(status.st_mtime, status.st_ctime) >= ABANDONED:
                path.unlink(missing_ok=True)
                removed += status.st_size
        for path, status in self._files(self._copies):
            if is_key(path.name) and now - status.st_mtime >= age:
                path.unlink(missing_ok=True)
                removed += status.st_size
        return removed

    def _is_intact(self, blob: Blob) -> bool:
        try:
            with open_regular(self.path(blob)) as stream:
                size = os.fstat(stream.fileno()).st_size
                return size == blob.size_bytes and copy_hashing(stream, None)[0] == blob.digest
        except FileNotFoundError:
            return False

    def _files(self, folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
        with suppress(FileNotFoundError):
            for path in sorted(folder.iterdir()):
                with suppress(FileNotFoundError):
                    status = path.lstat()
                    if stat.S_ISREG(status.st_mode):
                        yield path, status


def trim_cache(unused: float) -> int:
    """Delete verified copies that were not asked for in so many seconds, a day at least; their bytes.

    A cache that cannot be used is left as it is: nothing in it is needed.
    """
    with suppress(StoreUnavailableError, OSError):
        return Cache().evict(max(unused, ABANDONED))
    return 0


def _default_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(root or Path.home() / ".cache") / "regtrain" / "blobs"
    except RuntimeError as error:
        raise StoreUnavailableError("no folder for copies of files: you have no home", "Set XDG_CACHE_HOME.") from error

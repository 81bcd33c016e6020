"""The temporary files of a file on its way into the store: linked, copied, or cut out of it."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from regtrain_registry.atomic_file import write_all
from regtrain_registry.errors import FileToStoreError
from regtrain_registry.store.hashing import FileInProgress
from regtrain_registry.store.streams import CHUNK

__all__ = ["TemporaryFiles", "closing", "copy", "link"]


class TemporaryFiles:
    """The temporary files that are made for one source file; `whole` is the path of its copy or link."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: list[Path] = []
        self.whole = self._new_path()

    @contextmanager
    def new(self) -> Iterator[tuple[Path, int]]:
        """One more temporary file: its path and file descriptor."""
        path = self._new_path()
        with self.created(path) as handle:
            yield path, handle

    @contextmanager
    def created(self, path: Path) -> Iterator[int]:
        """Create a file; its descriptor."""
        # Read-only from the start: what the store hands out by path is not to be changed by accident.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
        with closing(handle):
            yield handle

    def remove(self, besides: Iterable[Path] = ()) -> None:
        """Remove all of them but those that are still needed."""
        for path in set(self._paths) - set(besides):
            with suppress(OSError):  # garbage at worst; an error here would hide the one that matters
                path.unlink(missing_ok=True)

    def _new_path(self) -> Path:
        self._paths.append(self._folder / secrets.token_hex(16))
        return self._paths[-1]


@contextmanager
def closing(handle: int) -> Iterator[None]:
    """Close a file descriptor at the end."""
    try:
        yield
    finally:
        os.close(handle)


def link(source: Path, target: Path) -> int | None:
    """Hard-link a file and open it; its descriptor, or None where it has to be copied.

    It has to be copied on another file system, where links are refused or too many, and from other users, since they
    could go on writing to it.
    """
    try:
        os.link(source, target, follow_symlinks=False)
    except (OSError, NotImplementedError):
        return None
    handle = None
    with suppress(OSError):
        handle = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        status = os.fstat(handle)
        if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
            return handle
    if handle is not None:
        os.close(handle)
    target.unlink()
    return None


def copy(source: BinaryIO | None, handle: int, file: FileInProgress) -> None:
    """Write the source to the file, and tell its readers; without a source the file is complete already."""
    if source is not None:
        view = memoryview(bytearray(CHUNK))
        while count := _read(source, view):
            write_all(handle, view[:count])
            file.wrote(count)
    file.finish()


def _read(source: BinaryIO, view: memoryview) -> int:
    try:
        return source.readinto(view)  # type: ignore[attr-defined, no-any-return]
    except OSError as error:
        raise FileToStoreError(f"cannot read {source.name}: {error.strerror}", "Name another file.") from error

"""Cleaning a store: which files lie there and how old they are, into the trash with them, and out of it for good.

Nothing here knows what is needed: that is said from outside, under the lock that keeps registrations out.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from regtrain_registry.domain.identities import UID
from regtrain_registry.errors import StoreUnavailableError
from regtrain_registry.store.content import ALGORITHM
from regtrain_registry.store.local import cache_folder, unavailable
from regtrain_registry.store.streams import sync_folder

__all__ = ["Entry", "LocalSweep", "RemoteSweep", "Sweep", "Trashed", "trim_cache"]

_KEY = re.compile(r"[0-9a-f]{64}")
_TRASHED = re.compile(r"([0-9]{12})-([0-9a-f]{64})")
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")
ABANDONED = 86_400.0  # seconds after which nobody writes to a temporary file any more


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the store: its digest, bytes, and seconds since it was written or asked for, by the store's clock."""

    digest: str
    size_bytes: int
    age: float


@dataclass(frozen=True, slots=True)
class Trashed:
    """A file in the trash; `tick`: what the registry had seen of seconds when it went there."""

    digest: str
    size_bytes: int
    tick: int

    @property
    def name(self) -> str:
        """What it is called in the trash."""
        return f"{self.tick:012d}-{_key(self.digest)}"


Reached = Callable[[], AbstractContextManager[tuple[Any, str]]]


class Sweep(Protocol):
    """What collecting asks of a store. Each call does what is still to do: a file that is gone is no error."""

    def served(self) -> dict[str, list[str]]:
        """The registries whose files are in the store: uid → the places where the database was."""

    def entries(self) -> list[Entry]:
        """Every file that has the name of a blob."""

    def discard(self, digests: Collection[str], tick: int, grace: float) -> set[str]:
        """Move files into the trash, but for those that have become younger than `grace` seconds: these."""

    def absent(self, digests: Iterable[str]) -> set[str]:
        """Those of which there is no file, the trash left aside."""

    def trashed(self) -> list[Trashed]:
        """What lies in the trash."""

    def rescue(self, files: Iterable[Trashed]) -> None:
        """Move files back out of the trash, unless they are there again."""

    def purge(self, files: Iterable[Trashed]) -> None:
        """Delete files in the trash."""

    def tidy(self) -> int:
        """Delete what writers that died left unfinished; its bytes."""


def _key(digest: str) -> str:
    return digest.removeprefix(f"{ALGORITHM}:")


def _digest(key: str) -> str:
    return f"{ALGORITHM}:{key}"


class LocalSweep:
    """A folder: blobs in `sha256/`, the trash in `trash/`, unfinished files in `tmp/`."""

    def __init__(self, folder: Path, now: Callable[[], float] | None = None) -> None:
        """now: the store's clock in seconds; that of its file system when left out."""
        self.folder = folder
        self._blobs, self._trash, self._tmp = (folder / name for name in (ALGORITHM, "trash", "tmp"))
        self._now = now or self._clock

    def served(self) -> dict[str, list[str]]:
        notes = self.folder / "registries"
        names = [name for name, _ in self._files(notes) if UID.fullmatch(name)]
        with unavailable(str(self.folder)):
            return {name: (notes / name).read_text(errors="replace").splitlines() for name in names}

    def entries(self) -> list[Entry]:
        now = self._now()
        return [
            Entry(_digest(name), status.st_size, now - status.st_mtime)
            for name, status in self._files(self._blobs)
            if _KEY.fullmatch(name)
        ]

    def discard(self, digests: Collection[str], tick: int, grace: float) -> set[str]:
        now, young = self._now(), set[str]()
        with unavailable(str(self.folder)):
            self._trash.mkdir(mode=0o700, exist_ok=True)
            for digest in digests:
                file = self._blobs / _key(digest)
                with suppress(FileNotFoundError):
                    if now - file.lstat().st_mtime < grace:
                        young.add(digest)
                    else:
                        file.replace(self._trash / f"{tick:012d}-{file.name}")
            sync_folder(self._trash)
            sync_folder(self._blobs)
        return young

    def absent(self, digests: Iterable[str]) -> set[str]:
        with unavailable(str(self.folder)):
            return {digest for digest in digests if not os.path.lexists(self._blobs / _key(digest))}

    def trashed(self) -> list[Trashed]:
        return [
            Trashed(_digest(match[2]), status.st_size, int(match[1]))
            for name, status in self._files(self._trash)
            if (match := _TRASHED.fullmatch(name))
        ]

    def rescue(self, files: Iterable[Trashed]) -> None:
        with unavailable(str(self.folder)):
            for file in files:
                place = self._blobs / _key(file.digest)
                if not place.exists():
                    with suppress(FileNotFoundError):
                        (self._trash / file.name).replace(place)
            sync_folder(self._blobs)

    def purge(self, files: Iterable[Trashed]) -> None:
        with unavailable(str(self.folder)):
            for file in files:
                (self._trash / file.name).unlink(missing_ok=True)

    def tidy(self) -> int:
        now, removed = self._now(), 0
        for name, status in self._files(self._tmp):
            # A link has the times of the file that it links to, but the link itself is a change of it.
            if now - max(status.st_mtime, status.st_ctime) >= ABANDONED:
                with unavailable(str(self.folder)):
                    (self._tmp / name).unlink(missing_ok=True)
                removed += status.st_size
        return removed

    def forget(self, age: float) -> int:
        """Delete files that are so many seconds old; their bytes."""
        now, removed = self._now(), 0
        for name, status in self._files(self._blobs):
            if _KEY.fullmatch(name) and now - status.st_mtime >= age:
                with unavailable(str(self.folder)):
                    (self._blobs / name).unlink(missing_ok=True)
                removed += status.st_size
        return removed

    def _files(self, folder: Path) -> Iterator[tuple[str, os.stat_result]]:
        """Regular files of a folder, in the order of their names; none where there is no folder."""
        with unavailable(str(self.folder)):
            try:
                names = sorted(path.name for path in folder.iterdir())
            except FileNotFoundError:
                return
            for name in names:
                with suppress(FileNotFoundError):
                    status = (folder / name).lstat()
                    if stat.S_ISREG(status.st_mode):
                        yield name, status

    def _clock(self) -> float:
        """What the file system, which may be on another machine, takes for now."""
        probe = self._tmp / f"clock-{os.getpid()}"
        try:
            handle = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:  # nothing may be written, so nothing will be collected either
            return time.time()
        try:
            with unavailable(str(self.folder)):
                os.utime(handle)
                return os.fstat(handle).st_mtime
        finally:
            os.close(handle)
            with suppress(OSError):  # what is left is tidied away later
                probe.unlink(missing_ok=True)


class RemoteSweep:
    """Blobs below `URL/sha256/`, the trash below `URL/trash/`, through fsspec."""

    def __init__(self, reached: Reached) -> None:
        """reached: what gives the file system and the path of the store, and turns its errors into ours."""
        self._reached = reached

    def served(self) -> dict[str, list[str]]:
        names = [name for name, _ in self._files("registries") if UID.fullmatch(name)]
        with self._reached() as (fs, root):
            notes = {name: fs.cat_file(f"{root}/registries/{name}") for name in names}
        return {name: note.decode(errors="replace").splitlines() for name, note in notes.items()}

    def entries(self) -> list[Entry]:
        now = time.time()
        return [
            Entry(_digest(name), int(info["size"]), now - written if (written := _written(info)) else 0.0)
            for name, info in self._files(ALGORITHM)
            if _KEY.fullmatch(name)
        ]

    def discard(self, digests: Collection[str], tick: int, grace: float) -> set[str]:
        now, young = time.time(), set[str]()
        for digest in digests:
            info = self._info(digest)
            # A file of which the file system does not say how old it is may have been written just now.
            if info is not None and now - (_written(info) or now) < grace:
                young.add(digest)
            elif info is not None:
                self._move(f"{ALGORITHM}/{_key(digest)}", f"trash/{tick:012d}-{_key(digest)}")
        return young

    def absent(self, digests: Iterable[str]) -> set[str]:
        return {digest for digest in digests if self._info(digest) is None}

    def trashed(self) -> list[Trashed]:
        return [
            Trashed(_digest(match[2]), int(info["size"]), int(match[1]))
            for name, info in self._files("trash")
            if (match := _TRASHED.fullmatch(name))
        ]

    def rescue(self, files: Iterable[Trashed]) -> None:
        for file in files:
            if self._info(file.digest) is None:
                self._move(f"trash/{file.name}", f"{ALGORITHM}/{_key(file.digest)}")

    def purge(self, files: Iterable[Trashed]) -> None:
        with self._reached() as (fs, root):
            for file in files:
                with suppress(FileNotFoundError):
                    fs.rm_file(f"{root}/trash/{file.name}")

    def tidy(self) -> int:
        return 0

    def _info(self, digest: str) -> dict[str, Any] | None:
        """What the file system says of a blob's file; None where there is none."""
        with self._reached() as (fs, root):
            fs.invalidate_cache()
            try:
                info: dict[str, Any] = fs.info(f"{root}/{ALGORITHM}/{_key(digest)}")
            except FileNotFoundError:
                return None
        return info

    def _move(self, source: str, target: str) -> None:
        with self._reached() as (fs, root):
            fs.makedirs(f"{root}/{target.partition('/')[0]}", exist_ok=True)
            with suppress(FileNotFoundError):
                fs.mv(f"{root}/{source}", f"{root}/{target}")

    def _files(self, folder: str) -> list[tuple[str, dict[str, Any]]]:
        with self._reached() as (fs, root):
            fs.invalidate_cache()
            try:
                found = fs.ls(f"{root}/{folder}", detail=True)
            except FileNotFoundError:
                return []
        return sorted((str(info["name"]).rsplit("/", 1)[-1], info) for info in found if info["type"] == "file")


def trim_cache(unused: float) -> int:
    """Delete verified copies that nobody has asked for in so many seconds, a day at least; their bytes.

    A cache that cannot be used is left as it is: nothing that is needed is kept there alone.
    """
    removed = 0
    with suppress(StoreUnavailableError):
        copies = LocalSweep(cache_folder())
        removed += copies.tidy()
        removed += copies.forget(max(unused, ABANDONED))
    return removed


def _written(info: dict[str, Any]) -> float | None:
    """Seconds since the epoch at which a file was written; None where the file system does not say."""
    value = next((info[name] for name in _TIMES if info.get(name) is not None), None)
    if isinstance(value, str):
        with suppress(ValueError):
            value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.timestamp()
    return float(value) if isinstance(value, int | float) else None

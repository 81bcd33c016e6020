"""A store in an object store or on another machine, through fsspec."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from regtrain_registry.errors import RegistryUrlError, StoreUnavailableError
from regtrain_registry.store.blob import FileInfo
from regtrain_registry.store.store import Store

__all__ = ["RemoteStore"]

_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")


class RemoteStore(Store):
    """Blobs below `URL/sha256/`. Object stores show a file only when it is whole, so it is uploaded to its name."""

    def __init__(self, url: str) -> None:
        """url: one that fsspec knows; nothing is reached yet. `RegistryUrlError` for one that it does not."""
        from fsspec.core import url_to_fs  # loaded by the first use only

        self.url = url.rstrip("/")
        try:
            fs, root = url_to_fs(self.url)
        except (ValueError, ImportError) as error:
            raise RegistryUrlError(
                f"the store {self.location} cannot be used: {error}",
                "Name a folder, or a URL that fsspec knows.",
            ) from error
        except Exception as error:  # some file systems connect at once
            raise StoreUnavailableError(
                f"the store {self.location} cannot be used: {error}", "Is it reachable, and are you allowed there?"
            ) from error
        self._fs: Any = fs
        self._root = str(root).rstrip("/")

    @property
    def location(self) -> str:
        """The URL without user and password."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2]}"

    def upload(self, source: Path, name: str) -> None:
        """Directly to its name."""
        self._fs.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)
        self._fs.put_file(str(source), self._path(name))

    def open_file(self, name: str) -> BinaryIO:
        """Read in blocks, as the file system does it."""
        self._fs.invalidate_cache()
        return cast(BinaryIO, self._fs.open(self._path(name), "rb"))

    def stat(self, name: str) -> FileInfo | None:
        """Asked of the place, not of fsspec's cache of listings."""
        self._fs.invalidate_cache()
        try:
            return _file_info(self._fs.info(self._path(name)))
        except FileNotFoundError:
            return None

    def list_files(self, folder: str) -> Iterable[FileInfo]:
        """Asked of the place, not of fsspec's cache of listings."""
        self._fs.invalidate_cache()
        try:
            found = self._fs.ls(self._path(folder), detail=True)
        except FileNotFoundError:
            return []
        return [_file_info(info) for info in found if info["type"] == "file"]

    def move(self, source: str, target: str) -> None:
        """A copy and a deletion where the place cannot rename."""
        self._fs.makedirs(self._path(target).rpartition("/")[0], exist_ok=True)
        self._fs.mv(self._path(source), self._path(target))

    def delete(self, name: str) -> None:
        """By its name."""
        self._fs.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def _file_info(info: dict[str, Any]) -> FileInfo:
    return FileInfo(str(info["name"]).rsplit("/", 1)[-1], int(info["size"] or 0), _modified(info))


def _modified(info: dict[str, Any]) -> float | None:
    """Seconds since the epoch at which a file was written; None where the file system does not say."""
    value = next((info[name] for name in _TIMES if info.get(name) is not None), None)
    if isinstance(value, str):
        with suppress(ValueError):
            value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.timestamp()
    return float(value) if isinstance(value, int | float) else None

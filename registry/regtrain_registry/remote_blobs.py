"""Blobs in an object store or on another machine, through fsspec. fsspec is loaded by the first use only."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from regtrain_registry.blobs import (
    ALGORITHM,
    Blob,
    LocalStore,
    Store,
    check_digest,
    copy_hashing,
    open_source,
    unavailable,
)
from regtrain_registry.errors import (
    BlobDamagedError,
    BlobMissingError,
    RegistryUrlError,
    StoreUnavailableError,
)

__all__ = ["RemoteStore", "open_store"]


def open_store(place: str) -> Store:
    """A folder, a file:// URL, or any URL that fsspec knows. Nothing is created or reached yet."""
    scheme, separator, rest = place.partition("://")
    if not separator:
        return LocalStore(Path(place).expanduser().absolute())
    if scheme in ("file", "local"):
        return LocalStore(Path(rest).absolute())
    return RemoteStore(place, LocalStore(_cache_folder()))


def _cache_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "regtrain" / "blobs"


class RemoteStore:
    """Blobs below `URL/sha256/`. Object stores show a file only when it is whole, so it goes there directly;
    its size is read back, because some servers keep what an interrupted upload left."""

    def __init__(self, url: str, cache: LocalStore) -> None:
        from fsspec.core import url_to_fs

        self.url = url.rstrip("/")
        self._cache = cache
        try:
            self._fs, self._root = _split(url_to_fs(self.url))
        except (ValueError, ImportError) as error:
            raise RegistryUrlError(
                f"the store {_scheme(url)}:// cannot be used: {error}",
                "Name a folder, or a URL that fsspec knows.",
            ) from error

    def put(self, sources: Sequence[tuple[Path, str | None]]) -> list[Blob]:
        """Upload files; a source is copied first, so that what is uploaded is what was hashed."""
        with tempfile.TemporaryDirectory(prefix="regtrain-") as folder:
            blobs: list[Blob] = []
            for source, digest in sources:
                copy = Path(folder) / str(len(blobs))
                with open_source(source) as stream, unavailable(folder), copy.open("xb") as target:
                    found, size = copy_hashing(stream, target.fileno())
                check_digest(source, found, digest)
                blob = Blob(found, size)
                if self._size(blob) != size:
                    self._upload(copy, blob)
                blobs.append(blob)
        return blobs

    def missing(self, blobs: Iterable[Blob]) -> list[Blob]:
        """Those that are not there in full size."""
        return [blob for blob in blobs if self._size(blob) != blob.size_bytes]

    def fetch(self, blob: Blob, target: Path) -> None:
        """Download to a new file, verified while copying; a file that fails the check is removed."""
        try:
            with self._reached(), self._fs.open(self._path(blob), "rb") as stored, target.open("xb") as copy:
                digest, _ = copy_hashing(stored, copy.fileno())
        except FileNotFoundError as error:
            target.unlink(missing_ok=True)
            raise BlobMissingError(
                f"blob {blob.digest} is not in {_shown(self.url)}", "Restore the store from a backup."
            ) from error
        if digest != blob.digest:
            target.unlink()
            raise BlobDamagedError(f"blob {blob.digest} in {_shown(self.url)} is damaged", "Restore it from a backup.")

    def verified_path(self, blob: Blob) -> Path:
        """A verified copy in the user's cache folder; downloaded where it is missing or damaged there."""
        try:
            return self._cache.verified_path(blob)
        except (BlobMissingError, BlobDamagedError):
            self._cache.path(blob).unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(prefix="regtrain-") as folder:
            copy = Path(folder) / blob.key
            self.fetch(blob, copy)
            self._cache.put([(copy, blob.digest)])
        return self._cache.verified_path(blob)

    def _path(self, blob: Blob) -> str:
        return f"{self._root}/{ALGORITHM}/{blob.key}"

    def _upload(self, copy: Path, blob: Blob) -> None:
        with self._reached():
            self._fs.makedirs(f"{self._root}/{ALGORITHM}", exist_ok=True)
            self._fs.put_file(str(copy), self._path(blob))
        if self._size(blob) != blob.size_bytes:
            raise StoreUnavailableError(f"{_shown(self.url)} did not keep all of {blob.digest}", "Register again.")

    def _size(self, blob: Blob) -> int | None:
        with self._reached():
            try:
                self._fs.invalidate_cache()
                return int(self._fs.info(self._path(blob))["size"])
            except FileNotFoundError:
                return None

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """What a file system raises, of whatever class, as one error; but a file not found stays."""
        try:
            yield
        except (FileNotFoundError, StoreUnavailableError):
            raise
        except Exception as error:
            raise StoreUnavailableError(
                f"the store {_shown(self.url)} cannot be used: {error}",
                "Is it reachable, and are you allowed there?",
            ) from error


def _split(found: tuple[Any, Any]) -> tuple[Any, str]:
    return found[0], str(found[1]).rstrip("/")


def _scheme(url: str) -> str:
    return url.partition("://")[0]


def _shown(url: str) -> str:
    """The URL without user and password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"

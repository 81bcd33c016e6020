"""Blobs in an object store or on another machine, through fsspec. fsspec is loaded by the first use only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from regtrain_registry.errors import (
    BlobDamagedError,
    BlobMissingError,
    RegistryError,
    RegistryUrlError,
    StoreUnavailableError,
)
from regtrain_registry.location import expanded
from regtrain_registry.store.content import (
    ALGORITHM,
    Blob,
    Damage,
    Find,
    Offered,
    Store,
    Stored,
    nothing_known,
    physical,
)
from regtrain_registry.store.local import LocalStore, cache_folder, scratch_folder, unavailable, verified_copy
from regtrain_registry.store.streams import Composed, copy_hashing, find_damage

__all__ = ["RemoteStore", "open_store"]


def open_store(place: str) -> Store:
    """A folder, a file:// URL, or any URL that fsspec knows. Nothing is created or reached yet."""
    scheme, separator, rest = place.partition("://")
    if not separator:
        return LocalStore(expanded("the store", place).absolute())
    if scheme in ("file", "local"):
        return LocalStore(Path(rest).absolute())
    return RemoteStore(place)


class RemoteStore:
    """Blobs below `URL/sha256/`. Object stores show a file only when it is whole, so it goes there directly;
    its size is read back, because some servers keep what an interrupted upload left."""

    def __init__(self, url: str) -> None:
        from fsspec.core import url_to_fs

        self.url = url.rstrip("/")
        try:
            self._fs, self._root = _split(url_to_fs(self.url))
        except (ValueError, ImportError) as error:
            raise RegistryUrlError(
                f"the store {_scheme(url)}:// cannot be used: {error}",
                "Name a folder, or a URL that fsspec knows.",
            ) from error

    def put(self, files: Sequence[Offered], find: Find = nothing_known) -> list[Stored]:
        """Upload files; a file is copied first, so that what is uploaded is what was hashed."""
        from regtrain_registry.store.staging import Staging  # who only reads needs no threads and no BLAKE3

        stored: list[Stored] = []
        with scratch_folder() as folder:
            staging = Staging(folder, self._holds, self._open, find, sync=False)
            for file in files:
                with unavailable(str(folder)):
                    staged = staging.take(file)
                for path, blob in staged.files:
                    self._upload(path, blob)
                    path.unlink()
                stored.append(staged.stored)
        return stored

    def missing(self, blobs: Iterable[Blob]) -> list[Blob]:
        """Those that are not there in full size; of composed ones, the blobs that their parts lie in."""
        return [blob for blob in physical(blobs) if not self._holds(blob)]

    def fetch(self, blob: Blob, target: Path) -> None:
        """Download to a new file, verified while copying; a file that fails the check is removed."""
        try:
            with target.open("xb") as copy, self._open(blob) as stored:
                digest, _ = copy_hashing(stored, copy.fileno())
        except (BlobMissingError, StoreUnavailableError):
            target.unlink(missing_ok=True)
            raise
        if digest != blob.digest:
            target.unlink()
            raise BlobDamagedError(f"blob {blob.digest} in {_shown(self.url)} is damaged", "Restore it from a backup.")

    def verified_path(self, blob: Blob) -> Path:
        """A verified copy in the user's cache folder; downloaded where it is missing or damaged there."""
        return verified_copy(self, LocalStore(cache_folder()), blob)

    def check(self, blob: Blob, *, read: bool) -> Damage | None:
        """What is wrong with a blob: there and of full size, and with `read` also its digest."""
        return find_damage(blob, self._size, self._open if read else None)

    def serve(self, registry: str, place: str) -> None:
        """Note that files of the registry with this uid are in the store: a line for each place it was at."""
        note = f"{self._root}/registries/{registry}"
        with self.reached():
            self._fs.invalidate_cache()
            try:
                places = self._fs.cat_file(note).decode(errors="replace").splitlines()
            except FileNotFoundError:
                places = []
            if place not in places:
                self._fs.makedirs(f"{self._root}/registries", exist_ok=True)
                self._fs.pipe_file(note, "".join(f"{line}\n" for line in (*places, place)).encode())

    def quarantine(self, blob: Blob) -> str | None:
        """Move a blob's file to `quarantine/`; its new place, or None when there was no file."""
        if self._size(blob) is None:
            return None
        place = f"{self._root}/quarantine/{blob.key}"
        with self.reached():
            self._fs.makedirs(f"{self._root}/quarantine", exist_ok=True)
            self._fs.mv(self._path(blob), place)
        return place

    def _path(self, blob: Blob) -> str:
        return f"{self._root}/{ALGORITHM}/{blob.key}"

    def _upload(self, copy: Path, blob: Blob) -> None:
        with self.reached():
            self._fs.makedirs(f"{self._root}/{ALGORITHM}", exist_ok=True)
            self._fs.put_file(str(copy), self._path(blob))
        if self._size(blob) != blob.size_bytes:
            raise StoreUnavailableError(f"{_shown(self.url)} did not keep all of {blob.digest}", "Register again.")

    def _holds(self, blob: Blob) -> bool:
        return self._size(blob) == blob.size_bytes

    @contextmanager
    def _open(self, blob: Blob) -> Iterator[BinaryIO]:
        try:
            with self.reached():
                stream = cast(BinaryIO, Composed(blob, self._stream)) if blob.parts else self._stream(blob)
                with stream:
                    yield stream
        except FileNotFoundError as error:  # it went while it was read
            raise self._missing(blob) from error

    def _stream(self, blob: Blob) -> BinaryIO:
        try:
            return cast(BinaryIO, self._fs.open(self._path(blob), "rb"))
        except FileNotFoundError as error:
            raise self._missing(blob) from error

    def _missing(self, blob: Blob) -> BlobMissingError:
        return BlobMissingError(f"blob {blob.digest} is not in {_shown(self.url)}", "Restore the store from a backup.")

    def _size(self, blob: Blob) -> int | None:
        with self.reached():
            try:
                self._fs.invalidate_cache()
                return int(self._fs.info(self._path(blob))["size"])
            except FileNotFoundError:
                return None

    @contextmanager
    def reached(self) -> Iterator[tuple[Any, str]]:
        """The file system and the folder in it. What it raises, of whatever class, becomes one error; but a file
        not found stays."""
        try:
            yield self._fs, self._root
        except (FileNotFoundError, RegistryError):
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

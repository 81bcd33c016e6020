"""What a store does, whatever keeps its files: blobs come in, are verified on every read, and leave by the trash."""

from __future__ import annotations

import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from regtrain_registry.domain.identities import UID
from regtrain_registry.errors import BlobDamagedError, BlobMissingError, RegistryError, StoreUnavailableError
from regtrain_registry.store.blob import (
    ALGORITHM,
    Blob,
    Damage,
    Entry,
    FileInfo,
    SourceFile,
    Stored,
    TensorIndex,
    Trashed,
    digest_of_key,
    file_blobs,
    is_key,
    key_of_digest,
    no_tensors,
)
from regtrain_registry.store.cache import Cache
from regtrain_registry.store.safetensors_header import find_defect
from regtrain_registry.store.streams import ChunkedReader, copy_hashing, read_at, scratch_folder, unavailable

__all__ = ["Store"]

OWNERS, TRASH, QUARANTINE = "registries", "trash", "quarantine"
MAX_NOTE = 1 << 20  # bytes of a file that names the places of a registry
_TRASHED = re.compile(r"([0-9]{12})-([0-9a-f]{64})")


class Store(ABC):
    """Files named by the SHA-256 of their content: `sha256/HEX`, and beside them `trash/`, `quarantine/` and
    `registries/`.

    A subclass says how files are kept, by `location` and six methods on names like `sha256/HEX`. What these raise, of
    whatever class, is reported as `StoreUnavailableError`; FileNotFoundError means that there is no such file.
    """

    @property
    @abstractmethod
    def location(self) -> str:
        """The place for messages, without a password."""

    @abstractmethod
    def upload(self, source: Path, name: str) -> None:
        """Keep a copy of a local file, durably, in place of one with that name. No reader may see half of it."""

    @abstractmethod
    def open_file(self, name: str) -> BinaryIO:
        """A stream of the file that can seek; FileNotFoundError."""

    @abstractmethod
    def stat(self, name: str) -> FileInfo | None:
        """The file as it is now, not as a cache knows it; None where there is none."""

    @abstractmethod
    def list_files(self, folder: str) -> Iterable[FileInfo]:
        """The files directly in a folder; none where there is no such folder."""

    @abstractmethod
    def move(self, source: str, target: str) -> None:
        """Rename a file, over one that is there; FileNotFoundError."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete a file; FileNotFoundError."""

    def now(self) -> float:
        """The clock by which files get their times, in seconds since the epoch."""
        return time.time()

    def put(self, files: Sequence[SourceFile], index: TensorIndex = no_tensors) -> list[Stored]:
        """Store files durably, all or error. Large tensors that the index knows are referred to, not stored again.

        Errors: `FileToStoreError` for a file, `StoreUnavailableError` for the store.
        """
        from regtrain_registry.store.ingest import Ingest  # readers need no threads and no BLAKE3

        stored: list[Stored] = []
        with scratch_folder() as folder:
            ingest = Ingest(folder, self.holds, self.open, index, sync=False)
            for file in files:
                with unavailable(str(folder)):
                    ingested = ingest.take(file)
                for path, blob in ingested.files:
                    with self._reached():
                        self.upload(path, _name(blob.digest))
                    if not self.holds(blob):  # some servers keep what an interrupted upload left
                        raise StoreUnavailableError(
                            f"{self.location} did not keep all of {blob.digest}", "Register again."
                        )
                    path.unlink()
                stored.append(ingested.stored)
        return stored

    def holds(self, blob: Blob) -> bool:
        """Whether there is a file of its own for the blob, in full size."""
        return self._size(blob) == blob.size_bytes

    def missing(self, blobs: Iterable[Blob]) -> list[Blob]:
        """Those without a file in full size; of chunked ones, the blobs that their ranges lie in."""
        return [blob for blob in file_blobs(blobs) if not self.holds(blob)]

    @contextmanager
    def open(self, blob: Blob) -> Iterator[BinaryIO]:
        """A stream of the content, which is not verified; `BlobMissingError`."""
        with self._reached():
            try:
                stream = cast(BinaryIO, ChunkedReader(blob, self._stream)) if blob.ranges else self._stream(blob)
                with stream:
                    yield stream
            except FileNotFoundError as error:  # it was deleted while it was read
                raise self._missing(blob) from error

    def fetch(self, blob: Blob, target: Path) -> None:
        """Copy to a new file, verified; `BlobMissingError`, or `BlobDamagedError`, and no file."""
        with unavailable(self.location):
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            with os.fdopen(handle, "wb", buffering=0), self.open(blob) as stream:
                digest, _ = copy_hashing(stream, handle, blob.size_bytes)
            if digest != blob.digest:
                raise self._damaged(blob)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def verified_path(self, blob: Blob) -> Path:
        """A local path whose content was verified just now. The file must not be written to."""
        return Cache().verified(blob, partial(self.fetch, blob))

    def read(self, blob: Blob, digest: str | None = None) -> memoryview:
        """The content in memory, read once and verified; `BlobMissingError`, `BlobDamagedError`.

        digest: a BLAKE3 (`blake3:…`) that is known of the content, compared in place of the SHA-256, which takes three
        times as long.
        """
        from regtrain_registry.store.memory import allocate, digest_of, read_into

        content = allocate(blob.size_bytes)
        with self.open(blob) as stream:
            whole = read_into(stream, content)
        expected = digest or blob.digest
        if not whole or digest_of(content, expected) != expected:
            raise self._damaged(blob)
        return content

    def check(self, blob: Blob, *, read: bool, safetensors: bool = False) -> Damage | None:
        """What is wrong with a blob. Its files must be there in full size; with `read` the digest must be right, and
        with `safetensors` the header too."""
        for source in file_blobs([blob]):
            size = self._size(source)
            if size != source.size_bytes:
                return Damage.MISSING if size is None else Damage.SIZE
        if not read:
            return None
        with self.open(blob) as stream:
            if copy_hashing(stream, None, blob.size_bytes)[0] != blob.digest:
                return Damage.CHANGED
        return Damage.FORMAT if safetensors and self.safetensors_defect(blob) else None

    def safetensors_defect(self, blob: Blob) -> str | None:
        """Why a blob is not safetensors, from its header alone, which is not verified; None where it is."""
        with self.open(blob) as stream:
            return find_defect(partial(read_at, stream), blob.size_bytes)

    def quarantine(self, blob: Blob) -> str | None:
        """Move a blob's file to `quarantine/`; its new place, or None where there is no file."""
        name = f"{QUARANTINE}/{blob.key}"
        with self._reached():
            if self.stat(_name(blob.digest)) is None:
                return None
            self.move(_name(blob.digest), name)
            self._sync(QUARANTINE, ALGORITHM)
        return f"{self.location}/{name}"

    def claim(self, registry: str, place: str) -> None:
        """Note durably that files of the registry with this uid are in the store. place: where its database is."""
        with self._reached():
            places = self._places(registry)
            if place not in places:
                self._write(f"{OWNERS}/{registry}", "".join(f"{line}\n" for line in (*places, place)).encode())

    def owners(self) -> dict[str, list[str]]:
        """The registries that have files in the store: uid → the places where the database was."""
        with self._reached():
            names = [file.name for file in self.list_files(OWNERS) if UID.fullmatch(file.name)]
            return {name: self._places(name) for name in sorted(names)}

    def entries(self) -> list[Entry]:
        """Every file that has the name of a blob."""
        with self._reached():
            now = self.now()
            return [
                Entry(digest_of_key(file.name), file.size_bytes, 0.0 if file.modified is None else now - file.modified)
                for file in self._sorted(ALGORITHM)
                if is_key(file.name)
            ]

    def trash(self, digests: Collection[str], tick: int, grace: float) -> set[str]:
        """Move files into the trash, but for those that have become younger than `grace` seconds; these."""
        young: set[str] = set()
        with self._reached():
            now = self.now()
            for digest in digests:
                file = self.stat(_name(digest))
                if file is None:
                    continue
                # A file of unknown age may have been written just now.
                if now - (now if file.modified is None else file.modified) < grace:
                    young.add(digest)
                else:
                    self._move(_name(digest), f"{TRASH}/{Trashed(digest, file.size_bytes, tick).name}")
            self._sync(TRASH, ALGORITHM)
        return young

    def trashed(self) -> list[Trashed]:
        """The files in the trash."""
        with self._reached():
            return [
                Trashed(digest_of_key(match[2]), file.size_bytes, int(match[1]))
                for file in self._sorted(TRASH)
                if (match := _TRASHED.fullmatch(file.name))
            ]

    def absent(self, digests: Iterable[str]) -> set[str]:
        """Those of which there is no file, not counting the trash."""
        with self._reached():
            return {digest for digest in digests if self.stat(_name(digest)) is None}

    def restore(self, files: Iterable[Trashed]) -> None:
        """Move files back out of the trash, unless they are there again."""
        with self._reached():
            for file in files:
                if self.stat(_name(file.digest)) is None:
                    self._move(f"{TRASH}/{file.name}", _name(file.digest))
            self._sync(ALGORITHM)

    def purge(self, files: Iterable[Trashed]) -> None:
        """Delete files in the trash."""
        with self._reached():
            for file in files:
                with suppress(FileNotFoundError):
                    self.delete(f"{TRASH}/{file.name}")

    def tidy(self) -> int:
        """Delete what dead writers left unfinished; its bytes."""
        return 0

    def _sync(self, *folders: str) -> None:  # noqa: B027 - remote places need nothing
        """Make renames in folders durable, where that is not so by itself."""

    def _write(self, name: str, content: bytes) -> None:
        with scratch_folder() as folder:
            (folder / "file").write_bytes(content)
            self.upload(folder / "file", name)

    def _move(self, source: str, target: str) -> None:
        """A file that another process has moved already is no error."""
        with suppress(FileNotFoundError):
            self.move(source, target)

    def _places(self, registry: str) -> list[str]:
        try:
            with self.open_file(f"{OWNERS}/{registry}") as stream:
                return read_at(stream, 0, MAX_NOTE).decode(errors="replace").splitlines()
        except FileNotFoundError:
            return []

    def _sorted(self, folder: str) -> list[FileInfo]:
        return sorted(self.list_files(folder), key=lambda file: file.name)

    def _stream(self, blob: Blob) -> BinaryIO:
        try:
            return self.open_file(_name(blob.digest))
        except FileNotFoundError as error:
            raise self._missing(blob) from error

    def _size(self, blob: Blob) -> int | None:
        with self._reached():
            file = self.stat(_name(blob.digest))
        return None if file is None else file.size_bytes

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Errors of the place, of whatever class, as `StoreUnavailableError`."""
        try:
            yield
        except RegistryError:
            raise
        except Exception as error:
            raise StoreUnavailableError(
                f"the store {self.location} cannot be used: {error}", "Is it reachable, and are you allowed there?"
            ) from error

    def _missing(self, blob: Blob) -> BlobMissingError:
        return BlobMissingError(f"blob {blob.digest} is not in {self.location}", "Restore the store from a backup.")

    def _damaged(self, blob: Blob) -> BlobDamagedError:
        return BlobDamagedError(f"blob {blob.digest} in {self.location} is damaged", "Restore it from a backup.")


def _name(digest: str) -> str:
    return f"{ALGORITHM}/{key_of_digest(digest)}"

"""Content-addressed files in a folder: a blob is called by its SHA-256, and is read only through that check."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from regtrain_registry.errors import BlobDamagedError, BlobMissingError, StoreUnavailableError
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
from regtrain_registry.store.streams import Composed, copy_hashing, find_damage, sync_folder, write_synced

__all__ = ["LocalStore", "cache_folder", "scratch_folder", "unavailable", "verified_copy"]


class LocalStore:
    """Blobs as read-only files in `FOLDER/sha256/`, durable before `put` returns.

    A file is linked or copied to `FOLDER/tmp/`, hashed and synchronised there, renamed to its digest, and the
    folder is synchronised once for all files of a call. What the store has already is read and verified, and neither
    synchronised nor renamed again; a damaged file is replaced. What a crash leaves in `tmp/` is garbage, not damage.
    Verified copies of composed blobs are made in the folder of `cache`.
    """

    def __init__(self, folder: Path, cache: Path | None = None) -> None:
        self.folder = folder
        self._cache = cache
        self._blobs = folder / ALGORITHM
        self._tmp = folder / "tmp"

    def path(self, blob: Blob) -> Path:
        """Where the blob lies, whether or not it is there."""
        return self._blobs / blob.key

    def put(self, files: Sequence[Offered], find: Find = nothing_known) -> list[Stored]:
        """Store files; `FileToStoreError` for a bad source, `StoreUnavailableError` for a bad store."""
        from regtrain_registry.store.staging import Staged, Staging  # who only reads needs no threads and no BLAKE3

        staging = Staging(self._tmp, self._holds, self._open, find, sync=True)
        staged: list[Staged] = []
        try:
            with unavailable(str(self.folder)):
                self._prepare()
                for file in files:
                    staged.append(staging.take(file))
                renamed = [self._commit(*file) for one in staged for file in one.files]
                self._touch(physical(one.stored.blob for one in staged), renamed)
                # Also when every blob was there: who renamed it may not have come this far yet.
                sync_folder(self._blobs)
        finally:
            for path in [path for one in staged for path, _ in one.files]:
                with suppress(OSError):  # garbage at worst; an error here would hide the one that matters
                    path.unlink(missing_ok=True)
        return [one.stored for one in staged]

    def missing(self, blobs: Iterable[Blob]) -> list[Blob]:
        """Those that are not there in full size; of composed ones, the blobs that their parts lie in."""
        return [blob for blob in physical(blobs) if not self._holds(blob)]

    def fetch(self, blob: Blob, target: Path) -> None:
        """Copy to a new file, verified while copying; a file that fails the check is removed."""
        with self._open(blob) as stored, target.open("xb") as copy:
            digest, _ = copy_hashing(stored, copy.fileno())
        if digest != blob.digest:
            target.unlink()
            raise self._damaged(blob)

    def verified_path(self, blob: Blob) -> Path:
        """The blob's own path, read once to verify it; of a composed one, a verified copy in the cache."""
        if blob.parts:
            return verified_copy(self, LocalStore(self._cache or cache_folder()), blob)
        with self._open(blob) as stored:
            digest, _ = copy_hashing(stored, None)
        if digest != blob.digest:
            raise self._damaged(blob)
        return self.path(blob)

    def check(self, blob: Blob, *, read: bool) -> Damage | None:
        """What is wrong with a blob: there and of full size, and with `read` also its digest."""
        return find_damage(blob, self._size, self._open if read else None)

    def serve(self, registry: str, place: str) -> None:
        """Note durably that files of the registry with this uid are in the store: a line for each place it was at."""
        note = self.folder / "registries" / registry
        with unavailable(str(self.folder)):
            places = note.read_text(errors="replace").splitlines() if note.exists() else []
            if place in places:
                return
            self._prepare()
            note.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self.folder)
            making = self._tmp / secrets.token_hex(16)
            try:
                write_synced(making, "".join(f"{line}\n" for line in (*places, place)).encode())
                os.replace(making, note)  # noqa: PTH105 - as the others
            except OSError:
                with suppress(OSError):  # garbage at worst; an error here would hide the one that matters
                    making.unlink(missing_ok=True)
                raise
            sync_folder(note.parent)

    def quarantine(self, blob: Blob) -> str | None:
        """Move a blob's file to `quarantine/`; its new place, or None when there was no file."""
        place = self.folder / "quarantine" / blob.key
        with unavailable(str(self.folder)):
            if not os.path.lexists(self.path(blob)):
                return None
            place.parent.mkdir(mode=0o700, exist_ok=True)
            self.path(blob).replace(place)
            sync_folder(place.parent)
            sync_folder(self._blobs)
        return str(place)

    def _prepare(self) -> None:
        if self._blobs.is_dir() and self._tmp.is_dir():
            return
        missing = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        for folder in (*reversed(missing), self._blobs, self._tmp):
            if not folder.is_dir():
                folder.mkdir(mode=0o700, exist_ok=True)
                sync_folder(folder.parent)

    def _commit(self, temporary: Path, blob: Blob) -> Blob:
        """Give a verified file its name: also where another one came before, which nobody has verified."""
        os.utime(temporary)  # of a link, the times are those of the file that was offered
        temporary.chmod(0o400)
        os.replace(temporary, self.path(blob))  # noqa: PTH105 - also over a damaged file
        return blob

    def _touch(self, blobs: Iterable[Blob], besides: Sequence[Blob]) -> None:
        """Young again: a collection that is under way leaves them alone. Another user's blob serves as well, and
        one that went meanwhile is missed by the transaction."""
        for blob in blobs:
            if blob not in besides:
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
        stream = cast(BinaryIO, Composed(blob, self._stream)) if blob.parts else self._stream(blob)
        with stream, unavailable(str(self.folder)):
            yield stream

    def _stream(self, blob: Blob) -> BinaryIO:
        if self._size(blob) is None:
            raise BlobMissingError(f"blob {blob.digest} is not in {self.folder}", "Restore the store from a backup.")
        try:
            handle = os.open(self.path(blob), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise _unavailable(str(self.folder), error) from error
        return os.fdopen(handle, "rb", buffering=0)

    def _damaged(self, blob: Blob) -> BlobDamagedError:
        return BlobDamagedError(f"blob {blob.digest} in {self.folder} is damaged", "Restore it from a backup.")


def cache_folder() -> Path:
    """Where verified copies are kept of what has no file of its own here; `StoreUnavailableError` without a home."""
    root = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(root or Path.home() / ".cache") / "regtrain" / "blobs"
    except RuntimeError as error:
        raise StoreUnavailableError("no folder for copies of files: you have no home", "Set XDG_CACHE_HOME.") from error


def verified_copy(store: Store, cache: LocalStore, blob: Blob) -> Path:
    """A verified copy of a blob in the cache; fetched where it is missing or damaged there."""
    whole = Blob(blob.digest, blob.size_bytes)
    try:
        with suppress(OSError):  # if it matters, reading it fails too
            os.utime(cache.path(whole))  # asked for: it stays
        return cache.verified_path(whole)
    except (BlobMissingError, BlobDamagedError):
        cache.path(whole).unlink(missing_ok=True)
    with scratch_folder() as folder:
        copy = folder / blob.key
        store.fetch(blob, copy)
        cache.put([Offered(copy, blob.digest, link=True)])
    return cache.verified_path(whole)


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
        raise _unavailable(store, error) from error


def _unavailable(store: str, error: OSError) -> StoreUnavailableError:
    reason = error.strerror or str(error)
    return StoreUnavailableError(
        f"the store {store} cannot be used: {reason}",
        "Free space or permissions there; REGTRAIN_STORE_URI names another store, XDG_CACHE_HOME another cache.",
    )

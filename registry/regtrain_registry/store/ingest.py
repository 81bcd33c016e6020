"""From a file to blobs: it is linked or copied to a temporary folder, hashed, and cut along its tensors.

What is hashed is what will be stored: the temporary file, never the one that was offered.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from regtrain_registry.atomic_file import write_all
from regtrain_registry.errors import BlobMissingError, StoreUnavailableError, WeightsFormatError
from regtrain_registry.store.blob import (
    ALGORITHM,
    Blob,
    Range,
    SourceFile,
    Stored,
    TensorIndex,
    TensorLocation,
    check_digest,
)
from regtrain_registry.store.chunks import Chunk, Span, cut, merge, shares_enough
from regtrain_registry.store.hashing import FileInProgress, hash_range, hash_span, hash_tensors, hash_whole, tensors_of
from regtrain_registry.store.safetensors_header import find_defect
from regtrain_registry.store.streams import check_size, copy_hashing, open_source
from regtrain_registry.store.temporary import TemporaryFiles, closing, copy, link

__all__ = ["Ingest", "Ingested"]

SMALL = 1 << 20  # bytes below which a file is not worth a thread, nor a search for its tensors
PROBES = 4


@dataclass(frozen=True, slots=True)
class Ingested:
    """A file that is ready to be stored, and the temporary files that are still to be named by their digests."""

    stored: Stored
    files: tuple[tuple[Path, Blob], ...] = ()


@dataclass(frozen=True, slots=True)
class _Cut:
    """A file as ranges, the locations of its new tensors, and the temporary files that hold the new bytes."""

    ranges: tuple[Range, ...]
    tensors: tuple[TensorLocation, ...]
    files: tuple[tuple[Path, Blob], ...]


class Ingest:
    """The files of one call, in a temporary folder. A file may share tensors with those before it.

    held: whether the store has a blob in full size. read: opens a blob of the store; nothing is left out before the
    bytes in the store that replace it were verified. sync: whether the temporary files are made durable.
    """

    def __init__(
        self,
        folder: Path,
        held: Callable[[Blob], bool],
        read: Callable[[Blob], AbstractContextManager[BinaryIO]],
        index: TensorIndex,
        *,
        sync: bool,
    ) -> None:
        self._folder = folder
        self._held = held
        self._read = read
        self._index = index
        self._sync = sync
        self._taken: set[Blob] = set()
        self._locations: dict[str, Range] = {}
        self._intact: dict[Blob | Range, bool] = {}  # what was read in this call

    def take(self, offered: SourceFile) -> Ingested:
        """Prepare one file; `FileToStoreError` for the file, OSError for the folder. On errors nothing is left."""
        temporary = TemporaryFiles(self._folder)
        try:
            found = self._linked(offered, temporary) or self._copied(offered, temporary)
        except BaseException:
            temporary.remove()
            raise
        temporary.remove(besides=[path for path, _ in found.files])
        self._taken |= {blob for _, blob in found.files}
        self._locations |= {tensor.digest: tensor.range for tensor in found.stored.tensors}
        return found

    def _linked(self, offered: SourceFile, temporary: TemporaryFiles) -> Ingested | None:
        handle = link(offered.path, temporary.whole) if offered.link else None
        if handle is None:
            return None
        with closing(handle):
            status = os.fstat(handle)
            check_size(offered.path, status)
            _check_format(offered, handle, status.st_size)
            return self._hashed(offered, temporary, handle, handle)

    def _copied(self, offered: SourceFile, temporary: TemporaryFiles) -> Ingested:
        """The file is copied, unless so much of it is in the store that only the rest is cut out of it."""
        with open_source(offered.path) as source:
            size = os.fstat(source.fileno()).st_size
            _check_format(offered, source.fileno(), size)
            if self._shares_probes(source.fileno()):
                found = self._hashed(offered, temporary, source.fileno(), None)
                if found is not None:
                    return found
                temporary.remove()
            self._check_space(size)
            with temporary.created(temporary.whole) as handle:
                found = self._hashed(offered, temporary, handle, handle, source)
                # What was checked may have changed while it was copied.
                _check_format(offered, handle, os.fstat(handle).st_size)
        assert found is not None  # a file that can be stored whole
        return found

    def _hashed(
        self,
        offered: SourceFile,
        temporary: TemporaryFiles,
        handle: int,
        whole: int | None,
        source: BinaryIO | None = None,
    ) -> Ingested | None:
        """Hash a file and decide how to store it.

        whole: its temporary file, which is first copied from `source` where there is one; None where the file may only
        be cut, and the answer is None if it is not.
        """
        before = os.fstat(handle if source is None else source.fileno())
        size, file = before.st_size, FileInProgress(handle)
        blake3 = offered.digest is not None and offered.digest.lower().startswith("blake3:")
        if size < SMALL and whole is not None:
            copy(source, handle, file)
            blob = Blob(*hash_whole(file))
            _check_digest(offered, blob, hash_tensors(file, blob.size_bytes, True).digest if blake3 else None)
            return self._settled(blob, (), None, temporary.whole, handle)
        synchronised = False
        with ThreadPoolExecutor(2) as pool:
            try:
                digest, tensors = pool.submit(hash_whole, file), pool.submit(hash_tensors, file, size, blake3)
                copy(source, handle, file)
                spans = tensors.result().spans
                known = self._located(spans)
                # What may be this very file is verified as a whole, once its SHA-256 is known.
                if not (_same_file(known, spans, size) and self._has(Blob(*digest.result()))):
                    known = self._verified(known)
                made = None
                if not shares_enough(spans, known, size):
                    if whole is None:
                        file.stop()
                        return None
                    self._synchronise(handle)  # beside the SHA-256, which takes longest
                    synchronised = True
                elif any(span.digest not in known for span in spans) or not self._has(Blob(*digest.result())):
                    made = self._cut(temporary, file, cut(size, spans, known.get))
            finally:
                file.finish()
            blob = Blob(*digest.result())
        _check_digest(offered, blob, tensors.result().digest)
        if blob.size_bytes != size:  # it grew or shrank: what was found in it is of no use
            spans, made = (), None
        if whole is None:
            kept = (made is not None and not self._listed(blob)) or self._has(blob)
            unchanged = os.fstat(handle).st_mtime_ns == before.st_mtime_ns and kept
            return self._settled(blob, spans, made, temporary.whole, None) if unchanged else None
        return self._settled(blob, spans, made, temporary.whole, None if synchronised else whole)

    def _shares_probes(self, handle: int) -> bool:
        """Whether some of a few large tensors are in the store: only then all are hashed before the copy."""
        file, size = FileInProgress(handle), os.fstat(handle).st_size
        file.finish()
        if size < SMALL:
            return False
        found = tensors_of(file, size)
        probes = [hash_span(file, *span) for span in found[:: max(1, len(found) // PROBES)][:PROBES]]
        return bool(self._verified(self._located(probes)))

    def _check_space(self, size: int) -> None:
        """Before gigabytes are copied in vain; what others write meanwhile, and quotas, are found by writing."""
        space = os.statvfs(self._folder)
        if size > space.f_bavail * space.f_frsize:
            raise StoreUnavailableError(
                f"{self._folder} has {space.f_bavail * space.f_frsize} bytes left, and the file has {size}",
                "Free space there; REGTRAIN_STORE_URI names another store.",
            )

    def _settled(
        self, blob: Blob, spans: Sequence[Span], made: _Cut | None, whole: Path, unsynchronised: int | None
    ) -> Ingested:
        """As the store has it already, cut, or whole; whole also in place of a damaged file that others refer to."""
        if made is not None and not self._listed(blob):
            return Ingested(Stored(Blob(blob.digest, blob.size_bytes, made.ranges), made.tensors), made.files)
        tensors = tuple(TensorLocation(span.digest, Range(blob, span.start, span.size_bytes)) for span in spans)
        if self._has(blob):
            return Ingested(Stored(blob, tensors))
        if unsynchronised is not None:
            self._synchronise(unsynchronised)
        return Ingested(Stored(blob, tensors), ((whole, blob),))

    def _synchronise(self, handle: int) -> None:
        if self._sync:
            os.fsync(handle)

    def _listed(self, blob: Blob) -> bool:
        """Whether the store has the blob's file in full size; its content was not read."""
        return blob in self._taken or self._held(blob)

    def _has(self, blob: Blob) -> bool:
        """Whether the store has the blob, and its content was verified in this call."""
        if blob in self._taken:
            return True
        if blob not in self._intact:
            self._intact[blob] = self._held(blob) and self._is_intact(blob)
        return self._intact[blob]

    def _is_intact(self, blob: Blob) -> bool:
        try:
            with self._read(blob) as stream:
                return copy_hashing(stream, None)[0] == blob.digest
        except BlobMissingError:
            return False

    def _verified(self, found: Mapping[str, Range]) -> dict[str, Range]:
        """Those of the tensors whose bytes in the store still have their digest."""
        unread: dict[Blob, list[tuple[str, Range]]] = {}
        for digest, part in found.items():
            if part not in self._intact and part.source not in self._taken and not self._intact.get(part.source):
                unread.setdefault(part.source, []).append((digest, part))
        for source, parts in unread.items():
            self._intact |= {part: False for _, part in parts}
            with suppress(BlobMissingError), self._read(source) as stream:
                for digest, part in sorted(parts, key=lambda one: one[1].start):
                    self._intact[part] = hash_range(stream, part.start, part.size_bytes) == digest
        return {digest: part for digest, part in found.items() if self._intact.get(part, True)}

    def _located(self, spans: Sequence[Span]) -> dict[str, Range]:
        """The ranges of those tensors that may not have to be stored again."""
        if not spans:
            return {}
        sizes = {span.digest: span.size_bytes for span in spans}
        found = {digest: part for digest, part in self._index(list(sizes)).items() if part.size_bytes == sizes[digest]}
        listed = {source: self._listed(source) for source in {part.source for part in found.values()}}
        there = {digest: part for digest, part in found.items() if listed[part.source]}
        return there | {digest: self._locations[digest] for digest in sizes if digest in self._locations}

    def _cut(self, temporary: TemporaryFiles, file: FileInProgress, chunks: Sequence[Chunk]) -> _Cut:
        """Write what the store does not have: each large tensor to a file of its own, all the rest to one."""
        new: dict[int, Range] = {}  # by where the chunk starts
        own: dict[str, Range] = {}
        files: list[tuple[Path, Blob]] = []
        for chunk in chunks:
            if chunk.own and chunk.digest is not None:
                if chunk.digest not in own:
                    own[chunk.digest] = Range(self._written(temporary, file, [chunk], files), 0, chunk.size_bytes)
                new[chunk.start] = own[chunk.digest]
        pack = [chunk for chunk in chunks if chunk.stored is None and not chunk.own]
        if pack:
            blob, at = self._written(temporary, file, pack, files), 0
            for chunk in pack:
                new[chunk.start] = Range(blob, at, chunk.size_bytes)
                at += chunk.size_bytes
        ranges = merge([chunk.stored or new[chunk.start] for chunk in chunks])
        tensors = {chunk.digest: new[chunk.start] for chunk in chunks if chunk.digest and chunk.stored is None}
        return _Cut(ranges, tuple(TensorLocation(digest, part) for digest, part in tensors.items()), tuple(files))

    def _written(
        self, temporary: TemporaryFiles, file: FileInProgress, some: Sequence[Chunk], files: list[tuple[Path, Blob]]
    ) -> Blob:
        """Chunks of the file, back to back, as a temporary file; added to `files` if the store does not have it."""
        hashed, size = hashlib.sha256(), 0
        with temporary.new() as (path, handle):
            for chunk in some:
                for part in file.chunks(chunk.start, chunk.size_bytes):
                    hashed.update(part)
                    write_all(handle, part)
                    size += len(part)
            blob = Blob(f"{ALGORITHM}:{hashed.hexdigest()}", size)
            if size != sum(chunk.size_bytes for chunk in some):
                raise OSError(errno.EIO, f"{path.name} became shorter")
            if not self._has(blob):
                self._synchronise(handle)
                files.append((path, blob))
        return blob


def _check_format(offered: SourceFile, handle: int, size: int) -> None:
    """`WeightsFormatError` for what is offered as safetensors and is not."""
    if offered.safetensors and (defect := find_defect(lambda start, count: os.pread(handle, count, start), size)):
        raise WeightsFormatError(
            f"{offered.path} is not a safetensors file: {defect}",
            "Write it with safetensors.torch.save_file, or register it under a name without .safetensors.",
        )


def _check_digest(offered: SourceFile, blob: Blob, blake3: str | None) -> None:
    check_digest(offered.path, [blob.digest, *([blake3] if blake3 else [])], offered.digest)


def _same_file(known: Mapping[str, Range], spans: Sequence[Span], size: int) -> bool:
    """Whether all tensors lie in one blob of the file's size, where they lie in the file."""
    places = [known.get(span.digest) for span in spans]
    sources = {place.source for place in places if place is not None}
    return None not in places and [source.size_bytes for source in sources] == [size]

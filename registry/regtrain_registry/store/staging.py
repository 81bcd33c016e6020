"""One file on its way into a store: linked or copied to a temporary folder, hashed, and cut along its tensors.

What is hashed is what will be stored: the temporary file, never the one that was offered.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from regtrain_registry.errors import BlobMissingError, FileToStoreError
from regtrain_registry.store.content import ALGORITHM, Blob, Find, Offered, Part, Segment, Stored, check_digest
from regtrain_registry.store.hashing import Growing, hash_span, hash_stored, hash_tensors, hash_whole, spans_of
from regtrain_registry.store.streams import CHUNK, copy_hashing, open_source, write_all
from regtrain_registry.store.tensors import Piece, Span, merged, pieces, shared

__all__ = ["Staged", "Staging"]

SMALL = 1 << 20  # not worth a thread, nor a look for tensors
PROBES = 4


@dataclass(frozen=True, slots=True)
class Staged:
    """What becomes of a file, and the temporary files that are still to be called by their digests."""

    stored: Stored
    files: tuple[tuple[Path, Blob], ...] = ()


class Staging:
    """The files of one call, in a temporary folder. `stored` says what the store has in full size, `read` reads it:
    nothing is left out before what stands for it was verified. With `sync` what is staged is durable. A file may
    share tensors with those before it."""

    def __init__(
        self,
        folder: Path,
        stored: Callable[[Blob], bool],
        read: Callable[[Blob], AbstractContextManager[BinaryIO]],
        find: Find,
        *,
        sync: bool,
    ) -> None:
        self._folder = folder
        self._stored = stored
        self._read = read
        self._find = find
        self._sync = sync
        self._staged: set[Blob] = set()
        self._places: dict[str, Part] = {}
        self._intact: dict[Blob | Part, bool] = {}  # what was read in this call

    def take(self, offered: Offered) -> Staged:
        """Stage one file; `FileToStoreError` for the file, OSError for the folder. On errors nothing stays."""
        making = _Making(self._folder)
        try:
            staged = self._linked(offered, making) or self._taken(offered, making)
        except BaseException:
            making.remove()
            raise
        making.remove(besides=[path for path, _ in staged.files])
        self._staged |= {blob for _, blob in staged.files}
        self._places |= {segment.digest: segment.place for segment in staged.stored.segments}
        return staged

    def _linked(self, offered: Offered, making: _Making) -> Staged | None:
        handle = _link(offered.path, making.whole) if offered.link else None
        if handle is None:
            return None
        with _closing(handle):
            return self._hashed(offered, making, handle, handle)

    def _taken(self, offered: Offered, making: _Making) -> Staged:
        """Copied, unless so much of it is there that it is cut out of where it lies."""
        with open_source(offered.path) as source:
            if self._promising(source.fileno()):
                staged = self._hashed(offered, making, source.fileno(), None)
                if staged is not None:
                    return staged
                making.remove()
            with making.opened(making.whole) as handle:
                staged = self._hashed(offered, making, handle, handle, source)
        assert staged is not None  # a file that can be stored whole
        return staged

    def _hashed(
        self, offered: Offered, making: _Making, handle: int, whole: int | None, source: BinaryIO | None = None
    ) -> Staged | None:
        """Hash a file and decide how to keep it. `whole`: its temporary file, which is first copied from `source`
        where there is one; None where it may only be cut, and the answer is None if it is not."""
        before = os.fstat(handle if source is None else source.fileno())
        size, file = before.st_size, Growing(handle)
        blake3 = offered.digest is not None and offered.digest.lower().startswith("blake3:")
        if size < SMALL and whole is not None:
            _copy(source, handle, file)
            blob = Blob(*hash_whole(file))
            _check(offered, blob, hash_tensors(file, blob.size_bytes, True).digest if blake3 else None)
            return self._settled(blob, (), None, making.whole, handle)
        synchronised = False
        with ThreadPoolExecutor(2) as pool:
            try:
                digest, tensors = pool.submit(hash_whole, file), pool.submit(hash_tensors, file, size, blake3)
                _copy(source, handle, file)
                spans = tensors.result().spans
                known = self._found(spans)
                # What may be this very file is verified as a whole, once its SHA-256 is known.
                if not (_same_file(known, spans, size) and self._holds(Blob(*digest.result()))):
                    known = self._verified(known)
                cut = None
                if not shared(spans, known, size):
                    if whole is None:
                        file.stop()
                        return None
                    self._synchronise(handle)  # beside the SHA-256, which takes longest
                    synchronised = True
                elif any(span.digest not in known for span in spans) or not self._holds(Blob(*digest.result())):
                    cut = self._cut(making, file, pieces(size, spans, known.get))
            finally:
                file.finish()
            blob = Blob(*digest.result())
        _check(offered, blob, tensors.result().digest)
        if blob.size_bytes != size:  # it grew or shrank: what was found in it is of no use
            spans, cut = (), None
        if whole is None:
            kept = (cut is not None and not self._there(blob)) or self._holds(blob)
            unchanged = _time(handle) == before.st_mtime_ns and kept
            return self._settled(blob, spans, cut, making.whole, None) if unchanged else None
        return self._settled(blob, spans, cut, making.whole, None if synchronised else whole)

    def _promising(self, handle: int) -> bool:
        """Whether some of a few large tensors are in the store: all of them are hashed only then before the copy."""
        file, size = Growing(handle), os.fstat(handle).st_size
        file.finish()
        if size < SMALL:
            return False
        found = spans_of(file, size)
        probes = [hash_span(file, *span) for span in found[:: max(1, len(found) // PROBES)][:PROBES]]
        return bool(self._verified(self._found(probes)))

    def _settled(
        self, blob: Blob, spans: Sequence[Span], cut: _Cut | None, whole: Path, unsynchronised: int | None
    ) -> Staged:
        """As it is there already, cut, or whole; whole also in place of a damaged one, which others refer to."""
        if cut is not None and not self._there(blob):
            return Staged(Stored(Blob(blob.digest, blob.size_bytes, cut.parts), cut.segments), cut.files)
        segments = tuple(Segment(span.digest, Part(blob, span.start, span.size_bytes)) for span in spans)
        if self._holds(blob):
            return Staged(Stored(blob, segments))
        if unsynchronised is not None:
            self._synchronise(unsynchronised)
        return Staged(Stored(blob, segments), ((whole, blob),))

    def _synchronise(self, handle: int) -> None:
        if self._sync:
            os.fsync(handle)

    def _there(self, blob: Blob) -> bool:
        return blob in self._staged or self._stored(blob)

    def _holds(self, blob: Blob) -> bool:
        """Whether the blob is there and its content is what its name says."""
        if blob in self._staged:
            return True
        if blob not in self._intact:
            self._intact[blob] = self._stored(blob) and self._is_intact(blob)
        return self._intact[blob]

    def _is_intact(self, blob: Blob) -> bool:
        try:
            with self._read(blob) as stream:
                return copy_hashing(stream, None)[0] == blob.digest
        except BlobMissingError:
            return False

    def _verified(self, found: Mapping[str, Part]) -> dict[str, Part]:
        """Those of the tensors whose bytes are still the ones that were hashed."""
        unread: dict[Blob, list[tuple[str, Part]]] = {}
        for digest, part in found.items():
            if part not in self._intact and part.source not in self._staged and not self._intact.get(part.source):
                unread.setdefault(part.source, []).append((digest, part))
        for source, places in unread.items():
            self._intact |= {part: False for _, part in places}
            with suppress(BlobMissingError), self._read(source) as stream:
                for digest, part in sorted(places, key=lambda place: place[1].start):
                    self._intact[part] = hash_stored(stream, part.start, part.size_bytes) == digest
        return {digest: part for digest, part in found.items() if self._intact.get(part, True)}

    def _found(self, spans: Sequence[Span]) -> dict[str, Part]:
        """Where the tensors lie that may not have to be stored again."""
        if not spans:
            return {}
        sizes = {span.digest: span.size_bytes for span in spans}
        found = {digest: part for digest, part in self._find(list(sizes)).items() if part.size_bytes == sizes[digest]}
        held = {source: self._there(source) for source in {part.source for part in found.values()}}
        there = {digest: part for digest, part in found.items() if held[part.source]}
        return there | {digest: self._places[digest] for digest in sizes if digest in self._places}

    def _cut(self, making: _Making, file: Growing, found: Sequence[Piece]) -> _Cut:
        """Write what the store does not have: large tensors each for itself, all the rest together."""
        new: dict[int, Part] = {}  # by where the piece starts
        own: dict[str, Part] = {}
        files: list[tuple[Path, Blob]] = []
        for piece in found:
            if piece.own and piece.digest is not None:
                if piece.digest not in own:
                    own[piece.digest] = Part(self._written(making, file, [piece], files), 0, piece.size_bytes)
                new[piece.start] = own[piece.digest]
        pack = [piece for piece in found if piece.place is None and not piece.own]
        if pack:
            blob, at = self._written(making, file, pack, files), 0
            for piece in pack:
                new[piece.start] = Part(blob, at, piece.size_bytes)
                at += piece.size_bytes
        parts = merged([piece.place or new[piece.start] for piece in found])
        segments = {piece.digest: new[piece.start] for piece in found if piece.digest and piece.place is None}
        return _Cut(parts, tuple(Segment(digest, place) for digest, place in segments.items()), tuple(files))

    def _written(self, making: _Making, file: Growing, some: Sequence[Piece], files: list[tuple[Path, Blob]]) -> Blob:
        """Pieces of the file, back to back, as a temporary file; added to `files` if the store does not have it."""
        hashed, size = hashlib.sha256(), 0
        with making.new() as (path, handle):
            for piece in some:
                for chunk in file.chunks(piece.start, piece.size_bytes):
                    hashed.update(chunk)
                    write_all(handle, chunk)
                    size += len(chunk)
            blob = Blob(f"{ALGORITHM}:{hashed.hexdigest()}", size)
            if size != sum(piece.size_bytes for piece in some):
                raise OSError(errno.EIO, f"{path.name} became shorter")
            if not self._holds(blob):
                self._synchronise(handle)
                files.append((path, blob))
        return blob


@dataclass(frozen=True, slots=True)
class _Cut:
    """A file as parts, the places of those of its tensors that are new, and the temporary files for them."""

    parts: tuple[Part, ...]
    segments: tuple[Segment, ...]
    files: tuple[tuple[Path, Blob], ...]


class _Making:
    """The temporary files of one file that is staged; `whole` is that of the file itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[Path] = []
        self.whole = self._name()

    @contextmanager
    def new(self) -> Iterator[tuple[Path, int]]:
        """One more temporary file, and its file descriptor."""
        path = self._name()
        with self.opened(path) as handle:
            yield path, handle

    @contextmanager
    def opened(self, path: Path) -> Iterator[int]:
        """The file descriptor of a new file."""
        # Read-only from the start: what the store hands out by path is not to be changed by accident.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
        with _closing(handle):
            yield handle

    def remove(self, besides: Iterable[Path] = ()) -> None:
        """Remove them, but for those that are still needed."""
        for path in set(self._made) - set(besides):
            with suppress(OSError):  # garbage at worst; an error here would hide the one that matters
                path.unlink(missing_ok=True)

    def _name(self) -> Path:
        self._made.append(self._folder / secrets.token_hex(16))
        return self._made[-1]


def _link(source: Path, target: Path) -> int | None:
    """A file descriptor of the source's own file under a second name; None where it has to be copied.

    So it is on another file system, where links are refused or are too many, and for files of other users, who
    could go on writing to them.
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


@contextmanager
def _closing(handle: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(handle)


def _copy(source: BinaryIO | None, handle: int, file: Growing) -> None:
    """Write the source to the file, telling those who read it; at once where there is nothing to copy."""
    if source is not None:
        view = memoryview(bytearray(CHUNK))
        while count := _read(source, view):
            write_all(handle, view[:count])
            file.grow(count)
    file.finish()


def _read(source: BinaryIO, view: memoryview) -> int:
    try:
        return source.readinto(view)  # type: ignore[attr-defined, no-any-return]
    except OSError as error:
        raise FileToStoreError(f"cannot read {source.name}: {error.strerror}", "Name another file.") from error


def _check(offered: Offered, blob: Blob, blake3: str | None) -> None:
    check_digest(offered.path, [blob.digest, *([blake3] if blake3 else [])], offered.digest)


def _same_file(known: Mapping[str, Part], spans: Sequence[Span], size: int) -> bool:
    """Whether all tensors lie in one blob of the file's size, where they lie in the file."""
    places = [known.get(span.digest) for span in spans]
    sources = {place.source for place in places if place is not None}
    return None not in places and [source.size_bytes for source in sources] == [size]


def _time(handle: int) -> int:
    return os.fstat(handle).st_mtime_ns

"""Archives as files: written from the store, and read into it, one blob at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from regtrain_registry.archives.fields import HINT
from regtrain_registry.archives.manifest import MANIFEST, MAX_MANIFEST, Manifest, blob_name
from regtrain_registry.archives.manifest_reader import check_times, read_manifest
from regtrain_registry.archives.tar_stream import Member, TarReader, TarWriter
from regtrain_registry.atomic_file import new_file
from regtrain_registry.errors import ArchiveDamagedError, ArchiveError, FileToStoreError, WeightsFormatError
from regtrain_registry.ops.blobs import is_safetensors
from regtrain_registry.store.blob import ALGORITHM, Blob, SourceFile, Stored
from regtrain_registry.store.store import Store
from regtrain_registry.store.streams import open_source, scratch_folder, unavailable

__all__ = ["Exported", "read_archive", "write_archive"]


@dataclass(frozen=True, slots=True)
class Exported:
    """An archive that was written: the number of versions, of those with their files, and its size in bytes."""

    path: Path
    versions: int
    complete: int
    size_bytes: int

    def to_json(self) -> dict[str, Any]:
        """All four fields."""
        return {
            "path": str(self.path),
            "versions": self.versions,
            "complete": self.complete,
            "size_bytes": self.size_bytes,
        }


def write_archive(manifest: Manifest, places: Mapping[str, Blob], store: Store, file: Path) -> Exported:
    """Write the manifest and the blobs that it names, each verified on its way."""
    text = manifest.model_dump_json(by_alias=True).encode()
    if len(text) > MAX_MANIFEST:
        raise ArchiveError(f"{len(manifest.versions)} versions are too many for one archive", "Export fewer at a time.")
    with new_file(file) as making, scratch_folder() as place:
        with making.open("xb") as target:
            writer = TarWriter(target)
            writer.add(MANIFEST, len(text), BytesIO(text))
            for digest, size in manifest.blobs.items():
                copy = place / "blob"
                store.fetch(places[digest], copy)
                with copy.open("rb") as source:
                    writer.add(blob_name(digest), size, source)
                copy.unlink()
            writer.end()
        written = making.stat().st_size
    complete = sum(version.complete for version in manifest.versions)
    return Exported(file.absolute(), len(manifest.versions), complete, written)


def read_archive(
    file: Path, put: Callable[[Sequence[SourceFile]], list[Stored]], now: datetime
) -> tuple[Manifest, dict[str, Stored]]:
    """Check the manifest, then put each blob into a store; the stored blobs, by digest.

    Nothing is named by the archive: a blob's content decides what it is called. `ArchiveError` for a file that is no
    archive, `ArchiveDamagedError` for content that does not match the manifest, `WeightsFormatError` for weights whose
    name ends in .safetensors and which are no such file.
    """
    with _opened(file) as source:
        reader = TarReader(source)
        manifest = read_manifest(_manifest(reader))
        check_times(manifest, now)
        weights, stored = _weights(manifest), {}
        with scratch_folder() as place:
            for digest, size in manifest.blobs.items():
                member = reader.next()
                if member != Member(blob_name(digest), size):
                    found = "nothing" if member is None else f"{member.name[:80]!r} of {member.size} bytes"
                    raise ArchiveError(f"the archive holds {found} where {digest} of {size} bytes belongs", HINT)
                with unavailable(str(place)):
                    copy = _copied(reader, member, digest, place / "blob")
                with _naming(copy, weights.get(digest)):
                    stored[digest] = put([SourceFile(copy, digest, link=True, safetensors=digest in weights)])[0]
                with unavailable(str(place)):
                    copy.unlink()
        if reader.next() is not None:
            raise ArchiveError("the archive holds more than its manifest names", HINT)
    return manifest, stored


def _weights(manifest: Manifest) -> dict[str, str]:
    """The blobs that must be safetensors, by digest, each with the name of one version that has it."""
    return {
        file.digest: f"{file.path} of {version.home.model}@{version.home.version}"
        for version in manifest.versions
        for file in version.files
        if is_safetensors(file.kind, file.path)
    }


@contextmanager
def _naming(copy: Path, name: str | None) -> Iterator[None]:
    """Errors of the store name the file that the blob was copied to; put the name in the archive in its place."""
    try:
        yield
    except WeightsFormatError as error:
        raise WeightsFormatError(
            error.message.replace(str(copy), f"{name} in the archive"),
            "Register it at its home under a name without .safetensors, and export that version.",
        ) from error


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    """An archive to read; `ArchiveError` unless it is a regular file."""
    with ExitStack() as stack:
        try:
            raw = stack.enter_context(open_source(file))
        except FileToStoreError as error:
            raise ArchiveError(error.message, "Name an archive.") from error
        yield stack.enter_context(BufferedReader(raw))  # type: ignore[type-var]


def _manifest(reader: TarReader) -> bytes:
    member = reader.next()
    if member is None or member.name != MANIFEST:
        raise ArchiveError("it is not an archive of versions: its first entry is no manifest", HINT)
    if member.size > MAX_MANIFEST:
        raise ArchiveError(f"the archive's manifest has {member.size} bytes, more than {MAX_MANIFEST}", HINT)
    return b"".join(reader.content(member))


def _copied(reader: TarReader, member: Member, digest: str, copy: Path) -> Path:
    hashed = hashlib.sha256()
    with copy.open("xb") as target:
        for chunk in reader.content(member):
            hashed.update(chunk)
            target.write(chunk)
    if f"{ALGORITHM}:{hashed.hexdigest()}" != digest:
        raise ArchiveDamagedError(f"{member.name} of the archive is damaged", "Copy the archive again.")
    return copy

"""A version's files out of the store: copied to a folder, or one of them by its path."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from regtrain_registry.atomic_file import make_folder, refuse_others, temporary_name
from regtrain_registry.domain.records import Artifact, VersionInfo
from regtrain_registry.errors import (
    ArtifactNotFoundError,
    BlobDamagedError,
    BlobMissingError,
    FolderNotEmptyError,
    IntegrityError,
    StoreUnavailableError,
)
from regtrain_registry.refs import check_artifact_name
from regtrain_registry.store.blob import Blob
from regtrain_registry.store.store import Store

__all__ = ["read_verified", "unpack", "verified_path"]


def _nothing(folder: Path) -> list[str]:
    return []


def unpack(
    version: VersionInfo,
    store: Store,
    folder: Path,
    blobs: Mapping[str, Blob],
    add: Callable[[Path], list[str]] = _nothing,
) -> list[Path]:
    """Copy the version's files to a new or empty folder, each verified; the paths of all files that are there then.

    blobs: those of the version, by their digest. add: writes files that are not stored into the folder, and returns
    their names. All or nothing: the files are copied to a folder beside it, which is renamed at the end.
    Errors: `FolderNotEmptyError`; `BlobDamagedError` or `BlobMissingError` naming the artifact.
    """
    target = folder.absolute()
    gathered = temporary_name(target)
    try:
        if target.is_symlink() or (target.exists() and not _is_empty_folder(target)):
            raise FolderNotEmptyError(f"{target} is not an empty folder", "Name a folder that does not exist.")
        make_folder(gathered)
        for artifact in version.artifacts:
            # Checked again: the row may have been written by another program.
            copy = gathered / check_artifact_name(artifact.path)
            make_folder(copy.parent)
            with _naming(version, artifact):
                store.fetch(blobs[artifact.digest], copy)
        added = add(gathered)
        for path in gathered.rglob("*"):
            refuse_others(path)
        gathered.rename(target)
    except OSError as error:
        raise StoreUnavailableError(f"cannot write {target}: {error.strerror}", "Name another folder.") from error
    finally:
        shutil.rmtree(gathered, ignore_errors=True)
    return [target / name for name in (*(artifact.path for artifact in version.artifacts), *added)]


def verified_path(version: VersionInfo, store: Store, kind_or_name: str, blobs: Mapping[str, Blob]) -> Path:
    """A local path of one file of the version, by its name, or by its kind when there is one of that kind.

    The content was verified just now; the file must not be written to.
    """
    artifact = _one(version, kind_or_name)
    with _naming(version, artifact):
        return store.verified_path(blobs[artifact.digest])


def read_verified(
    version: VersionInfo, store: Store, kind_or_name: str, blobs: Mapping[str, Blob], digest: str | None
) -> memoryview:
    """The content of one file of the version, read once and verified. digest: a BLAKE3 that is known of it."""
    artifact = _one(version, kind_or_name)
    with _naming(version, artifact):
        return store.read(blobs[artifact.digest], digest)


def _one(version: VersionInfo, kind_or_name: str) -> Artifact:
    """The file of that name, or the only one of that kind; `ArtifactNotFoundError`."""
    named = [a for a in version.artifacts if a.path == kind_or_name]
    found = named or [a for a in version.artifacts if a.kind == kind_or_name]
    if len(found) != 1:
        count = f"{len(found)} artifacts of kind" if found else "no artifact"
        choices = ", ".join(f"{a.path} ({a.kind.value})" for a in version.artifacts) or "none"
        raise ArtifactNotFoundError(f"{version.ref} has {count} {kind_or_name!r}", f"Its artifacts: {choices}.")
    return found[0]


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and next(path.iterdir(), None) is None


@contextmanager
def _naming(version: VersionInfo, artifact: Artifact) -> Iterator[None]:
    """Errors of the store name digests; add the version and the file."""
    try:
        yield
    except (BlobDamagedError, BlobMissingError) as error:
        kind: type[IntegrityError] = type(error)
        raise kind(f"{artifact.path} of {version.ref}: {error.message}", error.hint) from error

"""Getting a version's files out of the store: unpacked to a folder, or one of them by path."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

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
from regtrain_registry.store.content import Blob, Part, Store

__all__ = ["Parts", "unpack", "verified_path"]

Parts = Mapping[str, tuple[Part, ...]]


def _nothing(folder: Path) -> list[str]:
    return []


def unpack(
    version: VersionInfo, store: Store, folder: Path, parts: Parts, add: Callable[[Path], list[str]] = _nothing
) -> list[Path]:
    """Copy the version's files to a new or empty folder, each verified; the paths of all that is there then.

    `parts`: of those that are composed, by digest. `add`: writes what is not stored beside the files, and returns its
    names. All or nothing: everything is gathered in a folder beside it, which is renamed at the end.
    Errors: `FolderNotEmptyError`; `BlobDamagedError` or `BlobMissingError` naming the artifact.
    """
    target = folder.absolute()
    gathered = target.parent / f".{target.name[:80]}.{secrets.token_hex(8)}"
    try:
        if target.is_symlink() or (target.exists() and not _is_empty_folder(target)):
            raise FolderNotEmptyError(f"{target} is not an empty folder", "Name a folder that does not exist.")
        gathered.mkdir(parents=True)
        for artifact in version.artifacts:
            # Checked again: the row may have been written by another program.
            copy = gathered / check_artifact_name(artifact.path)
            copy.parent.mkdir(parents=True, exist_ok=True)
            with _naming(version, artifact):
                store.fetch(_blob(artifact, parts), copy)
        added = add(gathered)
        gathered.rename(target)
    except OSError as error:
        raise StoreUnavailableError(f"cannot write {target}: {error.strerror}", "Name another folder.") from error
    finally:
        shutil.rmtree(gathered, ignore_errors=True)
    return [target / name for name in (*(artifact.path for artifact in version.artifacts), *added)]


def verified_path(version: VersionInfo, store: Store, kind_or_name: str, parts: Parts) -> Path:
    """A local path of one file of the version, by its name, or by its kind when there is one of that kind.

    The content was verified just now; the file must not be written to.
    """
    named = [a for a in version.artifacts if a.path == kind_or_name]
    found = named or [a for a in version.artifacts if a.kind == kind_or_name]
    if len(found) != 1:
        said = f"{len(found)} artifacts of kind" if found else "no artifact"
        choices = ", ".join(f"{a.path} ({a.kind.value})" for a in version.artifacts) or "none"
        raise ArtifactNotFoundError(f"{version.ref} has {said} {kind_or_name!r}", f"Its artifacts: {choices}.")
    with _naming(version, found[0]):
        return store.verified_path(_blob(found[0], parts))


def _blob(artifact: Artifact, parts: Parts) -> Blob:
    return Blob(artifact.digest, artifact.size_bytes, parts.get(artifact.digest, ()))


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and next(path.iterdir(), None) is None


@contextmanager
def _naming(version: VersionInfo, artifact: Artifact) -> Iterator[None]:
    """The store knows digests only; people need to know whose file it is."""
    try:
        yield
    except (BlobDamagedError, BlobMissingError) as error:
        kind: type[IntegrityError] = type(error)
        raise kind(f"{artifact.path} of {version.ref}: {error.message}", error.hint) from error

"""The files of a version: copied to a folder, or one of them opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from regtrain_registry import ops
from regtrain_registry.db.engine import Database
from regtrain_registry.domain.records import VersionDetail, VersionInfo, VersionStatus
from regtrain_registry.errors import VersionCollectedError
from regtrain_registry.ops.checkout import read_verified, unpack, verified_path
from regtrain_registry.ops.chunks import load_blobs
from regtrain_registry.ops.read import show
from regtrain_registry.refs import Ref, parse_ref
from regtrain_registry.store.blob import Blob
from regtrain_registry.store.store import Store
from regtrain_registry.store.streams import scratch_folder

__all__ = ["blobs_of", "checkout", "open_artifact", "read_artifact", "unpacked", "with_files"]


def with_files(database: Database, ref: Ref) -> VersionDetail:
    """The version that a ref names; `VersionCollectedError` where its files were collected."""
    version = database.read(lambda connection: show(connection, ref))
    if version.status is VersionStatus.COLLECTED:
        since = f" on {version.marks.since:%Y-%m-%d}" if version.marks.since else ""
        raise VersionCollectedError(
            f"{version.ref} was collected{since}: its files are gone", "Its row, lineage and metrics are what is left."
        )
    return version


def blobs_of(database: Database, version: VersionInfo) -> Mapping[str, Blob]:
    """The blobs of a version's files, by digest."""
    sizes = {artifact.digest: artifact.size_bytes for artifact in version.artifacts}
    return database.read(lambda connection: load_blobs(connection, sizes))


@contextmanager
def unpacked(database: Database, store: Store, version: VersionInfo) -> Iterator[Path]:
    """The version's files in a folder that is removed at the end of the block."""
    with scratch_folder() as place:
        folder = place / version.ref
        unpack(version, store, folder, blobs_of(database, version))
        yield folder


def checkout(database: Database, store: Store, ref: Ref, folder: Path, bare: bool) -> list[Path]:
    """Copy a version's files to a new or empty folder, with card, plots and signatures unless `bare`; all paths."""
    version = with_files(database, ref)
    blobs = blobs_of(database, version)
    if bare:
        return unpack(version, store, folder, blobs)
    return unpack(version, store, folder, blobs, ops.card_facts.extras(database, parse_ref(version.ref)))


def open_artifact(database: Database, store: Store, ref: Ref, kind_or_name: str) -> Path:
    """A verified local path of one file of a version, by its name or kind."""
    version = with_files(database, ref)
    return verified_path(version, store, kind_or_name, blobs_of(database, version))


def read_artifact(database: Database, store: Store, ref: Ref, kind_or_name: str, digest: str | None) -> memoryview:
    """The verified content of one file of a version, by its name or kind."""
    version = with_files(database, ref)
    return read_verified(version, store, kind_or_name, blobs_of(database, version), digest)

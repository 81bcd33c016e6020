"""The face of the registry that moves versions between registries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from regtrain_registry.doors.opened import Opened
from regtrain_registry.refs import parse_ref

if TYPE_CHECKING:
    from regtrain_registry.archives.manifest import ArchivedVersion
    from regtrain_registry.ops.archive_files import Exported
    from regtrain_registry.ops.archive_import import Imported
    from regtrain_registry.store.content import Part

__all__ = ["Archives"]


class Archives(Opened):
    """Archives, backups and merges."""

    def export_archive(self, refs: Sequence[str] | None, file: str | Path, *, named_files: bool = False) -> Exported:
        """Write versions with all their ancestors to a new file; None: every version.

        named_files: of ancestors only what is known of them, not their files. The same versions give the same bytes.
        Errors: `TargetExistsError`; `BlobDamagedError` or `BlobMissingError`, and nothing is written.
        """
        from regtrain_registry.ops import archive_export, archive_files

        parsed = None if refs is None else [parse_ref(ref) for ref in refs]
        manifest, places = self._database.read(
            lambda connection: archive_export.manifest(connection, parsed, whole=not named_files)
        )
        return archive_files.write_archive(manifest, places, self._store, Path(file))

    def import_archive(self, file: str | Path) -> list[Imported]:
        """Import the versions of an archive, each in a transaction of its own; the outcome of each.

        A version is known by its home registry and its name there, so that it comes in once, however often and by
        whatever way. Where another version has its name, it is called `X.Y.Z-from-HOME`.
        One that is here stays as it is, and gets its files back if they were collected.
        Errors: `ArchiveError`, `ArchiveDamagedError`, `ParentMissingError`, `ConflictError`, which is also what comes
        of a collection without grace that takes the files meanwhile.
        """
        from regtrain_registry.errors import BlobMissingError, ConflictError
        from regtrain_registry.ops import archive_files
        from regtrain_registry.ops.archive_import import import_version
        from regtrain_registry.ops.blobs import known_tensors
        from regtrain_registry.ops.history import Work

        def find(digests: Sequence[str]) -> Mapping[str, Part]:
            return self._database.read(lambda connection: known_tensors(connection, digests))

        work = Work(self.who, datetime.now(UTC))
        manifest, stored = archive_files.read_archive(
            Path(file), lambda files: self._own_store.put(files, find), work.now
        )
        runs = {run.id: run for run in manifest.runs}

        def take(version: ArchivedVersion) -> Imported:
            run = runs.get(version.run) if version.run else None
            try:
                return self._database.write(
                    lambda connection: import_version(connection, version, run, stored, self._store, work)
                )
            except BlobMissingError as error:
                raise ConflictError(
                    f"files of {version.home.identity} were collected while it was imported",
                    "Import the archive again.",
                ) from error

        return [take(version) for version in manifest.versions]

    def backup(self, file: str | Path) -> Path:
        """Write one state of the database to a new file, while others go on writing. The store is not in it.

        Errors: `TargetExistsError`; `BackupNotOfferedError` for a database on a server.
        """
        from regtrain_registry.atomic_file import new_file

        target = Path(file).absolute()
        with new_file(target) as making:
            self._database.copy_to(making)
        return target

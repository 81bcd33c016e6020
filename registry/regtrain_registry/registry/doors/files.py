"""The face of the registry that hands out files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from regtrain_registry.content import Part
from regtrain_registry.errors import VersionCollectedError
from regtrain_registry.records import ArtifactKind, VersionInfo, VersionStatus
from regtrain_registry.registry.doors.reading import Reading

__all__ = ["Files"]


class Files(Reading):
    """What versions are made of."""

    def checkout(self, ref: str, folder: str | Path) -> list[Path]:
        """Copy a version's files to a new or empty folder, each verified; the copies' paths."""
        from regtrain_registry import artifacts

        version = _with_files(self.show(ref))
        return artifacts.unpack(version, self._store, Path(folder), self._parts(version))

    def open_artifact(self, ref: str, kind_or_name: str = ArtifactKind.WEIGHTS) -> Path:
        """A verified local path of one file of a version, by its name or kind; not to be written to."""
        from regtrain_registry import artifacts

        version = _with_files(self.show(ref))
        return artifacts.verified_path(version, self._store, str(kind_or_name), self._parts(version))

    def _parts(self, version: VersionInfo) -> Mapping[str, tuple[Part, ...]]:
        """What those of its files are composed of that are."""
        from regtrain_registry.registry.storing import composed

        digests = [artifact.digest for artifact in version.artifacts]
        return self._database.read(lambda connection: composed(connection, digests))


def _with_files(version: VersionInfo) -> VersionInfo:
    """The version; `VersionCollectedError` where its files are gone."""
    if version.status is VersionStatus.COLLECTED:
        since = f" on {version.marks.since:%Y-%m-%d}" if version.marks.since else ""
        raise VersionCollectedError(
            f"{version.ref} was collected{since}: its files are gone", "Its row, lineage and metrics are what is left."
        )
    return version

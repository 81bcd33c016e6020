"""Metadata of installed packages are parsed once: a run asks for hundreds, and parsing them is half of its time."""

from __future__ import annotations

from importlib.metadata import Distribution, PackageMetadata, PathDistribution
from pathlib import Path


def parse_metadata_once() -> None:
    """From now on in this process a file of metadata is parsed when it is new or has changed."""
    parsed: dict[tuple[str, int, int], PackageMetadata] = {}

    def once(self: PathDistribution) -> PackageMetadata:
        file = Path(str(self._path), "METADATA")  # type: ignore[attr-defined]
        try:
            stat = file.stat()
        except OSError:
            return Distribution.metadata.fget(self)  # type: ignore[attr-defined,no-any-return]
        key = (str(file), stat.st_mtime_ns, stat.st_size)
        if key not in parsed:
            parsed[key] = Distribution.metadata.fget(self)  # type: ignore[attr-defined]
        return parsed[key]

    PathDistribution.metadata = property(once)  # type: ignore[assignment,method-assign]

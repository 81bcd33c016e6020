"""The values that go into and come out of the registry: frozen, and JSON-able where scripts rely on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from regtrain_registry.domain.recipe import Recipe
from regtrain_registry.json_values import iso
from regtrain_registry.semver import Bump

__all__ = [
    "STORED_STATUSES",
    "Artifact",
    "ArtifactKind",
    "BumpRecord",
    "ExportVerification",
    "FileToStore",
    "LatestVersion",
    "Marks",
    "ModelInfo",
    "ParentLink",
    "Registration",
    "Relation",
    "Source",
    "VersionDetail",
    "VersionInfo",
    "VersionStatus",
]


class VersionStatus(StrEnum):
    """`latest` and ranges choose among ready and deprecated versions; the others are found by version, number and
    alias. Expired versions can be restored until they are collected; then only the row is left. `damaged` is never
    stored: it marks a version in a list whose rows cannot be read."""

    READY = "ready"
    DEPRECATED = "deprecated"
    ARCHIVED = "archived"
    EXPIRED = "expired"
    COLLECTED = "collected"
    DAMAGED = "damaged"


STORED_STATUSES = tuple(status for status in VersionStatus if status is not VersionStatus.DAMAGED)


class ArtifactKind(StrEnum):
    """What a stored file is for."""

    WEIGHTS = "weights"
    CONFIG = "config"
    METRICS = "metrics"
    LOG = "log"
    CODE = "code"
    METADATA = "metadata"
    OTHER = "other"


class Relation(StrEnum):
    """The relation of a version to its parent."""

    RESUMED_FROM = "resumed_from"
    FINE_TUNED_FROM = "fine_tuned_from"
    DISTILLED_FROM = "distilled_from"
    COMPRESSED_FROM = "compressed_from"
    MERGED_FROM = "merged_from"
    EXPORTED_FROM = "exported_from"
    ENSEMBLE_OF = "ensemble_of"
    COPIED_FROM = "copied_from"


@dataclass(frozen=True, slots=True)
class FileToStore:
    """A regular file and its name inside the version. A given digest (`sha256:…`, `blake3:…`, or the hexadecimal
    digits of a SHA-256) is checked. `link`: the file is not written any more, so that the store may link to it
    instead of copying it; it becomes read-only."""

    path: Path
    name: str
    kind: ArtifactKind = ArtifactKind.OTHER
    digest: str | None = None
    link: bool = False


@dataclass(frozen=True, slots=True)
class ParentLink:
    """A parent of a version; `ref` in any form that names a version."""

    ref: str
    relation: Relation

    def to_json(self) -> dict[str, Any]:
        """`ref` and `relation`."""
        return {"ref": self.ref, "relation": self.relation.value}


@dataclass(frozen=True, slots=True)
class Source:
    """The user's code: commit, and whether files differed from it (None: no git)."""

    git_commit: str | None = None
    dirty: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """`git_commit` and `dirty`."""
        return {"git_commit": self.git_commit, "dirty": self.dirty}


@dataclass(frozen=True, slots=True)
class Registration:
    """Everything that one version is made of. The same `idempotency_key` again gives the same version.

    `force`: accept a bump or a version that is too small for the change, and record that.
    """

    model: str
    files: tuple[FileToStore, ...]
    recipe: Recipe = field(default_factory=Recipe)
    run_id: str | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    source: Source = Source()
    parents: tuple[ParentLink, ...] = ()
    bump: Bump | None = None
    version: str | None = None
    force: bool = False
    created_by: str = ""
    idempotency_key: str | None = None
    summary: str = ""


@dataclass(frozen=True, slots=True)
class BumpRecord:
    """Which part of the version moved, why, and what overruled the computed part, if anything.

    `kind` is first, major, minor or patch; `computed` comes from comparing the recipe with that of `base`.
    """

    kind: str
    computed: str
    reasons: list[str]
    overruled: str | None
    forced: bool = False
    base: str | None = None

    def to_json(self) -> dict[str, Any]:
        """All six fields."""
        return {
            "kind": self.kind,
            "computed": self.computed,
            "reasons": self.reasons,
            "overruled": self.overruled,
            "forced": self.forced,
            "base": self.base,
        }


@dataclass(frozen=True, slots=True)
class Marks:
    """The state of a version beside its row. `since` and `reason` are those of its status."""

    pinned: bool = False
    since: datetime | None = None
    reason: str | None = None
    successor: str | None = None


@dataclass(frozen=True, slots=True)
class ExportVerification:
    """An export of a version to another format; `passed`: it was found to compute the same. `unverified`: another
    registry claims so, and nothing here has confirmed it."""

    format: str
    passed: bool
    digest: str | None
    report: dict[str, Any]
    unverified: bool = False

    def to_json(self) -> dict[str, Any]:
        """All five fields."""
        return {
            "format": self.format,
            "passed": self.passed,
            "digest": self.digest,
            "report": self.report,
            "unverified": self.unverified,
        }


@dataclass(frozen=True, slots=True)
class Artifact:
    """A stored file of a version; `digest` is `sha256:` and 64 hexadecimal digits."""

    path: str
    kind: ArtifactKind
    digest: str
    size_bytes: int

    def to_json(self) -> dict[str, Any]:
        """All four fields."""
        return {
            "path": self.path,
            "kind": self.kind.value,
            "digest": self.digest,
            "size_bytes": self.size_bytes,
        }


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """A registered version. `digest` is that of its weights, or of their list when there are several. With the status
    `damaged`, values that cannot be read are empty."""

    name: str
    version: str
    number: int
    status: VersionStatus
    aliases: list[str]
    stages: list[str]
    tags: dict[str, str]
    marks: Marks
    created_at: datetime | None
    created_by: str
    summary: str
    run_id: str | None
    metrics: dict[str, Any]
    digest: str
    size_bytes: int
    artifacts: list[Artifact]
    parents: list[ParentLink]
    exports: list[ExportVerification]
    signature: dict[str, Any]
    source: Source
    bump: BumpRecord

    @property
    def ref(self) -> str:
        """`NAME@VERSION`."""
        return f"{self.name}@{self.version}"

    def to_json(self) -> dict[str, Any]:
        """The fields of `models versions`, times as ISO 8601 with Z."""
        return {
            "name": self.name,
            "version": self.version,
            "number": self.number,
            "status": self.status.value,
            "status_since": iso(self.marks.since),
            "status_reason": self.marks.reason,
            "successor": self.marks.successor,
            "pinned": self.marks.pinned,
            "aliases": self.aliases,
            "stages": self.stages,
            "tags": self.tags,
            "created_at": iso(self.created_at),
            "created_by": self.created_by,
            "summary": self.summary,
            "run_id": self.run_id,
            "metrics": self.metrics,
            "digest": self.digest,
            "size_bytes": self.size_bytes,
            "artifacts": [artifact.to_json() for artifact in self.artifacts],
            "parents": [parent.to_json() for parent in self.parents],
            "exports": [export.to_json() for export in self.exports],
            "signature": self.signature,
            "source": self.source.to_json(),
            "bump": self.bump.to_json(),
        }


@dataclass(frozen=True, slots=True)
class VersionDetail(VersionInfo):
    """A version with its config."""

    config: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The fields of `models show`."""
        return VersionInfo.to_json(self) | {"config": self.config}


@dataclass(frozen=True, slots=True)
class LatestVersion:
    """The newest release of a model in a list. `status` is ready, deprecated or damaged."""

    version: str
    number: int
    created_at: datetime | None
    metrics: dict[str, Any]
    status: VersionStatus = VersionStatus.READY

    def to_json(self) -> dict[str, Any]:
        """All five fields."""
        return {
            "version": self.version,
            "number": self.number,
            "status": self.status.value,
            "created_at": iso(self.created_at),
            "metrics": self.metrics,
        }


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as listed; `aliases` and `stages` map names to versions, `size_bytes` is the sum over its versions."""

    name: str
    versions: int
    latest: LatestVersion | None
    aliases: dict[str, str]
    stages: dict[str, str]
    size_bytes: int

    def to_json(self) -> dict[str, Any]:
        """The fields of `models list`."""
        return {
            "name": self.name,
            "versions": self.versions,
            "latest": self.latest.to_json() if self.latest else None,
            "aliases": self.aliases,
            "stages": self.stages,
            "size_bytes": self.size_bytes,
        }

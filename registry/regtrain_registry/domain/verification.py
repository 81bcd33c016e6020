"""Results of verifying a version and of checking a registry: values, JSON-able where scripts rely on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from regtrain_registry.domain.records import Artifact

__all__ = ["CheckedFile", "Problem", "Report", "Verification"]


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file of a version; `problem` is None, or missing, wrong size, changed."""

    artifact: Artifact
    problem: str | None

    def to_json(self) -> dict[str, Any]:
        """The fields of an artifact, and `problem`."""
        return self.artifact.to_json() | {"problem": self.problem}


@dataclass(frozen=True, slots=True)
class Verification:
    """The files of a version, each compared with its digest; `signed_by`: the key whose signature holds."""

    ref: str
    files: list[CheckedFile]
    signed_by: str | None = None

    @property
    def damaged(self) -> list[CheckedFile]:
        """The files with a problem."""
        return [file for file in self.files if file.problem]

    def to_json(self) -> dict[str, Any]:
        """The fields of `models verify`."""
        files = [file.to_json() for file in self.files]
        return {"ref": self.ref, "ok": not self.damaged, "files": files, "signed_by": self.signed_by}


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of rows or store. `kind` is for programs; `subject`: a digest, a version, a model or a table;
    `quarantined`: where a damaged file was moved."""

    kind: str
    subject: str
    message: str
    versions: tuple[str, ...] = ()
    quarantined: str | None = None

    def to_json(self) -> dict[str, Any]:
        """All five fields."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "message": self.message,
            "versions": list(self.versions),
            "quarantined": self.quarantined,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The result of `registry fsck`. `garbage`: files of the store that no version refers to, which is no problem."""

    versions: int
    blobs: int
    problems: list[Problem] = field(default_factory=list)
    garbage: int = 0
    garbage_bytes: int = 0
    read: bool = False

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """The fields of `registry fsck`."""
        return {
            "ok": self.ok,
            "versions": self.versions,
            "blobs": self.blobs,
            "problems": [problem.to_json() for problem in self.problems],
            "garbage": {"files": self.garbage, "size_bytes": self.garbage_bytes},
            "read_data": self.read,
        }

"""Garbage collection as decisions: each expired version, file and file of the trash, with the one reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from regtrain_registry.domain.retention import Candidate, still_held

__all__ = ["Collection", "ExpiredVersions", "GcDecision", "decide_file", "decide_trash", "decide_versions"]


@dataclass(frozen=True, slots=True)
class GcDecision:
    """The decision about a version or a file, and its reason. action: collect, trash, purge, rescue or keep."""

    name: str
    action: str
    reason: str
    size_bytes: int

    def to_json(self) -> dict[str, Any]:
        """All four fields."""
        return {"name": self.name, "action": self.action, "reason": self.reason, "size_bytes": self.size_bytes}


@dataclass(frozen=True, slots=True)
class Collection:
    """The decisions of a collection, carried out unless `dry_run`. Sizes in bytes.

    total_bytes: of the files of the store before the collection.
    """

    dry_run: bool
    grace: float
    versions: list[GcDecision] = field(default_factory=list)
    files: list[GcDecision] = field(default_factory=list)
    total_bytes: int = 0
    tidied_bytes: int = 0

    def count(self, action: str) -> int:
        """The number of versions or files with this action."""
        return sum(decision.action == action for decision in (*self.versions, *self.files))

    def bytes(self, action: str) -> int:
        """Bytes of the files with this action."""
        return sum(decision.size_bytes for decision in self.files if decision.action == action)

    def to_json(self) -> dict[str, Any]:
        """The fields of `registry gc --json`; `grace` in seconds."""
        actions = {"collected": "collect", "trashed": "trash", "purged": "purge", "rescued": "rescue"}
        counts = {name: self.count(action) for name, action in actions.items()}
        sizes = {f"{name}_bytes": self.bytes(actions[name]) for name in ("trashed", "purged", "rescued")}
        return {
            "dry_run": self.dry_run,
            "grace": self.grace,
            **counts,
            **sizes,
            "tidied_bytes": self.tidied_bytes,
            "total_bytes": self.total_bytes,
            "versions": [decision.to_json() for decision in self.versions],
            "files": [decision.to_json() for decision in self.files],
        }


@dataclass(frozen=True, slots=True)
class ExpiredVersions:
    """The decisions about the expired versions of a model, and the ids of those to collect."""

    collected: list[int]
    decisions: list[GcDecision]


def decide_versions(
    expired: Mapping[int, Candidate], since: Mapping[int, float | None], elapsed_seconds: float, grace: float
) -> ExpiredVersions:
    """Collect or keep, for each expired version of one model, by id. since: the elapsed seconds at its expiry."""
    held, found = still_held(expired.values()), ExpiredVersions([], [])
    for version_id, candidate in sorted(expired.items()):
        start = since.get(version_id)
        age = 0.0 if start is None else elapsed_seconds - start
        if candidate.ref in held:
            action, reason = "keep", held[candidate.ref]
        elif age < grace:
            action, reason = "keep", f"expired {_shown(age)} ago, less than {_shown(grace)}"
        else:
            action, reason = "collect", f"expired {_shown(age)} ago"
            found.collected.append(version_id)
        found.decisions.append(GcDecision(candidate.ref, action, reason, candidate.size_bytes))
    return found


def decide_file(digest: str, size_bytes: int, age: float, grace: float, reason: str) -> GcDecision:
    """Trash or keep a file that no version refers to. age: seconds since it was stored last."""
    if age < grace:
        return GcDecision(digest, "keep", f"{reason}, but it is {_shown(max(age, 0.0))} old", size_bytes)
    return GcDecision(digest, "trash", reason, size_bytes)


def decide_trash(digest: str, size_bytes: int, age: float, grace: float, *, needed: bool) -> GcDecision:
    """Purge, keep or rescue a file of the trash. age: seconds since it was moved there."""
    age = max(age, 0.0)
    if needed:
        return GcDecision(digest, "rescue", "a version needs it", size_bytes)
    action = "keep" if age < grace else "purge"
    return GcDecision(digest, action, f"in the trash for {_shown(age)}", size_bytes)


def _shown(seconds: float) -> str:
    """Days, hours or seconds, in whole numbers."""
    for unit, size in (("d", 86_400), ("h", 3_600)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"

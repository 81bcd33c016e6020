"""What trackers tell of a run besides its records: parameters by dotted name, and facts of its folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regtrain.types import TrackedRun

__all__ = ["facts_of", "flatten", "link_to", "numbers_of", "started_at"]

_HEAD = frozenset({"step", "epoch", "time"})
_LARGEST = 64 << 20  # bytes; the metadata hold a diff of the user's code


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted name and value of each leaf of nested mappings; keys without a value (None) are left out."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", value


def numbers_of(record: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Name and value of each metric of a record; text, and integers that no float can hold, are left out."""
    for name, value in record.items():
        if name in _HEAD or not isinstance(value, int | float):
            continue
        try:
            yield name, float(value)
        except OverflowError:
            continue


def facts_of(run: TrackedRun) -> dict[str, Any]:
    """The metadata of the run folder; empty where they are missing or damaged."""
    place = run.run_dir / "metadata.json"
    try:
        found = json.loads(place.read_bytes()) if place.stat().st_size < _LARGEST else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def started_at(facts: Mapping[str, Any]) -> float | None:
    """Seconds since the epoch at which the run was started."""
    try:
        return datetime.fromisoformat(str(facts.get("started_at"))).timestamp()
    except ValueError:
        return None


def link_to(config: Mapping[str, Any], ref: str) -> str:
    """Registry and version in one line; the version alone where the config names no registry."""
    registry = config.get("registry")
    uri = registry.get("uri") if isinstance(registry, Mapping) else None
    return f"{uri}#{ref}" if uri else ref

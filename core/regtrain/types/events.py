"""What plugins are told of a run, its checkpoints and its versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CheckpointEvent", "RunEvent", "VersionEvent"]


@dataclass(frozen=True)
class RunEvent:
    """A run that has ended. `status`: finished, failed or interrupted."""

    run_id: str
    run_name: str
    run_dir: Path
    status: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class CheckpointEvent:
    run_id: str
    path: Path
    step: int
    epoch: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class VersionEvent:
    model: str
    version: str
    number: int
    digest: str
    run_id: str | None
    parents: Iterable[tuple[str, str]] = ()

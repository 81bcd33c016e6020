"""Events of a run, its checkpoints and its versions, as hooks get them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["Alert", "CheckpointEvent", "RunEvent", "VersionEvent"]


@dataclass(frozen=True)
class RunEvent:
    """A run. `status`: queued or running at its start; finished, failed or interrupted at its end."""

    run_id: str
    run_name: str
    run_dir: Path
    status: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Alert:
    """Something in a run that needs attention. `kind` names it for programs, such as `not_finite`; `advice` is the
    remedy in words; `values` are the numbers that led to it."""

    run_id: str
    kind: str
    level: Literal["info", "warning", "error"]
    message: str
    advice: str = ""
    step: int | None = None
    values: Mapping[str, float] = field(default_factory=dict)


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

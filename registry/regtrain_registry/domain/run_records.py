"""Runs as they go into and come out of the registry: frozen values, JSON-able where scripts rely on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from regtrain_registry.json_values import iso

if TYPE_CHECKING:
    from regtrain_registry.domain.records import ParentLink

__all__ = ["OpenStatus", "RunDetail", "RunInfo", "RunStart", "RunStatus"]


class OpenStatus(StrEnum):
    """States of a run that has not ended."""

    QUEUED = "queued"
    RUNNING = "running"


class RunStatus(StrEnum):
    """`queued`: submitted and waiting; `pruned`: stopped early by a search. `lost` and `damaged` are never stored: a
    run recorded as running whose process does not exist, and one whose row cannot be read."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    PRUNED = "pruned"
    LOST = "lost"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class RunStart:
    """A run about to begin. `pid_started` and `boot_id` are those of `process_identity()`, so that a process
    that has ended is distinguished from another one with the same number. `inputs`: registered versions that
    it starts from."""

    run_id: str
    name: str
    run_dir: str
    config: Mapping[str, Any] = field(default_factory=dict)
    code: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    host: str = ""
    pid: int | None = None
    pid_started: float | None = None
    boot_id: str | None = None
    resumed_from: str | None = None
    status: OpenStatus = OpenStatus.RUNNING
    inputs: tuple[ParentLink, ...] = ()


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run as listed. Times are UTC; `seconds` is the duration that the run recorded."""

    run_id: str
    name: str
    status: RunStatus
    started_at: datetime | None
    finished_at: datetime | None
    run_dir: str
    metrics: dict[str, Any]
    steps: int | None
    epochs: int | None
    best: dict[str, Any] | None
    seconds: float | None
    error: str | None
    host: str
    pid: int | None
    resumed_from: str | None
    model: str | None
    version: str | None

    def to_json(self) -> dict[str, Any]:
        """The fields of `runs list` and `runs show`, times as ISO 8601 with Z."""
        return {
            "run_id": self.run_id,
            "name": self.name,
            "status": self.status.value,
            "started_at": iso(self.started_at),
            "finished_at": iso(self.finished_at),
            "run_dir": self.run_dir,
            "metrics": self.metrics,
            "steps": self.steps,
            "epochs": self.epochs,
            "model": self.model,
            "version": self.version,
            "best": self.best,
            "seconds": self.seconds,
            "error": self.error,
            "host": self.host,
            "pid": self.pid,
            "resumed_from": self.resumed_from,
        }


@dataclass(frozen=True, slots=True)
class RunDetail(RunInfo):
    """A run with everything recorded about it."""

    config: dict[str, Any]
    code: dict[str, Any]
    environment: dict[str, Any]
    data: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The fields of a listed run and its config, code, environment and data."""
        more = {"config": self.config, "code": self.code, "environment": self.environment, "data": self.data}
        return RunInfo.to_json(self) | more

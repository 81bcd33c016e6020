"""What gets the records of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

__all__ = ["Tracker", "TrackerContext"]


@dataclass(frozen=True)
class TrackerContext:
    """What a tracker's factory is told. `interactive`: a person watches a terminal on standard error."""

    run_id: str
    run_name: str
    run_dir: Path
    log_dir: Path
    config: Mapping[str, Any]
    interactive: bool
    total_steps: int
    first_step: int
    append: bool = False


@runtime_checkable
class Tracker(Protocol):
    """Gets records of metrics; never raises into the loop."""

    def log(self, record: Mapping[str, Any]) -> None:
        """One record: `step`, `epoch`, `time` (seconds since the epoch) and metrics."""
        ...

    def advance(self, step: int) -> None:
        """Called between records where a person watches; cheap."""
        ...

    def close(self) -> None: ...

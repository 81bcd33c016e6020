"""The facts of a run that a scheduler factory gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """The facts of a run that a scheduler factory gets. `interval` says what one step of the scheduler is."""

    epochs: int
    steps_per_epoch: int
    total_steps: int
    interval: Literal["epoch", "step"]

    @property
    def length(self) -> int:
        """Scheduler steps in the whole run."""
        return self.total_steps if self.interval == "step" else self.epochs

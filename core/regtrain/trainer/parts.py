"""What the loop works with, already built, and how far it has come."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from regtrain.checkpoint.folder import Checkpoints
from regtrain.trainer.batches import Batches
from regtrain.trainer.stopping import EarlyStopping
from regtrain.types import Engine, Evaluator, Strategy, Task

__all__ = ["Parts", "Progress", "Settings"]


@dataclass(frozen=True)
class Settings:
    """Counts in optimizer steps and epochs. `monitored`: metrics that decide something; `metrics`: those to keep."""

    epochs: int
    max_steps: int | None = None
    accumulate: int = 1
    log_every: int = 50
    validate_every_epochs: int = 1
    validate_every_steps: int | None = None
    save_every_steps: int | None = None
    metrics: Sequence[str] | None = None
    interactive: bool = False
    monitored: Sequence[str] = ()


@dataclass
class Progress:
    """How far the run has come; all of it goes into a checkpoint.

    `batch` counts micro-batches of all processes within the epoch. `sums`: name → weighted sum and weight since the
    last record.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    sums: dict[str, list[float]] = field(default_factory=dict)
    validated_at: int = -1
    stopped_early: bool = False
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass
class Parts:
    """Everything the loop works with, already built.

    `stateful`: name → object with `state_dict` and `load_state_dict` that is not a module of the engine.
    `measures`: what metrics depend on besides the weights (digests of data, loss and evaluation): values of a run with
    other measures cannot be compared with values of this one.
    """

    engine: Engine
    task: Task
    criterion: Callable[..., Any]
    train: Batches
    strategy: Strategy
    checkpoints: Checkpoints
    settings: Settings
    val: Batches | None = None
    evaluator: Evaluator | None = None
    early_stopping: EarlyStopping | None = None
    callbacks: Sequence[Any] = ()
    stateful: Mapping[str, Any] = field(default_factory=dict)
    measures: Mapping[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("regtrain"))

    @property
    def model(self) -> nn.Module:
        return self.engine.model

"""What the loop works with, already built, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from regtrain.checkpoint.folder import Checkpoints
from regtrain.trainer.batches import Batches
from regtrain.trainer.precision import Precision
from regtrain.trainer.stopping import EarlyStopping
from regtrain.types import Evaluator, Strategy, Task, Tracker

__all__ = ["Parts", "Progress", "Settings", "eval_mode", "train_mode"]


@dataclass(frozen=True)
class Settings:
    """Counts in optimizer steps and epochs; `clip` is a total gradient norm."""

    epochs: int
    max_steps: int | None = None
    accumulate: int = 1
    clip: float | None = None
    log_every: int = 50
    validate_every_epochs: int = 1
    validate_every_steps: int | None = None
    save_every_steps: int | None = None
    scheduler_interval: str = "epoch"
    scheduler_monitor: str = "val/loss"
    metrics: Sequence[str] | None = None
    watched: bool = False
    monitored: Sequence[str] = ()


@dataclass
class Progress:
    """Where the run stands; all of it goes into a checkpoint. `batch` counts within the epoch."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0
    validated_at: int = -1
    stopped_early: bool = False
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass
class Parts:
    """Everything the loop works with, already built."""

    model: nn.Module
    task: Task
    criterion: Callable[..., torch.Tensor]
    optimizer: torch.optim.Optimizer
    train: Batches
    strategy: Strategy
    precision: Precision
    checkpoints: Checkpoints
    settings: Settings
    scheduler: LRScheduler | None = None
    val: Batches | None = None
    evaluator: Evaluator | None = None
    early_stopping: EarlyStopping | None = None
    trackers: Sequence[Tracker] = ()
    config: dict[str, Any] = field(default_factory=dict)


def train_mode(parts: Parts) -> None:
    parts.model.train()
    if hasattr(parts.optimizer, "train"):  # schedule-free optimizers keep two sets of weights
        parts.optimizer.train()


def eval_mode(parts: Parts) -> None:
    parts.model.eval()
    if hasattr(parts.optimizer, "eval"):
        parts.optimizer.eval()

"""How a batch becomes a loss, and how outputs become metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["Evaluator", "EvaluatorFactory", "Task"]


class Task(Protocol):
    """How a batch becomes a loss. Attributes are read while planning, so a task loads torch only when called."""

    loss: str
    """Class of torch.nn that is minimised when the config names none."""
    evaluator: str
    """Evaluator that is used when the config names none."""
    monitor: str
    """Metric that decides what is best when the config names none."""

    def forward(
        self, model: nn.Module, criterion: Callable[..., torch.Tensor], batch: Any
    ) -> tuple[torch.Tensor, Any, Any]:
        """One batch → (scalar loss, outputs, targets)."""
        ...

    def inputs(self, batch: Any) -> Any:
        """The part of a batch that the model is called with."""
        ...


class Evaluator(Protocol):
    """Collects what the model says about the validation data and turns it into metrics."""

    def reset(self) -> None: ...

    def update(self, outputs: Any, targets: Any) -> None: ...

    def compute(self) -> dict[str, float]:
        """Metrics by bare name, e.g. `accuracy`; the trainer puts `val/` before each."""
        ...


EvaluatorFactory = Callable[..., Evaluator]

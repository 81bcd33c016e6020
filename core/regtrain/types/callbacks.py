"""What is called in the loop: moments with the names that Lightning gave them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Callback", "CallbackContext", "CallbackFactory", "Fit"]


class Fit(Protocol):
    """A training in progress, as a callback sees it. Counts are of optimizer steps and whole epochs."""

    @property
    def model(self) -> nn.Module: ...

    @property
    def step(self) -> int: ...

    @property
    def epoch(self) -> int: ...

    @property
    def metrics(self) -> Mapping[str, float]:
        """The newest value of each metric."""
        ...

    def request_stop(self, reason: str) -> None:
        """Save and stop at the next step, as after a signal. The run can be resumed."""
        ...


@dataclass(frozen=True)
class CallbackContext:
    """The facts of a run that a callback's factory gets. `interactive`: a terminal is attached to standard error."""

    run_id: str
    run_name: str
    run_dir: Path
    log_dir: Path
    interactive: bool
    total_steps: int
    first_step: int


class Callback:
    """Called at the moments that a subclass overrides; the others cost nothing.

    An exception is named once and the callback left out, unless it is `required`. A callback is called on rank 0 only,
    unless it asks for `every_rank`; then it must do the same on each.
    """

    required: bool = False
    every_rank: bool = False

    def on_fit_start(self, fit: Fit) -> None:
        """Everything is built, and a state that the run resumes from is loaded."""

    def on_train_epoch_start(self, fit: Fit) -> None: ...

    def on_train_batch_start(self, fit: Fit, batch: Any, number: int) -> None:
        """Before the forward pass. `number` counts micro-batches of the epoch."""

    def on_before_optimizer_step(self, fit: Fit) -> None:
        """Gradients are complete, not yet clipped, and scaled where the number format is float16."""

    def on_train_batch_end(self, fit: Fit, output: Any, batch: Any, number: int) -> None:
        """`output`: the task's `StepOutput`."""

    def on_advance(self, fit: Fit) -> None:
        """About ten times a second where a terminal is attached, between two steps."""

    def on_record(self, fit: Fit, record: Mapping[str, Any]) -> None:
        """Metrics are due: `step`, `epoch`, `time` in seconds since the epoch, and metrics by name."""

    def on_validation_start(self, fit: Fit) -> None: ...

    def on_validation_end(self, fit: Fit, metrics: Mapping[str, float]) -> None: ...

    def on_train_epoch_end(self, fit: Fit) -> None: ...

    def on_save_checkpoint(self, fit: Fit, state: dict[str, Any]) -> None:
        """The state that will be written; what is put into `state["callbacks"]` is there at `on_load_checkpoint`."""

    def on_load_checkpoint(self, fit: Fit, state: Mapping[str, Any]) -> None: ...

    def on_exception(self, fit: Fit, problem: BaseException) -> None: ...

    def on_fit_end(self, fit: Fit) -> None:
        """The training has ended, whatever the reason: close what is open."""


CallbackFactory = Callable[..., Callback]

"""What runs a model: forward, backward and step under a strategy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    import torch
    from torch import nn
    from torch.optim.lr_scheduler import LRScheduler

__all__ = ["Engine", "EngineSetup", "OptimizerPart", "StepReport"]


class StepReport(NamedTuple):
    """What an optimizer step did.

    `grad_norm` is the total norm before clipping, None when it was neither needed nor asked for. `skipped`: float16
    gradients were not finite, so the weights and the schedule are as before.
    """

    grad_norm: torch.Tensor | None = None
    skipped: bool = False


@dataclass
class OptimizerPart:
    """One optimizer of a run with its schedule. `name` is that of its component, empty for the only one.

    `monitor` is the metric that the schedule follows; None for one that counts. `traits` are those of the registered
    optimizer: `closure` (a step evaluates the loss several times), `modes` (it keeps other weights for evaluation).
    """

    name: str
    optimizer: torch.optim.Optimizer
    scheduler: LRScheduler | None = None
    interval: Literal["epoch", "step"] = "epoch"
    monitor: str | None = None
    traits: Mapping[str, Any] = field(default_factory=dict)
    scheduler_traits: Mapping[str, Any] = field(default_factory=dict)


class Engine(Protocol):
    """Owns modules, optimizers and number format."""

    trainable: nn.Module
    model: nn.Module
    parts: Sequence[OptimizerPart]
    needs_closure: bool
    """The only optimizer evaluates the loss several times a step."""
    schedulers_as_made: dict[str, Any]
    """Component → state of its schedule before the first step."""

    @property
    def part_types(self) -> Mapping[str, str]:
        """Classes of optimizers and schedulers, whose state another class would load without an error."""
        ...

    def forward(self, function: Callable[..., Any], *args: Any, last: bool = True) -> Any:
        """Call a function that calls the model, in the run's number format.

        `last`: the backward pass that follows ends the optimizer step, so that gradients are exchanged in it.
        """
        ...

    def backward(self, loss: torch.Tensor, *, last: bool = True) -> None: ...

    def step(self, closure: Callable[[], torch.Tensor] | None = None, *, measure: bool = False) -> StepReport:
        """One step of every optimizer and of the schedules that count steps; gradients are empty afterwards.

        `closure` zeroes the gradients, evaluates the step's loss and its gradients anew, and returns the loss.
        `measure`: report the gradient norm also where nothing is clipped.
        """
        ...

    def zero_grad(self) -> None: ...

    def end_epoch(self, metrics: Mapping[str, float]) -> None:
        """Step the schedules that count epochs, and those that follow a metric which is among `metrics`."""
        ...

    def rates(self) -> dict[str, float]:
        """Component → learning rate; the key is empty for the only one."""
        ...

    def mode(self, training: bool) -> None:
        """Set modules and optimizers to training or evaluation."""
        ...

    def state(self) -> dict[str, Any]:
        """Model, modules, optimizers, schedules and number format, in evaluation mode and whole on rank 0.

        The keys are the same under every strategy. Collective.
        """
        ...

    def load(self, state: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class EngineSetup:
    """What a strategy prepares.

    `trainable` holds the model and the modules of task and loss; calling it with a function and arguments calls the
    function, so that a wrapper around it sees one forward pass. `make_optimizers` is called once the parameters are
    where they stay. `engine` is the default engine: `engine(setup, parts)`; a strategy that wraps `trainable` passes
    `call` (the wrapper), `no_sync` (a context in which gradients stay local) and `before_eval`.
    """

    trainable: nn.Module
    make_optimizers: Callable[[], Sequence[OptimizerPart]]
    precision: str
    accumulate: int
    clip: float | None
    engine: Callable[..., Engine]

"""How a batch becomes a loss, and how outputs become metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Evaluator", "EvaluatorFactory", "Sample", "StepOutput", "Task", "TaskContext"]

Criterion = Callable[..., Any]


class StepOutput(NamedTuple):
    """What a task makes of one batch.

    `loss` is one number, or a mapping of names to numbers: the entry `loss` is minimised, or else their sum, and each
    is logged. `weight` is what the loss is a mean over (samples, tokens, boxes); None means the samples of the
    batch. `logs` are numbers that are logged as weighted means, `train/NAME` and `val/NAME`.
    """

    loss: Any
    outputs: Any = None
    targets: Any = None
    weight: float | None = None
    logs: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Sample:
    """What a model is called with: positional arguments, a name for each, and for each name its axes that may have
    any length, as axis → what it counts."""

    args: tuple[Any, ...]
    names: tuple[str, ...] = ("inputs",)
    dynamic: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskContext:
    """The facts of the run that a task gets before it makes modules of its own."""

    train_samples: int
    val_samples: int
    model: nn.Module


class Task(Protocol):
    """How a batch becomes a loss: `factory(**args) -> Task`.

    Attributes are read while planning, so a task loads torch only when it is called. A class that inherits from this
    one has to define `train_step` and `sample` only.
    """

    loss: str
    """Class of torch.nn that is minimised when the config names none."""
    evaluator: str
    """Evaluator that is used when the config names none."""
    monitor: str
    """Metric that decides what is best when the config names none."""
    model_role: str = "model"
    """What the model is called among the components of an optimizer."""

    def bind(self, context: TaskContext) -> Mapping[str, nn.Module]:
        """Modules of the task's own by name: their parameters are trained, their state is in every checkpoint."""
        return {}

    def train_step(self, model: nn.Module, criterion: Criterion, batch: Any) -> StepOutput: ...

    def eval_step(self, model: nn.Module, criterion: Criterion, batch: Any) -> StepOutput:
        return self.train_step(model, criterion, batch)

    def before_eval(self, model: nn.Module, batches: Iterable[Any]) -> None:
        """Called before each validation with its batches, in evaluation mode and with gradients allowed."""
        return

    def sample(self, batch: Any) -> Sample:
        """What the model is called with for this batch."""
        ...

    def split(self, batch: Any, parts: int) -> Sequence[Any]:
        """The batch in up to `parts` smaller ones, in order."""
        return halves(batch, parts)


def halves(batch: Any, parts: int) -> Sequence[Any]:
    """A batch of tensors, or of containers of tensors, cut along the first axis."""
    size = _length(batch)
    width = -(-size // parts) if size else 1
    return [_cut(batch, start, start + width) for start in range(0, size, width)] or [batch]


def _length(value: Any) -> int:
    if hasattr(value, "shape"):
        return int(value.shape[0]) if len(value.shape) else 0
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return next((length for item in items if (length := _length(item))), 0)


def _cut(value: Any, start: int, stop: int) -> Any:
    if hasattr(value, "shape"):
        return value[start:stop] if len(value.shape) else value
    if isinstance(value, Mapping):
        return {key: _cut(item, start, stop) for key, item in value.items()}
    if hasattr(value, "_fields"):
        return type(value)(*(_cut(item, start, stop) for item in value))
    if isinstance(value, list | tuple):
        plain = not any(hasattr(item, "shape") or isinstance(item, Mapping | list | tuple) for item in value)
        return value[start:stop] if plain else type(value)([_cut(item, start, stop) for item in value])
    return value


class Evaluator(Protocol):
    """Collects the outputs of a validation and turns them into metrics.

    A class may declare `directions`, bare name of a metric → `min` or `max`: a plan needs them for names that are not
    known.
    """

    def reset(self) -> None: ...

    def update(self, outputs: Any, targets: Any) -> None: ...

    def compute(self) -> dict[str, float]:
        """Metrics by bare name, e.g. `accuracy`; the trainer puts `val/` before each."""
        ...


EvaluatorFactory = Callable[..., Evaluator]

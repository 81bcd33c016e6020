"""The nouns that cross hooks: frozen values and Protocols. torch stands under TYPE_CHECKING only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args, runtime_checkable

if TYPE_CHECKING:
    import torch
    from torch import nn
    from torch.utils.data import Dataset

__all__ = [
    "KINDS",
    "CheckpointEvent",
    "Choice",
    "Evaluator",
    "EvaluatorFactory",
    "JobCommand",
    "Kind",
    "Launcher",
    "Plan",
    "Register",
    "RunEvent",
    "Schedule",
    "Splits",
    "Strategy",
    "Task",
    "Tracker",
    "TrackerContext",
    "VersionEvent",
]

Kind = Literal[
    "models",
    "datasets",
    "tasks",
    "optimizers",
    "schedulers",
    "strategies",
    "evaluators",
    "trackers",
    "launchers",
    "exporters",
    "commands",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Register(Protocol):
    """What a registering hook gets: call it once per name. Names are compared without letter case."""

    def __call__(self, name: str, factory: Callable[..., Any]) -> None: ...


@dataclass(frozen=True)
class Splits:
    """What a dataset factory returns.

    `train` and `val` are map-style datasets (with `__len__`) whose samples are `(inputs, target)` or a mapping.
    `collate` overrides torch's default collation. `fingerprint` maps a split to a content digest where the
    factory knows one, and may name single files besides; regtrain computes digests where it is empty.
    """

    train: Dataset[Any]
    val: Dataset[Any] | None = None
    collate: Callable[[list[Any]], Any] | None = None
    fingerprint: Mapping[str, str] = field(default_factory=dict)


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


@dataclass(frozen=True)
class Schedule:
    """What a scheduler factory is told about the run. `interval` says what one step of the scheduler is."""

    epochs: int
    steps_per_epoch: int
    total_steps: int
    interval: Literal["epoch", "step"]

    @property
    def length(self) -> int:
        """Scheduler steps in the whole run."""
        return self.total_steps if self.interval == "step" else self.epochs


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


class Strategy(Protocol):
    """Where the model lives and how processes work together."""

    device: torch.device
    rank: int
    world_size: int

    def prepare(self, model: nn.Module) -> nn.Module:
        """Move or wrap the model before the optimizer is made."""
        ...

    def to_device(self, batch: Any) -> Any: ...


@dataclass(frozen=True)
class JobCommand:
    """The launched side as a command: nothing is pickled, a launcher puts a prefix before it."""

    argv: tuple[str, ...]
    run_dir: Path
    environment: Mapping[str, str]


class Launcher(Protocol):
    def launch(self, job: JobCommand) -> int:
        """Run the job to its end and return its exit code (negative: killed by that signal)."""
        ...


@dataclass(frozen=True)
class Choice:
    """One automatic choice of a plan and the reason for it."""

    key: str
    value: Any
    reason: str


@dataclass(frozen=True)
class Plan:
    """Everything that is decided before anything is spent. `config` is canonical and JSON-able."""

    run_id: str
    run_name: str
    model_name: str
    config: Mapping[str, Any]
    base_dir: Path
    choices: Sequence[Choice]
    config_path: Path | None = None
    allow_imports: tuple[str, ...] = ()
    resume: str | None = None
    resumed_from: str | None = None
    parents: tuple[tuple[str, str], ...] = ()
    initial_weights: str | None = None

    def choice(self, key: str) -> Any:
        """The value chosen for `key`; KeyError when nothing was to be chosen."""
        for choice in self.choices:
            if choice.key == key:
                return choice.value
        raise KeyError(key)


@dataclass(frozen=True)
class RunEvent:
    """A run that has ended. `status`: finished, failed or interrupted."""

    run_id: str
    run_name: str
    run_dir: Path
    status: str
    metrics: Mapping[str, float]


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

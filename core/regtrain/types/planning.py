"""What is decided about a run before anything is spent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Literal, TypeVar

from regtrain.errors import ConfigValueError
from regtrain.types.config import Config
from regtrain.types.config.editing import with_values

__all__ = ["SETTLED_KEYS", "Choice", "Plan", "Resources", "Settled", "chosen"]

Value = TypeVar("Value")
SETTLED_KEYS = frozenset(
    {
        "training.device",
        "training.precision",
        "training.batch_size",
        "training.gradient_accumulation_steps",
        "data.num_workers",
        "checkpoint.monitor",
        "checkpoint.mode",
        "early_stopping.monitor",
        "early_stopping.mode",
        "scheduler.monitor",
    }
)
"""Keys of the config that a job may settle."""

_FIXED_ONCE_GIVEN = frozenset({"training.device"})
_PLAN_AGAIN = "plan the run again from its config"
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class Choice:
    """One automatic choice and the reason for it."""

    key: str
    value: Any
    reason: str


@dataclass(frozen=True)
class Resources:
    """What a launcher is asked for: processes and GPUs per node, nodes, memory in GB, and names of the cluster."""

    nproc: int = 1
    nodes: int = 1
    num_gpus: int | None = None
    partition: str | None = None
    queue: str | None = None
    walltime: str | None = None
    memory: float | None = None

    @property
    def processes(self) -> int:
        """Processes of the job on all nodes."""
        return self.nproc * self.nodes


@dataclass(frozen=True)
class Plan:
    """Everything that is decided before a run starts. It is read back from a file and checked again there.

    `config` holds every automatic choice in its place, except for device and number format, which the job settles on
    the machine where it runs. `public` is the same without secrets. `code`: section → digest of the user's files.
    `given`: sections that a Python caller brings as objects. `resume` and `initial_weights` are paths inside the run
    folder. `resumed_from` is the id of the run that is resumed, `resumed_ended` whether that run came to its end.
    """

    run_id: str
    run_name: str
    model_name: str
    config: Config
    public: Config
    base_dir: Path
    choices: tuple[Choice, ...] = ()
    config_path: Path | None = None
    allow_imports: tuple[str, ...] = ()
    code: Mapping[str, str] = field(default_factory=dict)
    given: tuple[str, ...] = ()
    resources: Resources = Resources()
    resume: str | None = None
    resumed_from: str | None = None
    resumed_ended: bool = True
    initial_weights: str | None = None
    parents: tuple[tuple[str, str], ...] = ()
    format: Literal[2] = 2

    def __post_init__(self) -> None:
        if not _RUN_ID.fullmatch(self.run_id):
            raise ConfigValueError(f"{self.run_id!r} is no run id", "letters, digits, '.', '_' and '-', at most 128")
        for key, place in (
            ("checkpoint.save_dir", self.config.checkpoint.save_dir),
            ("logging.log_dir", self.config.logging.log_dir),
            ("resume", self.resume or "inputs"),
            ("initial_weights", self.initial_weights or "inputs"),
        ):
            refuse_outside(key, place)

    @property
    def seed(self) -> int:
        return chosen(self.config.experiment.seed)

    @property
    def task(self) -> str:
        return chosen(self.config.experiment.task)

    @property
    def batch_size(self) -> int:
        """Samples per micro-batch of one process."""
        return chosen(self.config.training.batch_size)

    @property
    def optimizer(self) -> str:
        return chosen(self.config.optimizer.name)

    @property
    def evaluator(self) -> str:
        return chosen(self.config.evaluation.evaluator.name)

    @property
    def strategy(self) -> str:
        return chosen(self.config.distributed.strategy)

    @property
    def launcher(self) -> str:
        return chosen(self.config.launcher.name)

    def reason(self, key: str) -> str:
        """Why the value of `key` was chosen; empty when it was not."""
        return next((choice.reason for choice in self.choices if choice.key == key), "")


@dataclass(frozen=True)
class Settled:
    """What only the job can know, on the machine where it runs. It is written beside the plan, and it is registered.

    `device` is torch's name of it, such as `cuda:1`. `values`: key of the config → value, each with a reason in
    `choices`.
    """

    run_id: str
    device: str
    values: Mapping[str, Any] = field(default_factory=dict)
    choices: tuple[Choice, ...] = ()
    format: Literal[1] = 1

    def config(self, plan: Plan) -> Config:
        """The plan's config with what the job has settled.

        Raises:
            ConfigValueError: it is of another run, contradicts the plan, or has values that no config has.
        """
        if self.run_id != plan.run_id:
            raise ConfigValueError(f"settled.json is of run {self.run_id}, the plan of {plan.run_id}", _PLAN_AGAIN)
        planned = plan.config.model_dump(mode="json")
        for key, value in self.values.items():
            section, _, name = key.partition(".")
            before = (planned.get(section) or {}).get(name)
            if key not in SETTLED_KEYS or (key in _FIXED_ONCE_GIVEN and before not in (None, "auto", value)):
                raise ConfigValueError(f"settled.json says {key} {value!r}, the plan {before!r}", _PLAN_AGAIN)
        try:
            return with_values(plan.config, self.values)
        except ValueError as problem:  # pydantic's own is one
            wrong = ", ".join(f"{key} {value!r}" for key, value in self.values.items())
            raise ConfigValueError(f"settled.json says what no config can: {wrong}", _PLAN_AGAIN) from problem


def chosen(value: Value | None) -> Value:
    """A value of the config that planning has filled in.

    Raises:
        ConfigValueError: it is missing, as in a plan.json that was edited.
    """
    if value is None:
        raise ConfigValueError("the plan lacks a value that planning fills in", _PLAN_AGAIN)
    return value


def refuse_outside(key: str, place: str) -> None:
    """A run writes and deletes in its own folder only, whatever its config says.

    Raises:
        ConfigValueError: `place` is absolute or leads out of the run folder.
    """
    path = PurePath(place)
    if path.is_absolute() or ".." in path.parts or "\0" in place:
        raise ConfigValueError(
            f"{key}: {place!r} lies outside of the run folder",
            "give a name inside of it; experiment.output_dir says where run folders are",
        )

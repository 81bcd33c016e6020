"""Metrics of a model on the validation data of its run, as the training measured them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from torch import nn

from regtrain.errors import ConfigValueError
from regtrain.job.making import Job, make
from regtrain.job.parts import build_evaluator, build_loss
from regtrain.trainer import Batches
from regtrain.trainer.validation import Validation, overrides
from regtrain.types import Evaluator, Splits, Strategy, Task, chosen

__all__ = ["held_out_metrics", "task_of"]


def task_of(job: Job) -> Task:
    """The task of the run.

    Raises:
        ConfigValueError: it needs more than the model: modules of its own, or a search before each validation.
    """
    offer = job.host.offer("tasks", job.plan.task)
    task: Task = make(offer.factory, job.config.experiment.task_args, f"task {offer.name}", "experiment.task_args")
    if overrides(task, "bind") or overrides(task, "before_eval"):
        raise ConfigValueError(
            f"task {offer.name} measures with more than the model: its loss of metric cannot be found",
            "compress the model with a tool of your own, and register it with --parent compressed_from=REF",
        )
    return task


def held_out_metrics(job: Job, model: nn.Module, splits: Splits, task: Task) -> dict[str, float]:
    """Each metric under `val/`.

    Raises:
        ConfigValueError: the run has no validation data.
    """
    if splits.val is None:
        raise ConfigValueError(
            "the run has no validation data, so that a loss of metric cannot be measured",
            "return Splits(train, val) from the dataset",
        )
    batches = Batches(splits.val, chosen(job.config.training.batch_size), seed=0, shuffle=False, collate=splits.collate)
    strategy: Strategy = job.host.offer("strategies", "single").factory(job.device)
    parts = _Trained(_InEvaluation(model), model, task, build_loss(job), build_evaluator(job), strategy)
    return Validation(parts, lambda: False, _never).measure(batches)


@dataclass(frozen=True)
class _InEvaluation:
    """A model that is not trained any more stays in evaluation mode."""

    model: nn.Module

    def mode(self, training: bool) -> None:
        self.model.eval()

    def forward(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)


@dataclass(frozen=True)
class _Trained:
    engine: _InEvaluation
    model: nn.Module
    task: Task
    criterion: Callable[..., Any]
    evaluator: Evaluator | None
    strategy: Strategy


def _never(state: dict[str, Any]) -> NoReturn:
    raise AssertionError("no stop is requested")

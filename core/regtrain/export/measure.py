"""Metrics of a model on the validation data of its run, as the training measured them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NoReturn, cast

from torch import nn

from regtrain.errors import ConfigValueError
from regtrain.job.making import Job, make
from regtrain.job.parts import build_evaluator, build_loss
from regtrain.trainer import Batches
from regtrain.trainer.validation import Validation, overrides
from regtrain.types import Splits, Task, chosen

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
    engine = SimpleNamespace(mode=lambda training: model.eval(), forward=lambda call, *args: call(*args))
    parts = SimpleNamespace(
        engine=engine,
        model=model,
        task=task,
        criterion=build_loss(job),
        evaluator=build_evaluator(job),
        strategy=job.host.offer("strategies", "single").factory(job.device),
    )
    return Validation(cast(Any, parts), lambda: False, _never).measure(batches)


def _never(state: dict[str, Any]) -> NoReturn:
    raise AssertionError("nobody asks this measuring to stop")

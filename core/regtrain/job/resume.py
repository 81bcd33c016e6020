"""Resuming from a checkpoint: found, verified, compared with the model, loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from regtrain.checkpoint.folder import TrainingState, load_newest, read_checkpoint
from regtrain.checkpoint.weights import misfits, some
from regtrain.errors import CheckpointDamagedError, CheckpointMismatchError, ConfigValueError, brief
from regtrain.job.initial import check_finite, tensors_of
from regtrain.trainer import Parts, Trainer
from regtrain.trainer.state import order_of, parameter_names
from regtrain.types import Plan, Schedule
from regtrain.types.config import Config

__all__ = ["find_state", "load_into", "same_measures"]

NOTED = ("optimizer", "scheduler")


def find_state(path: Path, warn: Callable[[str], None]) -> tuple[Path, TrainingState]:
    """The state of one checkpoint, or the newest whole one of a folder of checkpoints.

    A single checkpoint that was named and is damaged gives way to the ones before it in the same folder.

    Raises:
        CheckpointDamagedError: none is whole.
    """
    if not path.name.startswith("step-"):
        return load_newest(path, warn)
    try:
        return path, read_checkpoint(path)
    except CheckpointDamagedError as problem:
        earlier = sorted((p for p in path.parent.glob("step-*") if p.is_dir() and p.name < path.name), reverse=True)
        for other in earlier:
            warn(f"{problem.message}; trying {other.name}")
            try:
                return other, read_checkpoint(other)
            except CheckpointDamagedError:
                continue
        raise


def check_same_architecture(model: nn.Module, weights: Mapping[str, torch.Tensor], path: Path) -> None:
    """Refuse weights of another model before a single one is loaded.

    Raises:
        CheckpointMismatchError: names up to three keys that differ.
    """
    differ = misfits(tensors_of(model), weights, "the checkpoint")
    if differ:
        raise CheckpointMismatchError(
            f"{path} is of another architecture: {some(differ)}", "resume with the config that it was trained with"
        )


def load_into(
    trainer: Trainer, state: TrainingState, path: Path, plan: Plan, schedule: Schedule, warn: Callable[[str], None]
) -> None:
    """Put the whole state into a trainer; what the config has changed since is a warning.

    Raises:
        CheckpointMismatchError: another architecture, optimizer, scheduler or form of a checkpoint.
        ConfigValueError: the batches of a half-seen epoch would differ, or nothing is left to train.
    """
    parts = trainer.parts
    if "optimizers" not in state:
        raise CheckpointMismatchError(
            f"{path} was written by an earlier release of regtrain, which kept one optimizer",
            "resume with that release, or begin a run with its weights: model.init_from",
        )
    check_same_architecture(parts.model, state["model"], path)
    check_finite(
        parts.model,
        state["model"],
        str(path),
        "resume from an earlier checkpoint, with a lower learning rate or clipping",
    )
    _check_order(trainer, state, path)
    _check_part_types(trainer, state, path)
    _check_parameters(trainer, state, path)
    _check_length(trainer, state, path, schedule)
    _say_what_changed(trainer, state, path, plan.public, warn)
    try:
        trainer.load(state)
    except (ValueError, KeyError, RuntimeError) as problem:
        raise CheckpointMismatchError(
            f"{path} holds the state of another optimizer, scheduler, task or loss: {brief(problem)}",
            "resume with the config that it was trained with",
        ) from problem
    left = _nothing_left(trainer, path)
    if left and plan.resumed_ended:
        raise ConfigValueError(*left)
    if left:
        warn(f"{path.name} is the end of a run that was cut before it could say so: there is nothing to train")


def _nothing_left(trainer: Trainer, path: Path) -> tuple[str, str] | None:
    """Why no step is left, and what to ask for to get some; None when there are some."""
    settings, progress, start = trainer.parts.settings, trainer.progress, "nothing is left to train:"
    if settings.max_steps and progress.step >= settings.max_steps:
        reason = f"{path.name} has {progress.step} of {settings.max_steps} steps"
        return f"{start} {reason}", f"ask for more, e.g. training.max_steps={settings.max_steps * 2}"
    if progress.epoch >= settings.epochs:
        reason = f"{path.name} has {progress.epoch} of {settings.epochs} epochs"
        return f"{start} {reason}", f"ask for more, e.g. epochs={settings.epochs * 2}"
    if progress.stopped_early and not progress.batch and trainer.parts.early_stopping:
        patience = trainer.parts.early_stopping.patience
        reason = f"at {path.name} the patience of {patience} was used up"
        return f"{start} {reason}", f"ask for more, e.g. early_stopping.patience={patience * 2}"
    return None


def same_measures(state: TrainingState, parts: Parts) -> bool:
    """Whether the metrics of a checkpoint can be compared with those of this run."""
    return dict(state["measures"]) == dict(parts.measures)


def _check_order(trainer: Trainer, state: TrainingState, path: Path) -> None:
    """A half-seen epoch is resumed in the order that it began with."""
    batch = state["progress"]["batch"]
    order = order_of(trainer.parts)
    changed = [f"{key} {was} → {order.get(key)}" for key, was in state["order"].items() if was != order.get(key)]
    if batch and changed:
        raise ConfigValueError(
            f"{path} ends at batch {batch} of an epoch whose order has changed: {', '.join(changed)}",
            "resume with the same data, batch size, seed and number of batches per step, or from a checkpoint at the "
            "end of an epoch",
        )


def _check_part_types(trainer: Trainer, state: TrainingState, path: Path) -> None:
    """torch loads the state of one class into another without an error, and trains something in between."""
    types, before = trainer.parts.engine.part_types, state["part_types"]
    for part, now in types.items():
        was = before.get(part)
        if was and was != now:
            raise CheckpointMismatchError(
                f"{path} was trained with {part} {was}, and the config asks for {now}",
                f"resume with {was}, or begin a run of its own without --resume",
            )
    optimizers = [part for part in before if part.startswith("optimizer")]
    changed = [part for part in types if part.startswith("optimizer")]
    if optimizers != changed:
        raise CheckpointMismatchError(
            f"{path} was trained with {', '.join(optimizers)}, and the config asks for {', '.join(changed)}",
            "resume with the groups that it was trained with, or begin a run of its own without --resume",
        )


def _check_parameters(trainer: Trainer, state: TrainingState, path: Path) -> None:
    """torch matches the state of an optimizer by position: a layer would get the momentum of another one."""
    before = state.get("parameters", {})  # checkpoints of the first releases have no names
    for part, names in parameter_names(trainer.parts).items():
        was = before.get(part, names)
        if was == names:
            continue
        first = next((pair for pair in zip(was, names, strict=False) if pair[0] != pair[1]), None)
        differ = f"{first[0]} is now {first[1]}" if first else f"{len(was)} then, {len(names)} now"
        raise CheckpointMismatchError(
            f"the parameters of optimizer {part or type(trainer.parts.engine.parts[0].optimizer).__name__} are in "
            f"another order than in {path}: {differ}",
            "define the layers in the order of before, or begin a run with these weights: model.init_from",
        )


def _check_length(trainer: Trainer, state: TrainingState, path: Path, schedule: Schedule) -> None:
    """A schedule of a fixed length raises at the step after its last one, which may be hours away."""
    for part in trainer.parts.engine.parts:
        ends = state["schedulers"].get(part.name, {}).get("total_steps")
        length = replace(schedule, interval=part.interval).length
        if part.scheduler_traits.get("fixed_length") and ends is not None and ends < length:
            name = type(part.scheduler).__name__
            raise ConfigValueError(
                f"{name} of {path.name} was made for {ends} steps, and the run would have {length}",
                "stop at the length that it was made for, or begin a run of its own without --resume",
            )


def _say_what_changed(
    trainer: Trainer, state: TrainingState, path: Path, config: Config, warn: Callable[[str], None]
) -> None:
    before, now = state["config"], config.model_dump(mode="json")
    for section in NOTED:
        if before.get(section) != now[section]:
            warn(f"{section} has changed since {path.name}: the checkpoint's own values are used where it holds them")
    if before.get("scheduler") == now["scheduler"]:
        otherwise = _otherwise(state["schedulers_as_made"], trainer.parts.engine.schedulers_as_made)
        if otherwise:
            warn(f"the scheduler was made for a run of another length, and stays so: {', '.join(otherwise)}")


def _otherwise(was: Any, now: Any, name: str = "") -> list[str]:
    """Settings of a scheduler that differ, as `T_max 2, not 4`; rates are the optimizer's."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        keys = [key for key in was if key in now and key not in ("base_lrs", "_last_lr")]
        return [line for key in keys for line in _otherwise(was[key], now[key], str(key))]
    if isinstance(was, list | tuple) and isinstance(now, list | tuple) and len(was) == len(now):
        return [line for pair in zip(was, now, strict=True) for line in _otherwise(*pair, name)]
    return [] if was == now else [f"{name} {was}, not {now}"]

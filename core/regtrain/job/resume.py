"""Going on from a checkpoint: found, verified, compared with the model, loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from regtrain.checkpoint.folder import TrainingState, load_newest, read_checkpoint
from regtrain.errors import CheckpointDamagedError, CheckpointMismatchError, ConfigValueError
from regtrain.trainer import Trainer
from regtrain.types import Plan

__all__ = ["find_state", "load_into"]

NOTED = ("optimizer", "scheduler")


def find_state(place: str, warn: Callable[[str], None]) -> tuple[Path, TrainingState]:
    """The state of one checkpoint, or the newest whole one of a folder of checkpoints.

    A single checkpoint that was named and is damaged gives way to the ones before it in the same folder.

    Raises:
        CheckpointDamagedError: none is whole.
    """
    path = Path(place)
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
    own = {name.removeprefix("_orig_mod."): tensor for name, tensor in model.state_dict().items()}
    differ = [f"{name} is not in the model" for name in weights if name not in own]
    differ += [f"{name} is not in the checkpoint" for name in own if name not in weights]
    differ += [
        f"{name} is {list(weights[name].shape)} in the checkpoint and {list(own[name].shape)} in the model"
        for name in own
        if name in weights and weights[name].shape != own[name].shape
    ]
    if differ:
        more = f" (and {len(differ) - 3} more)" if len(differ) > 3 else ""
        raise CheckpointMismatchError(
            f"{path} is of another architecture: {'; '.join(differ[:3])}{more}",
            "resume with the config that it was trained with",
        )


def load_into(trainer: Trainer, state: TrainingState, path: Path, plan: Plan, warn: Callable[[str], None]) -> None:
    """Put the whole state into a trainer; what the config has changed since is said.

    Raises:
        CheckpointMismatchError: another architecture or optimizer.
        ConfigValueError: the batches of a half-seen epoch would differ, or nothing is left to train.
    """
    parts = trainer.parts
    check_same_architecture(parts.model, state["model"], path)
    progress = state["progress"]
    order = {**parts.train.order, "accumulate": parts.settings.accumulate}
    changed = [f"{key} {was} → {order[key]}" for key, was in state["order"].items() if was != order[key]]
    if progress["batch"] and changed:
        raise ConfigValueError(
            f"{path} stands at batch {progress['batch']} of an epoch whose order has changed: {', '.join(changed)}",
            "resume with the same data, batch size and seed, or from a checkpoint at the end of an epoch",
        )
    before: Mapping[str, Any] = state["config"]
    for section in NOTED:
        if before.get(section) != plan.config[section]:
            warn(f"{section} has changed since {path.name}: the checkpoint's own values are used where it holds them")
    parts.model.load_state_dict(state["model"])
    try:
        trainer.load(state)
    except (ValueError, KeyError) as problem:
        raise CheckpointMismatchError(
            f"{path} holds the state of another optimizer or scheduler: {problem}",
            "resume with the optimizer that it was trained with",
        ) from problem
    settings = parts.settings
    if trainer.progress.epoch >= settings.epochs or trainer.progress.step >= (settings.max_steps or 1 << 62):
        raise ConfigValueError(
            f"nothing is left to train: {path.name} has {trainer.progress.epoch} of {settings.epochs} epochs",
            f"ask for more, e.g. epochs={settings.epochs * 2}",
        )

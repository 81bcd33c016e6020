"""Everything that a run will do, done once before it begins, and put back bit for bit."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch

from regtrain.errors import ConfigValueError, brief
from regtrain.trainer.classes import check_classes
from regtrain.trainer.metrics import check_names, unfolded
from regtrain.trainer.randomness import restore, snapshot
from regtrain.trainer.validation import Validation, check_measured
from regtrain.types import StepOutput

if TYPE_CHECKING:
    from regtrain.trainer.loop import Trainer

__all__ = ["sanity_check"]


def sanity_check(trainer: Trainer, validation: Validation) -> None:
    """A step on the first batch, a pass over the last one, a batch of validation, and a save that is thrown away.

    What would only fail after the first epoch, at the first record or at the first save, fails now. Costs at most two
    steps, one more forward pass and one validation batch. Collective.

    Raises:
        DataError: a class that the model has no output for.
        ConfigValueError: the loss is no number, a batch cannot be learned from, or a metric is not measured.
        CheckpointMismatchError: the state holds what no file of ours can.
    """
    with _put_back(trainer):
        _step(trainer)
        _last_batch(trainer)
        _validate(trainer, validation)
        trainer.parts.checkpoints.try_out(trainer.state())


@contextmanager
def _put_back(trainer: Trainer) -> Iterator[None]:
    """Weights, optimizers, schedules, random generators and stateful objects as they were before."""
    parts = trainer.parts
    engine = parts.engine
    randomness = snapshot()
    stateful = {name: deepcopy(thing.state_dict()) for name, thing in parts.stateful.items()}
    state = deepcopy(engine.state())
    buffers = {name: buffer.clone() for name, buffer in engine.trainable.named_buffers()}  # some are in no state
    engine.mode(True)
    try:
        yield
    finally:
        engine.zero_grad()
        engine.load(state)
        for name, buffer in engine.trainable.named_buffers():
            if name in buffers and buffer.shape == buffers[name].shape:
                buffer.copy_(buffers[name])
        for name, thing in parts.stateful.items():
            thing.load_state_dict(stateful[name])
        if parts.evaluator:
            parts.evaluator.reset()
        restore(randomness)


def _step(trainer: Trainer) -> None:
    parts = trainer.parts
    batch = parts.strategy.to_device(parts.train.fetch(min(parts.strategy.place.rank, len(parts.train) - 1)))
    check_classes(parts, batch)
    output = _forward(trainer, batch)
    _check_loss(output)
    if parts.engine.needs_closure:

        def closure() -> torch.Tensor:
            parts.engine.zero_grad()
            loss = trainer.forward(batch).loss
            parts.engine.backward(loss)
            return loss.detach()  # type: ignore[no-any-return]

        parts.engine.step(closure, measure=True)
    else:
        parts.engine.backward(output.loss)
        parts.engine.step(measure=True)


def _last_batch(trainer: Trainer) -> None:
    """The last batch of an epoch may be smaller than the others, down to one sample.

    Raises:
        ConfigValueError: the model cannot be trained on it.
    """
    parts = trainer.parts
    number = len(parts.train) - 1
    if parts.train.size_of(number) == parts.train.batch_size:
        return
    batch = parts.strategy.to_device(parts.train.fetch(-1))
    try:
        parts.engine.backward(trainer.forward(batch).loss)
    except (RuntimeError, ValueError) as problem:
        raise ConfigValueError(
            f"the last batch of an epoch has {parts.train.size_of(number)} of {parts.train.batch_size} samples, "
            f"and the model cannot be trained on it: {brief(problem)}",
            "set data.drop_last: true, or choose another training.batch_size",
        ) from problem
    parts.engine.zero_grad()


def _forward(trainer: Trainer, batch: Any) -> StepOutput:
    with warnings.catch_warnings():
        # torch compares each output with each target then, and trains a wrong model
        warnings.filterwarnings("error", message="Using a target size", category=UserWarning)
        try:
            output: Any = trainer.raw_forward(batch)
        except UserWarning as problem:
            sizes = re.findall(r"torch\.Size\(\[(.*?)\]\)", str(problem))
            targets, outputs = sizes if len(sizes) == 2 else ("?", "?")
            raise ConfigValueError(
                f"the targets have shape ({targets}) and the outputs of the model ({outputs}): "
                "the loss would compare each of them with each",
                "give the model as many outputs as there are targets for a sample, and both the same shape",
            ) from problem
    if not isinstance(output, StepOutput):
        raise ConfigValueError(
            f"task {type(trainer.parts.task).__name__} returned a {type(output).__name__} from train_step",
            "return StepOutput(loss, outputs, targets)",
        )
    check_names(output.logs or (), f"task {type(trainer.parts.task).__name__}")
    if isinstance(output.loss, dict):
        check_names([name for name in output.loss if name != "loss"], "the loss")
        return unfolded(output)
    return output


def _check_loss(output: StepOutput) -> None:
    loss = output.loss
    if not isinstance(loss, torch.Tensor):
        raise ConfigValueError(f"the loss is a {type(loss).__name__}", "return a tensor that holds one number")
    if loss.numel() != 1:
        raise ConfigValueError(
            f"the loss has shape {tuple(loss.shape)}, and one number is minimised",
            "take its mean or sum, e.g. `reduction: mean`",
        )
    if not loss.requires_grad:
        raise ConfigValueError(
            "the loss depends on no parameter that is trained", "compute it from the outputs of the model"
        )


def _validate(trainer: Trainer, validation: Validation) -> None:
    parts, settings = trainer.parts, trainer.parts.settings
    if parts.val is None:
        return
    metrics = validation.measure_one(parts.val)
    check_measured([m for m in settings.monitored if m.startswith("val/")], metrics)
    check_measured([f"val/{name}" for name in settings.metrics or ()], metrics)

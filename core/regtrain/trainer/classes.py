"""Class numbers that a model has no output for: found before the first step, where torch would say so in its own words,
late, or on a GPU not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from regtrain.errors import DataError
from regtrain.trainer.batches import Batches
from regtrain.trainer.parts import Parts

__all__ = ["check_classes"]


def check_classes(parts: Parts, batch: Any) -> None:
    """Compare the classes of a batch, and of all samples that are in memory, with the outputs of the model.

    Costs a forward pass, and only with a loss over class numbers.

    Raises:
        DataError: a class is negative or has no output.
    """
    if not isinstance(parts.criterion, nn.CrossEntropyLoss | nn.NLLLoss):
        return
    scores, classes = _asked_for(parts, batch)
    if not isinstance(scores, torch.Tensor) or not _are_classes(classes, scores):
        return
    count, ignored = scores.shape[1], parts.criterion.ignore_index
    _check(classes, count, ignored, "training")
    for name, batches in (("training", parts.train), ("validation", parts.val)):
        for tensor in _in_memory(batches, classes):
            _check(tensor, count, ignored, name)


def _asked_for(parts: Parts, batch: Any) -> tuple[Any, Any]:
    """What the task would hand to the loss; nothing where it does something else, which the step will show."""
    seen: list[tuple[Any, Any]] = []

    def note(outputs: Any, targets: Any) -> torch.Tensor:
        seen.append((outputs, targets))
        return torch.zeros(())

    try:
        with torch.no_grad():
            parts.engine.forward(parts.task.eval_step, parts.model, note, batch)
    except Exception:  # the step that follows says what is wrong
        return None, None
    return seen[0] if len(seen) == 1 else (None, None)


def _are_classes(value: Any, scores: torch.Tensor) -> bool:
    return (
        isinstance(value, torch.Tensor)
        and value.dtype in (torch.int64, torch.uint8)
        and scores.ndim >= 2
        and value.shape == scores.shape[:1] + scores.shape[2:]
    )


def _in_memory(batches: Batches | None, classes: torch.Tensor) -> list[torch.Tensor]:
    """The targets of all samples, where these are pairs of tensors."""
    tensors: Sequence[torch.Tensor] = batches.tensors if batches else ()
    if len(tensors) != 2:
        return []
    targets = tensors[1]
    return [targets] if targets.dtype == classes.dtype and targets.shape[1:] == classes.shape[1:] else []


def _check(classes: torch.Tensor, count: int, ignored: int, name: str) -> None:
    bad = classes[((classes < 0) | (classes >= count)) & (classes != ignored)]
    if not bad.numel():
        return
    counted = classes[classes != ignored]
    from_one = int(counted.min()) == 1 and int(counted.max()) == count
    outputs = "one output, for class 0" if count == 1 else f"{count} outputs, for classes 0 to {count - 1}"
    raise DataError(
        f"the {name} data have class {int(bad[0])}, and the model has {outputs}",
        f"number the classes from 0: here they are 1 to {count}"
        if from_one
        else "number the classes from 0, and give the model an output for each, e.g. model.out_features or "
        "model.num_classes",
    )

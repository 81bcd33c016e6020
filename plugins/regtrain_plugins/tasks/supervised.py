"""Inputs in, targets to compare with: classification and regression."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl
from regtrain.types import Sample, StepOutput, Task

if TYPE_CHECKING:
    from torch import nn

    from regtrain.types import Register

INPUT_KEYS = ("inputs", "input", "image", "images", "x", "features")
TARGET_KEYS = ("target", "targets", "label", "labels", "y", "mask")


class Supervised(Task):
    """Batches are `(inputs, target)` or a mapping such as `{"image": …, "target": …}`."""

    def __init__(self, loss: str, evaluator: str, monitor: str) -> None:
        self.loss = loss
        self.evaluator = evaluator
        self.monitor = monitor

    def train_step(self, model: nn.Module, criterion: Callable[..., Any], batch: Any) -> StepOutput:
        inputs, targets = batch if type(batch) in (tuple, list) and len(batch) == 2 else self._parted(batch)
        outputs = model(inputs)
        return StepOutput(criterion(outputs, targets), outputs, targets)

    def sample(self, batch: Any) -> Sample:
        inputs = self._parted(batch)[0]
        return Sample((inputs,), ("inputs",), {"inputs": {0: "batch"}})

    def _parted(self, batch: Any) -> tuple[Any, Any]:
        if isinstance(batch, Mapping):
            return _pick(batch, INPUT_KEYS), _pick(batch, TARGET_KEYS)
        if isinstance(batch, list | tuple) and len(batch) == 2:
            return batch[0], batch[1]
        raise ValueError(f"a batch must be (inputs, target) or a mapping; got {type(batch).__name__}")


def _pick(batch: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    found = [name for name in names if name in batch]
    if len(found) == 1:
        return batch[found[0]]
    if found:
        raise ValueError(
            f"a batch has {' and '.join(found)}, and one of them is wanted; leave the others out in the dataset, "
            "or write a task of your own"
        )
    raise ValueError(f"a batch has the keys {', '.join(batch)}; one of {', '.join(names)} is wanted")


def classification() -> Supervised:
    return Supervised("CrossEntropyLoss", "classification", "val/accuracy")


def regression() -> Supervised:
    return Supervised("MSELoss", "regression", "val/loss")


@hookimpl
def regtrain_register_tasks(register: Register) -> None:
    register("classification", classification)
    register("regression", regression)

"""Accuracy, precision, recall and F1 from a confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    import torch

    from regtrain.types import Register

Average = Literal["macro", "micro", "weighted"]


class Classification:
    """Outputs are scores `(batch, classes)`, targets are class indices `(batch,)`.

    Precision, recall and F1 follow scikit-learn's definitions with `zero_division=0`, over the classes that occur
    in targets or predictions.
    """

    directions: ClassVar[Mapping[str, Literal["min", "max"]]] = dict.fromkeys(
        ("accuracy", "precision", "recall", "f1"), "max"
    )

    def __init__(self, num_classes: int | None = None, average: Average = "macro") -> None:
        if average not in ("macro", "micro", "weighted"):
            raise ValueError(f"average is {average!r}; there are: macro, micro, weighted")
        self.average = average
        self.num_classes = num_classes
        self.reset()

    def reset(self) -> None:
        self._matrix: torch.Tensor | None = None
        self._finite = True

    def update(self, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        import torch

        if outputs.ndim != 2:
            raise ValueError(f"classification wants scores of shape (batch, classes), got {tuple(outputs.shape)}")
        if outputs.shape[1] < 2:
            raise ValueError("a single output is no score for each class: give the model one output for each of them")
        highest, predicted = outputs.max(dim=1)  # NaN where one is among them; -inf leaves a class out
        self._finite = self._finite and bool(torch.isfinite(highest).all())
        classes = max(self.num_classes or 0, outputs.shape[1])
        found = predicted + classes * _classes(targets, len(outputs), classes).to(outputs.device)
        counts = torch.bincount(found, minlength=classes * classes).reshape(classes, classes).cpu()
        self._matrix = counts if self._matrix is None else self._matrix + counts

    def compute(self) -> dict[str, float]:
        """Accuracy, precision, recall and f1, in 0..1; NaN after a score that is not finite; empty without batches."""
        import torch

        if self._matrix is None:
            return {}
        if not self._finite:  # NaN is not the first class
            return dict.fromkeys(("accuracy", "precision", "recall", "f1"), math.nan)
        matrix = self._matrix.to(torch.float64)
        hits, actual, predicted = matrix.diag(), matrix.sum(dim=1), matrix.sum(dim=0)
        accuracy = (hits.sum() / actual.sum()).item()
        if self.average == "micro":
            return {"accuracy": accuracy, "precision": accuracy, "recall": accuracy, "f1": accuracy}
        occurs = (actual + predicted) > 0
        hits, actual, predicted = hits[occurs], actual[occurs], predicted[occurs]
        weights = actual / actual.sum() if self.average == "weighted" else torch.full_like(hits, 1 / len(hits))
        precision = torch.where(predicted > 0, hits / predicted, 0.0)
        recall = torch.where(actual > 0, hits / actual, 0.0)
        f1 = 2 * hits / (actual + predicted)
        return {
            "accuracy": accuracy,
            "precision": (precision * weights).sum().item(),
            "recall": (recall * weights).sum().item(),
            "f1": (f1 * weights).sum().item(),
        }


def _classes(targets: torch.Tensor, rows: int, classes: int) -> torch.Tensor:
    """Class numbers `(batch,)`.

    Raises:
        ValueError: they are no class numbers, or some class has no output.
    """
    if targets.is_floating_point() or targets.is_complex():
        kind = str(targets.dtype).removeprefix("torch.")
        raise ValueError(f"targets are {kind} numbers, and classes are whole ones: 0, 1, 2…")
    if targets.numel() != rows:
        raise ValueError(f"targets have shape {tuple(targets.shape)}, and one class for each of {rows} rows is wanted")
    flat = targets.reshape(-1).long()
    least, most = (int(flat.min()), int(flat.max())) if rows else (0, 0)
    if least < 0 or most >= classes:
        wrong = least if least < 0 else most
        raise ValueError(
            f"the data have class {wrong}, and there are {classes} outputs; number the classes from 0, "
            "and give the model one output for each of them"
        )
    return flat


@hookimpl
def regtrain_register_evaluators(register: Register) -> None:
    register("classification", Classification)

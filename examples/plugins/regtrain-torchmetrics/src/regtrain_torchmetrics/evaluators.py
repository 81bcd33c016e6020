"""Metrics of torchmetrics as evaluators, for several classes, for two, and for numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    import torch
    from torchmetrics import Metric

    from regtrain.types import Register

Direction = Literal["min", "max"]

# Name in a config → the end of the class's name, which begins with Binary or Multiclass; which direction is better.
CLASSIFICATION: dict[str, tuple[str, Direction]] = {
    "accuracy": ("Accuracy", "max"),
    "auroc": ("AUROC", "max"),
    "average_precision": ("AveragePrecision", "max"),
    "calibration_error": ("CalibrationError", "min"),
    "cohen_kappa": ("CohenKappa", "max"),
    "f1": ("F1Score", "max"),
    "jaccard": ("JaccardIndex", "max"),
    "matthews": ("MatthewsCorrCoef", "max"),
    "precision": ("Precision", "max"),
    "recall": ("Recall", "max"),
    "specificity": ("Specificity", "max"),
}
REGRESSION: dict[str, tuple[str, Direction]] = {
    "explained_variance": ("ExplainedVariance", "max"),
    "mae": ("MeanAbsoluteError", "min"),
    "mape": ("MeanAbsolutePercentageError", "min"),
    "mse": ("MeanSquaredError", "min"),
    "pearson": ("PearsonCorrCoef", "max"),
    "r2": ("R2Score", "max"),
}


class _Evaluator:
    """Several metrics over the same outputs, in double precision, so that the order of batches does not matter."""

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        from torch import double

        self._metrics = {name: metric.set_dtype(double) for name, metric in metrics.items()}
        self.reset()

    def reset(self) -> None:
        for metric in self._metrics.values():
            metric.reset()
        self._finite, self._seen = True, False

    def update(self, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Give every metric the batch, on the processor, where its state is."""
        self._seen = True
        self._finite = self._finite and bool(outputs.isfinite().all())
        if self._finite:
            scores, wanted = self._prepared(outputs.detach().double().cpu(), targets.detach().cpu())
            for metric in self._metrics.values():
                metric.update(scores, wanted)

    def compute(self) -> dict[str, float]:
        """Empty when nothing was seen; NaN after outputs that are not finite, for a model that diverged."""
        if not self._seen:
            return {}
        if not self._finite:
            return dict.fromkeys(self._metrics, math.nan)
        return {name: float(metric.compute()) for name, metric in self._metrics.items()}

    def _prepared(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return outputs, targets


class Multiclass(_Evaluator):
    """Outputs are scores `(batch, num_classes)`, targets class indices `(batch,)`.

    Args:
        num_classes: as many as the model has outputs.
        metrics: names in `CLASSIFICATION`.
    """

    directions: ClassVar[Mapping[str, Direction]] = {name: way for name, (_, way) in CLASSIFICATION.items()}

    def __init__(self, num_classes: int, metrics: Sequence[str] = ("accuracy", "auroc", "calibration_error")) -> None:
        super().__init__(
            _made("torchmetrics.classification", "Multiclass", metrics, CLASSIFICATION, num_classes=num_classes)
        )


class Binary(_Evaluator):
    """Outputs are logits `(batch,)` or `(batch, 1)`, targets 0 or 1 in the same shape.

    Args:
        metrics: names in `CLASSIFICATION`.
    """

    directions = Multiclass.directions

    def __init__(self, metrics: Sequence[str] = ("accuracy", "auroc", "calibration_error")) -> None:
        super().__init__(_made("torchmetrics.classification", "Binary", metrics, CLASSIFICATION))

    def _prepared(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return outputs.sigmoid().flatten(), targets.long().flatten()


class Regression(_Evaluator):
    """Outputs and targets of the same shape; all numbers count alike.

    Args:
        metrics: names in `REGRESSION`.
    """

    directions: ClassVar[Mapping[str, Direction]] = {name: way for name, (_, way) in REGRESSION.items()}

    def __init__(self, metrics: Sequence[str] = ("mse", "mae", "r2")) -> None:
        super().__init__(_made("torchmetrics", "", metrics, REGRESSION))

    def _prepared(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return outputs.flatten(), targets.double().flatten()


def _made(
    module: str, prefix: str, names: Sequence[str], table: Mapping[str, tuple[str, Direction]], **args: Any
) -> dict[str, Metric]:
    from importlib import import_module

    unknown = [name for name in names if name not in table]
    if unknown or not names:
        raise ValueError(f"metrics {', '.join(unknown) or 'are empty'}; there are: {', '.join(table)}")
    classes = import_module(module)
    return {name: getattr(classes, prefix + table[name][0])(**args) for name in names}


@hookimpl
def regtrain_register_evaluators(register: Register) -> None:
    for name, factory in (("multiclass", Multiclass), ("binary", Binary), ("regression", Regression)):
        register(f"torchmetrics-{name}", factory, requires="torchmetrics>=1.4")

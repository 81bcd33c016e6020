"""Metrics of torchmetrics: what every evaluator owes, numbers by hand, and directions as the package says them."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
import torchmetrics
import torchmetrics.classification
from regtrain_torchmetrics.evaluators import CLASSIFICATION, REGRESSION, Binary, Multiclass, Regression

from regtrain.testing import EvaluatorConformance, PluginConformance

MODULE = "regtrain_torchmetrics.evaluators"


def numbers(count: int, *shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed + count))


class TestPlugin(PluginConformance):
    module = MODULE
    names = ("torchmetrics-multiclass", "torchmetrics-binary", "torchmetrics-regression")
    provides: ClassVar = {"evaluators": names}
    without_torch = True


class TestMulticlass(EvaluatorConformance):
    module = MODULE
    offers = "torchmetrics-multiclass"
    args: ClassVar = {"num_classes": 3, "metrics": list(CLASSIFICATION)}

    def batches(self) -> list[tuple[Any, Any]]:
        return [(numbers(n, 3), numbers(n, seed=9).mul(9).long().abs() % 3) for n in (15, 28, 13)]


class TestBinary(EvaluatorConformance):
    module = MODULE
    offers = "torchmetrics-binary"
    args: ClassVar = {"metrics": list(CLASSIFICATION)}

    def batches(self) -> list[tuple[Any, Any]]:
        return [(numbers(n, 1), (numbers(n, 1, seed=9) > 0).float()) for n in (15, 28, 13)]


class TestRegression(EvaluatorConformance):
    module = MODULE
    offers = "torchmetrics-regression"
    args: ClassVar = {"metrics": list(REGRESSION)}

    def batches(self) -> list[tuple[Any, Any]]:
        return [(numbers(n, 2), numbers(n, 2, seed=9)) for n in (15, 28, 13)]


def test_numbers_worked_out_by_hand() -> None:
    """Three of four right; the fourth is sure and wrong."""
    evaluator = Multiclass(2, ["accuracy", "recall"])
    evaluator.update(torch.tensor([[9.0, 0.0], [9.0, 0.0], [0.0, 9.0], [9.0, 0.0]]), torch.tensor([0, 0, 1, 1]))
    assert evaluator.compute() == {"accuracy": pytest.approx(0.75), "recall": pytest.approx(0.75)}
    evaluator_of_errors = Regression(["mae", "mse"])
    evaluator_of_errors.update(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 5.0]))
    assert evaluator_of_errors.compute() == {"mae": pytest.approx(1.5), "mse": pytest.approx(4.5)}


@pytest.mark.parametrize(
    ("table", "module", "prefix"),
    [
        (CLASSIFICATION, torchmetrics.classification, "Multiclass"),
        (CLASSIFICATION, torchmetrics.classification, "Binary"),
        (REGRESSION, torchmetrics, ""),
    ],
)
def test_directions_are_those_of_the_package(table: dict[str, Any], module: Any, prefix: str) -> None:
    """A metric that the package has no opinion on is left as it is."""
    for name, (ending, direction) in table.items():
        better = getattr(module, prefix + ending).higher_is_better
        assert better is None or better == (direction == "max"), name


def test_an_unknown_metric_is_refused() -> None:
    """The error names it, and those that there are."""
    with pytest.raises(ValueError, match="metrics acuracy; there are: accuracy"):
        Binary(["acuracy"])

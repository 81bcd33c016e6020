"""Cohen's kappa: what every evaluator owes, and numbers worked out by hand."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from regtrain_signum.kappa import Kappa

from regtrain.testing import EvaluatorConformance, PluginConformance


class TestPlugin(PluginConformance):
    module = "regtrain_signum.kappa"
    provides: ClassVar = {"evaluators": ["kappa"]}
    without_torch = True


class TestKappa(EvaluatorConformance):
    module = "regtrain_signum.kappa"
    offers = "kappa"

    def batches(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        draw = torch.Generator().manual_seed(0)
        return [(torch.randn(n, 3, generator=draw), torch.randint(3, (n,), generator=draw)) for n in (5, 8, 3)]


def kappa(actual: list[int], predicted: list[int]) -> float:
    evaluator = Kappa()
    evaluator.update(torch.eye(3)[predicted], torch.tensor(actual))
    return evaluator.compute()["kappa"]


def test_numbers_worked_out_by_hand() -> None:
    """Agreement 35/50 where chance gives 1/2 is 0.4; perfect is 1, opposite is -1, always the same class is 0."""
    actual = [0] * 25 + [1] * 25
    assert kappa(actual, [0] * 20 + [1] * 5 + [0] * 10 + [1] * 15) == pytest.approx(0.4)
    assert kappa(actual, actual) == pytest.approx(1.0)
    assert kappa(actual, [1 - label for label in actual]) == pytest.approx(-1.0)
    assert kappa(actual, [0] * 50) == pytest.approx(0.0)
    assert kappa([2, 2], [2, 2]) == 0.0

"""Signum: what every optimizer owes, and the published algorithm."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from regtrain_signum.optimizer import signum

from regtrain.testing import OptimizerConformance, PluginConformance


class TestPlugin(PluginConformance):
    module = "regtrain_signum.optimizer"
    provides: ClassVar = {"optimizers": ["Signum"]}
    without_torch = True


class TestSignum(OptimizerConformance):
    module = "regtrain_signum.optimizer"
    offers = "Signum"
    args: ClassVar = {"lr": 0.01, "momentum": 0.95, "weight_decay": 0.1}


def test_it_is_the_published_algorithm() -> None:
    """Over random gradients every weight follows algorithm 2 of the paper, written out in plain numbers."""
    draw = torch.Generator().manual_seed(0)
    lr, beta, decay = 0.01, 0.9, 0.1
    start = torch.randn(5, generator=draw, dtype=torch.float64)
    weight = torch.nn.Parameter(start.clone())
    optimizer = signum([weight], lr, beta, decay)
    plain, momentum = start.tolist(), [0.0] * 5
    for _ in range(100):
        gradient = torch.randn(5, generator=draw, dtype=torch.float64)
        weight.grad = gradient.clone()
        optimizer.step()
        for at, g in enumerate(gradient.tolist()):
            momentum[at] = beta * momentum[at] + (1 - beta) * g
            sign = (momentum[at] > 0) - (momentum[at] < 0)
            plain[at] -= lr * (sign + decay * plain[at])
    assert weight.tolist() == pytest.approx(plain, rel=1e-12)


@pytest.mark.parametrize("wrong", [{"lr": -1.0}, {"weight_decay": -0.1}, {"momentum": 1.0}])
def test_wrong_arguments_are_refused(wrong: dict[str, object]) -> None:
    """Rates that cannot be meant are named."""
    with pytest.raises(ValueError, match="must"):
        signum([torch.nn.Parameter(torch.zeros(1))], **wrong)  # type: ignore[arg-type]

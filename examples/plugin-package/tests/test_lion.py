"""Lion: what every optimizer owes, and the published algorithm."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from regtrain_lion.optimizer import lion

from regtrain.testing import OptimizerConformance, PluginConformance


class TestPlugin(PluginConformance):
    module = "regtrain_lion.optimizer"
    provides: ClassVar = {"optimizers": ["Lion"]}
    without_torch = True


class TestLion(OptimizerConformance):
    module = "regtrain_lion.optimizer"
    offers = "Lion"
    args: ClassVar = {"lr": 0.01, "betas": (0.95, 0.98), "weight_decay": 0.1}


def test_it_is_the_published_algorithm() -> None:
    """Over random gradients every weight follows algorithm 2 of the paper, written out in plain numbers."""
    draw = torch.Generator().manual_seed(0)
    lr, beta1, beta2, decay = 0.01, 0.9, 0.99, 0.1
    start = torch.randn(5, generator=draw, dtype=torch.float64)
    weight = torch.nn.Parameter(start.clone())
    optimizer = lion([weight], lr, (beta1, beta2), decay)
    plain, momentum = start.tolist(), [0.0] * 5
    for _ in range(100):
        gradient = torch.randn(5, generator=draw, dtype=torch.float64)
        weight.grad = gradient.clone()
        optimizer.step()
        for at, g in enumerate(gradient.tolist()):
            update = beta1 * momentum[at] + (1 - beta1) * g
            sign = (update > 0) - (update < 0)
            plain[at] -= lr * (sign + decay * plain[at])
            momentum[at] = beta2 * momentum[at] + (1 - beta2) * g
    assert weight.tolist() == pytest.approx(plain, rel=1e-12)


@pytest.mark.parametrize("wrong", [{"lr": -1.0}, {"weight_decay": -0.1}, {"betas": (0.9, 1.0)}])
def test_wrong_arguments_are_refused(wrong: dict[str, object]) -> None:
    """Rates that cannot be meant are named."""
    with pytest.raises(ValueError, match="must"):
        lion([torch.nn.Parameter(torch.zeros(1))], **wrong)  # type: ignore[arg-type]

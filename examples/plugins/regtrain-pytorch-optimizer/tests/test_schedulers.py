"""Schedulers of pytorch_optimizer: what every scheduler owes, and the rates at both ends."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from regtrain_pytorch_optimizer.schedulers import rex, warmup_stable_decay

from regtrain.testing import PluginConformance, SchedulerConformance
from regtrain.types import Schedule


class TestPlugin(PluginConformance):
    module = "regtrain_pytorch_optimizer.schedulers"
    provides: ClassVar = {"schedulers": ["REX", "WarmupStableDecay", "CosineWarmupRestarts"]}
    without_torch = True


class TestSchedulers(SchedulerConformance):
    module = "regtrain_pytorch_optimizer.schedulers"

    @pytest.fixture(params=["REX", "WarmupStableDecay", "CosineWarmupRestarts"])
    def name(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)


def test_rex_begins_at_the_rate_of_the_optimizer() -> None:
    """The first step is made at nearly the full rate, the last near the lowest."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    scheduler = rex(optimizer, Schedule(1, 100, 100, "step"), min_lr=0.01)
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates[0] == pytest.approx(0.5, rel=0.02)
    assert 0.01 < rates[-1] < 0.05


def test_parts_that_are_more_than_the_whole_are_refused() -> None:
    """The arguments are named."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    with pytest.raises(ValueError, match=r"warmup 0\.7 and decay 0\.5"):
        warmup_stable_decay(optimizer, Schedule(1, 10, 10, "step"), warmup=0.7, decay=0.5)

"""Optimizers of pytorch_optimizer: what every optimizer owes, and the list against the package."""

from __future__ import annotations

from typing import ClassVar

import pytest
from regtrain_pytorch_optimizer.optimizers import LEFT_OUT, NAMES

from regtrain.testing import OptimizerConformance, PluginConformance


class TestPlugin(PluginConformance):
    module = "regtrain_pytorch_optimizer.optimizers"
    provides: ClassVar = {"optimizers": NAMES}
    without_torch = True


class TestSome(OptimizerConformance):
    """One of each make: moments, matrices, other weights for evaluation, several momenta."""

    module = "regtrain_pytorch_optimizer.optimizers"

    @pytest.fixture(params=["Adan", "SOAP", "ScheduleFreeAdamW", "AggMo"])
    def name(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)


def test_every_optimizer_of_the_package_is_offered_or_left_out_for_a_reason() -> None:
    """A new release of the package is noticed."""
    import pytorch_optimizer

    there = {pytorch_optimizer.load_optimizer(name).__name__ for name in pytorch_optimizer.get_supported_optimizers()}
    assert set(NAMES) | set(LEFT_OUT) == there
    assert set(NAMES) & set(LEFT_OUT) == set()

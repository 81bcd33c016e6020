"""What an optimizer owes: it learns, and it can be stopped and go on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import nn
from torch.optim import Optimizer

from regtrain.targets import accepted_arguments
from regtrain.testing.offered import Offered
from regtrain.testing.stored import through_store
from regtrain.types import Kind

__all__ = ["OptimizerConformance"]


class OptimizerConformance(Offered):
    """An optimizer trains a tiny model, and a second one that loads its state continues bit by bit.

    ```python
    class TestLion(OptimizerConformance):
        module = "regtrain_lion.optimizer"
        offers = "Lion"
        args = {"lr": 0.01}
    ```

    The model has weight matrices only, so that an optimizer for matrices can be tested too. `steps` is how many it
    gets before its loss must be below where it began.
    """

    kind: ClassVar[Kind] = "optimizers"
    args: ClassVar[Mapping[str, Any]] = {"lr": 0.01}
    steps: ClassVar[int] = 40

    def test_it_learns(self, factory: Callable[..., Optimizer]) -> None:
        """The loss on fixed data falls, and stays finite."""
        model = _model()
        losses = _train(model, factory(list(model.parameters()), **self.args), self.steps)
        assert all(torch.isfinite(torch.tensor(losses)))
        assert losses[-1] < losses[0]

    def test_it_goes_on_from_its_state(self, factory: Callable[..., Optimizer]) -> None:
        """A second optimizer with the stored state makes the same steps, to the last bit."""
        model = _model()
        optimizer = factory(list(model.parameters()), **self.args)
        _train(model, optimizer, 5)
        again = _model()
        again.load_state_dict(model.state_dict())
        resumed = factory(list(again.parameters()), **self.args)
        resumed.load_state_dict(through_store(optimizer.state_dict()))
        _train(model, optimizer, 5)
        _train(again, resumed, 5)
        for name, weight in model.state_dict().items():
            assert torch.equal(weight, again.state_dict()[name]), f"{name} differs after going on from the state"

    def test_its_arguments_can_be_asked_for(self, factory: Callable[..., Optimizer]) -> None:
        """The signature names every argument, so that one with a typing error is named and not swallowed."""
        accepted = accepted_arguments(factory)
        assert accepted is not None, "the factory takes **anything: give it a __signature__, or name its arguments"
        assert set(self.args) <= accepted

    def test_its_groups_have_a_learning_rate(self, factory: Callable[..., Optimizer]) -> None:
        """Schedulers and logs read `lr` of each group, and it is the one that was given."""
        groups = factory(list(_model().parameters()), **self.args).param_groups
        assert all(float(group["lr"]) == self.args.get("lr", float(group["lr"])) for group in groups)


def _model() -> nn.Module:
    """Two weight matrices and no biases, the same each time."""
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8, bias=False), nn.Tanh(), nn.Linear(8, 2, bias=False))
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.5)
    return model


def _train(model: nn.Module, optimizer: Optimizer, steps: int) -> list[float]:
    """Losses before each step, on the same 32 samples."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(32, 4, generator=generator)
    targets = torch.stack([inputs[:, 0] * inputs[:, 1], inputs[:, 2].sin()], dim=1)
    if hasattr(optimizer, "train"):  # schedule-free optimizers keep two sets of weights
        optimizer.train()
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(inputs), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return losses

"""What an optimizer owes: it learns, and it can be stopped and go on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import nn
from torch.optim import Optimizer

from regtrain.host import Host, Offer
from regtrain.targets import accepted_arguments
from regtrain.testing.offered import Offered
from regtrain.testing.stored import through_store
from regtrain.trainer import DefaultEngine, Trainable
from regtrain.types import EngineSetup, Kind, OptimizerPart

__all__ = ["OptimizerConformance"]


class OptimizerConformance(Offered):
    """An optimizer trains a tiny model, and a second one that loads its state continues bit by bit.

    ```python
    class TestSignum(OptimizerConformance):
        module = "regtrain_signum.optimizer"
        offers = "Signum"
        args = {"lr": 0.01}
    ```

    The model has weight matrices only, so that an optimizer for matrices can be tested too. `steps` is how many it
    gets before its loss must be below where it began.
    """

    kind: ClassVar[Kind] = "optimizers"
    args: ClassVar[Mapping[str, Any]] = {"lr": 0.01}
    steps: ClassVar[int] = 40
    sparse: ClassVar[bool] = False
    """The optimizer takes sparse gradients only."""

    def test_it_learns(self, host: Host, name: str) -> None:
        """The loss on fixed data falls, and stays finite."""
        engine = self._engine(host.offer("optimizers", name))
        losses = _train(engine, self.steps)
        assert all(torch.isfinite(torch.tensor(losses)))
        assert losses[-1] < losses[0]

    def test_it_goes_on_from_its_state(self, host: Host, name: str) -> None:
        """A second optimizer with the stored state makes the same steps, to the last bit."""
        offer = host.offer("optimizers", name)
        engine = self._engine(offer)
        _train(engine, 5)
        resumed = self._engine(offer)
        resumed.load({key: through_store(value) for key, value in engine.state().items()})
        _train(engine, 5)
        _train(resumed, 5)
        expected, found = engine.state()["model"], resumed.state()["model"]
        for parameter, weight in expected.items():
            assert torch.equal(weight, found[parameter]), f"{parameter} differs after resuming from the state"

    def test_evaluation_leaves_no_trace(self, host: Host, name: str) -> None:
        """Evaluating, or saving, between two steps changes none of those that follow."""
        offer = host.offer("optimizers", name)
        plain, watched = self._engine(offer), self._engine(offer)
        for _ in range(4):
            _train(plain, 1)
            _train(watched, 1)
            watched.mode(False)
            watched.state()
        for parameter, weight in plain.state()["model"].items():
            assert torch.equal(weight, watched.state()["model"][parameter])

    def test_its_modes_are_declared(self, host: Host, name: str) -> None:
        """An optimizer that keeps other weights for evaluation has the trait `modes`."""
        offer = host.offer("optimizers", name)
        optimizer = offer.factory(list(_model(self.sparse).parameters()), **self.args)
        assert bool(offer.traits.get("modes")) == (hasattr(optimizer, "train") and hasattr(optimizer, "eval"))

    def _engine(self, offer: Offer) -> DefaultEngine:
        trainable = Trainable(_model(self.sparse), {}, None)
        parameters = [p for p in trainable.parameters() if p.requires_grad]
        part = OptimizerPart("", offer.factory(parameters, **self.args), traits=offer.traits)
        return DefaultEngine(EngineSetup(trainable, lambda: [part], "32", 1, None, DefaultEngine), [part])

    def test_its_arguments_can_be_asked_for(self, factory: Callable[..., Optimizer]) -> None:
        """The signature names every argument, so that one with a typing error is named and not swallowed."""
        accepted = accepted_arguments(factory)
        assert accepted is not None, (
            "the factory takes **anything: give it a __signature__ or __wrapped__, or name its arguments"
        )
        assert set(self.args) <= accepted

    def test_its_groups_have_a_learning_rate(self, factory: Callable[..., Optimizer]) -> None:
        """Schedulers and logs read `lr` of each group, and it is the one that was given."""
        groups = factory(list(_model(self.sparse).parameters()), **self.args).param_groups
        assert all(float(group["lr"]) == self.args.get("lr", float(group["lr"])) for group in groups)


def _model(sparse: bool = False) -> nn.Module:
    """Two weight matrices and no biases, the same each time."""
    generator = torch.Generator().manual_seed(0)
    first = nn.EmbeddingBag(32, 8, sparse=True, mode="sum") if sparse else nn.Linear(4, 8, bias=False)
    model = nn.Sequential(first, nn.Tanh(), nn.Linear(8, 2, bias=False))
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.5)
    if sparse:  # the optimizer takes sparse gradients only
        model[2].requires_grad_(False)
    return model


def _train(engine: DefaultEngine, steps: int) -> list[float]:
    """Losses before each step, on the same 32 samples."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(32, 4, generator=generator)
    targets = torch.stack([inputs[:, 0] * inputs[:, 1], inputs[:, 2].sin()], dim=1)
    if isinstance(engine.model.get_submodule("0"), nn.EmbeddingBag):
        inputs = torch.arange(32).unsqueeze(1)

    def evaluate() -> torch.Tensor:
        engine.zero_grad()
        loss: torch.Tensor = engine.forward(lambda x: nn.functional.mse_loss(engine.model(x), targets), inputs)
        engine.backward(loss)
        return loss.detach()

    engine.mode(True)
    losses = []
    for _ in range(steps):
        losses.append(evaluate().item())
        engine.step(evaluate if engine.needs_closure else None)
    return losses

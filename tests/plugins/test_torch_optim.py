"""The optimizers of torch by name."""

from __future__ import annotations

import inspect
from typing import ClassVar

import pytest
import torch

from regtrain.host import Host
from regtrain.targets import accepted_arguments
from regtrain.testing import OptimizerConformance, PluginConformance, plugin_points
from regtrain_plugins.optimizers import torch_optim

MODULE = "regtrain_plugins.optimizers.torch_optim"
DENSE = [name for name in torch_optim.NAMES if not torch_optim.TRAITS.get(name, {}).get("sparse_gradients")]


class TestPlugin(PluginConformance):
    module = MODULE
    provides: ClassVar = {"optimizers": torch_optim.NAMES}
    without_torch = True


class TestEveryOptimizer(OptimizerConformance):
    module = MODULE
    args: ClassVar = {"lr": 0.01}

    @pytest.fixture(params=DENSE)
    def name(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)


class TestSparseAdam(OptimizerConformance):
    module = MODULE
    offers = "SparseAdam"
    args: ClassVar = {"lr": 0.05}
    sparse = True


@pytest.mark.parametrize(
    ("optimizer", "arguments"),
    [
        ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
        ("AdamW", {"lr": 0.01, "amsgrad": True, "betas": (0.8, 0.99)}),
        ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.9}),
        ("Adadelta", {"lr": 1.0}),
    ],
)
class TestWithArguments(OptimizerConformance):
    """State that only some arguments make: momentum, the largest second moment, the mean gradient."""

    module = MODULE

    @pytest.fixture
    def name(self, optimizer: str, arguments: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> str:
        monkeypatch.setattr(type(self), "args", arguments)
        return optimizer


def test_names_are_those_of_torch() -> None:
    """The list that is spelled out equals the optimizer classes of the installed torch."""
    classes = {name for name, _ in inspect.getmembers(torch.optim, inspect.isclass)}
    concrete = {name for name in classes if issubclass(getattr(torch.optim, name), torch.optim.Optimizer)}
    assert set(torch_optim.NAMES) == concrete - {"Optimizer"}


@pytest.mark.parametrize("name", [name for name in DENSE if name != "LBFGS"])
@pytest.mark.parametrize("spelling", [str.lower, str.upper])
def test_one_step_by_name(name: str, spelling: type[str]) -> None:
    """Any letter case makes the class of torch, and a step changes the weights."""
    factory = Host(plugin_points({"torch": MODULE})).offer("optimizers", spelling(name)).factory
    weight = torch.nn.Parameter(torch.eye(3))
    optimizer = factory([weight], lr=0.1)
    (weight.square().sum() + weight.sum()).backward()
    optimizer.step()
    assert type(optimizer) is getattr(torch.optim, name)
    assert not torch.equal(weight, torch.eye(3))


@pytest.mark.parametrize("name", torch_optim.NAMES)
def test_arguments_are_those_of_the_class(name: str) -> None:
    """What a config may say is exactly what the class takes."""
    signature = inspect.signature(getattr(torch.optim, name))
    assert accepted_arguments(torch_optim.TorchOptimizer(name)) == set(signature.parameters)

"""The models and tasks that ship."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from torch import nn

from regtrain.testing import ModelConformance, PluginConformance, TaskConformance
from regtrain.types import Indexed
from regtrain_plugins.tasks.supervised import classification

MODELS = "regtrain_plugins.models.simple"
TASKS = "regtrain_plugins.tasks.supervised"


class TestModelsPlugin(PluginConformance):
    module = MODELS
    provides: ClassVar = {"models": ["simple_cnn", "mlp"]}
    without_torch = True


class TestTasksPlugin(PluginConformance):
    module = TASKS
    provides: ClassVar = {"tasks": ["classification", "regression"]}
    without_torch = True


class TestSimpleCnn(ModelConformance):
    module = MODELS
    offers = "simple_cnn"
    args: ClassVar = {"width": 4, "in_channels": 2, "num_classes": 3}

    def sample(self) -> torch.Tensor:
        return torch.randn(4, 2, 9, 12, generator=torch.Generator().manual_seed(0))


class TestMlp(ModelConformance):
    module = MODELS
    offers = "mlp"
    args: ClassVar = {"in_features": 12, "out_features": 2, "hidden": [5, 4]}

    def sample(self) -> torch.Tensor:
        return torch.randn(4, 3, 4, generator=torch.Generator().manual_seed(0))


def inputs_and_targets(target: torch.Tensor) -> list[Any]:
    inputs = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    return [[inputs, target], (inputs, target), {"features": inputs, "label": target}, {"x": inputs, "y": target}]


class TestClassification(TaskConformance):
    module = TASKS
    offers = "classification"

    def model(self) -> nn.Module:
        return nn.Linear(6, 3)

    def batches(self) -> list[Any]:
        return inputs_and_targets(torch.tensor([0, 1, 2, 1]))


class TestRegression(TaskConformance):
    module = TASKS
    offers = "regression"

    def model(self) -> nn.Module:
        return nn.Linear(6, 1)

    def batches(self) -> list[Any]:
        return inputs_and_targets(torch.ones(4, 1))


@pytest.mark.parametrize("batch", [torch.zeros(3), (1, 2, 3), {"picture": 1, "label": 2}, {"image": 1}])
def test_an_unknown_batch_is_named(batch: Any) -> None:
    """A batch of another form is refused with what it has and what is wanted."""
    with pytest.raises(ValueError, match="a batch"):
        classification().train_step(nn.Linear(1, 1), nn.MSELoss(), batch)


DECODERS = "regtrain_plugins.models.decoders"
GENERATIVE = "regtrain_plugins.tasks.generative_decoder"


class TestDecodersPlugin(PluginConformance):
    module = DECODERS
    provides: ClassVar = {"models": ["mlp_decoder"]}
    without_torch = True


class TestGenerativePlugin(PluginConformance):
    module = GENERATIVE
    provides: ClassVar = {"tasks": ["dgd"]}
    without_torch = True


class TestMlpDecoder(ModelConformance):
    module = DECODERS
    offers = "mlp_decoder"
    args: ClassVar = {"latent": 3, "shape": [2, 4], "hidden": [5]}

    def sample(self) -> torch.Tensor:
        return torch.randn(4, 3, generator=torch.Generator().manual_seed(0))


class TestGenerativeDecoder(TaskConformance):
    module = GENERATIVE
    offers = "dgd"
    args: ClassVar = {"latent": 3, "fit_steps": 2, "prior": 0.1}

    def model(self) -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 6))

    def batches(self) -> list[Any]:
        images = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
        indices = torch.tensor([1, 7, 0, 3])
        return [
            Indexed([images, torch.zeros(4)], indices),
            Indexed({"image": images}, indices),
            Indexed(images, indices),
        ]

"""Small models to start with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    from torch import nn

    from regtrain.types import Register


def simple_cnn(in_channels: int = 1, num_classes: int = 10, width: int = 16, dropout: float = 0.0) -> nn.Module:
    """Two convolutions and a linear layer: `(batch, in_channels, height, width)` → scores `(batch, num_classes)`."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(in_channels, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(2 * width * 16, num_classes),
    )


def mlp(in_features: int, out_features: int, hidden: Sequence[int] = (64,), dropout: float = 0.0) -> nn.Module:
    """Linear layers with ReLU between: any shape that flattens to `in_features` → `(batch, out_features)`."""
    from torch import nn

    layers: list[nn.Module] = [nn.Flatten()]
    width = in_features
    for size in hidden:
        layers += [nn.Linear(width, size), nn.ReLU(), nn.Dropout(dropout)]
        width = size
    return nn.Sequential(*layers, nn.Linear(width, out_features))


@hookimpl
def regtrain_register_models(register: Register) -> None:
    register("simple_cnn", simple_cnn)
    register("mlp", mlp)

"""Decoders: representations in, data out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    from torch import nn

    from regtrain.types import Register


def mlp_decoder(latent: int = 8, shape: Sequence[int] = (1, 8, 8), hidden: Sequence[int] = (64, 128)) -> nn.Module:
    """Linear layers with ReLU between: `(batch, latent)` → `(batch, *shape)` with numbers in 0..1."""
    from torch import nn

    layers: list[nn.Module] = []
    width, size = latent, 1
    for side in shape:
        size *= side
    for wide in hidden:
        layers += [nn.Linear(width, wide), nn.ReLU()]
        width = wide
    return nn.Sequential(*layers, nn.Linear(width, size), nn.Sigmoid(), nn.Unflatten(1, tuple(shape)))


@hookimpl
def regtrain_register_models(register: Register) -> None:
    register("mlp_decoder", mlp_decoder)

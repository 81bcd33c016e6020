"""Lion: the sign of an interpolation between gradient and momentum.

Chen et al., "Symbolic Discovery of Optimization Algorithms", NeurIPS 2023, https://arxiv.org/abs/2302.06675,
algorithm 2. torch is loaded when an optimizer is made, not when the plugin is imported: `regtrain plugins list` and
`--help` stay quick.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from regtrain.types import Register


def lion(
    params: Iterable[Any], lr: float = 1e-4, betas: tuple[float, float] = (0.9, 0.99), weight_decay: float = 0.0
) -> Optimizer:
    """Every weight moves by `lr` in each step, so that `lr` is 3 to 10 times smaller than Adam's.

    Raises:
        ValueError: `lr` or `weight_decay` is negative, or a beta is not in [0, 1).
    """
    from regtrain_lion.steps import Lion

    return Lion(params, lr, betas, weight_decay)


@hookimpl
def regtrain_register_optimizers(register: Register) -> None:
    register("Lion", lion)

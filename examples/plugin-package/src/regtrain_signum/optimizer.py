"""Signum: the sign of the momentum.

Bernstein et al., "signSGD: Compressed Optimisation for Non-Convex Problems", ICML 2018,
https://arxiv.org/abs/1802.04434, algorithm 2. torch is loaded when an optimizer is made, not when the plugin is
imported: `regtrain plugins list` and `--help` stay quick.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from regtrain.types import Register


def signum(params: Iterable[Any], lr: float = 1e-4, momentum: float = 0.9, weight_decay: float = 0.0) -> Optimizer:
    """Every weight moves by `lr` in each step, so that `lr` is 3 to 10 times smaller than Adam's.

    Raises:
        ValueError: `lr` or `weight_decay` is negative, or `momentum` is not in [0, 1).
    """
    from regtrain_signum.steps import Signum

    return Signum(params, lr, momentum, weight_decay)


@hookimpl
def regtrain_register_optimizers(register: Register) -> None:
    register("Signum", signum)

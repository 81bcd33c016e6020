"""Lion (Chen and others, "Symbolic Discovery of Optimization Algorithms"), from the package lion-pytorch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from regtrain.types import Register


def lion(
    params: Iterable[Any],
    lr: float = 1e-4,
    betas: tuple[float, float] = (0.9, 0.99),
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool = False,
) -> Optimizer:
    """A step of one size for every weight, by the sign of the momentum: a third to a tenth of AdamW's rate suits it."""
    from lion_pytorch import Lion

    made: Optimizer = Lion(
        params, lr=lr, betas=betas, weight_decay=weight_decay, decoupled_weight_decay=decoupled_weight_decay
    )
    return made


@hookimpl
def regtrain_register_optimizers(register: Register) -> None:
    register("Lion", lion, requires="lion-pytorch>=0.2")

"""Errors of predicted numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    import torch

    from regtrain.types import Register


class Regression:
    """Outputs and targets of the same shape; R² is over all numbers together."""

    directions: ClassVar[Mapping[str, Literal["min", "max"]]] = {"mse": "min", "rmse": "min", "mae": "min", "r2": "max"}

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._outputs: list[torch.Tensor] = []
        self._targets: list[torch.Tensor] = []

    def update(self, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        if outputs.shape != targets.shape:
            raise ValueError(f"outputs have shape {tuple(outputs.shape)}, targets {tuple(targets.shape)}")
        self._outputs.append(outputs.detach().double().cpu().flatten())
        self._targets.append(targets.detach().double().cpu().flatten())

    def compute(self) -> dict[str, float]:
        """mse, rmse, mae in the targets' unit (squared for mse), and r2; NaN after an output that is not finite."""
        import torch

        if not self._outputs:
            return {}
        outputs, targets = torch.cat(self._outputs), torch.cat(self._targets)
        if not bool(torch.isfinite(outputs).all()):
            return dict.fromkeys(("mse", "rmse", "mae", "r2"), math.nan)
        mse = (outputs - targets).square().mean().item()
        constant = bool((targets == targets[0]).all())  # exactly: their mean may be off by a rounding error
        spread = (targets - targets.mean()).square().mean().item()
        return {
            "mse": mse,
            "rmse": mse**0.5,
            "mae": (outputs - targets).abs().mean().item(),
            "r2": math.nan if constant or not spread else 1 - mse / spread,  # of constant targets there is none
        }


@hookimpl
def regtrain_register_evaluators(register: Register) -> None:
    register("regression", Regression)

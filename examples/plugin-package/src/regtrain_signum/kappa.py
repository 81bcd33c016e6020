"""Cohen's kappa: how far predicted classes agree with the true ones beyond chance.

Cohen, "A Coefficient of Agreement for Nominal Scales", Educational and Psychological Measurement 20 (1960).
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    import torch

    from regtrain.types import Register


class Kappa:
    """Outputs are scores `(batch, classes)`, targets are class indices `(batch,)`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._pairs: Counter[tuple[int, int]] = Counter()
        self._finite = True

    def update(self, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        self._finite = self._finite and bool(outputs.isfinite().all())
        self._pairs.update(zip(targets.tolist(), outputs.argmax(dim=1).tolist(), strict=True))

    def compute(self) -> dict[str, float]:
        """`kappa` in -1..1 (0 where chance alone explains everything) and `accuracy`; empty when nothing was seen, NaN
        after scores that are not finite."""
        total = self._pairs.total()
        if not total:
            return {}
        if not self._finite:
            return {"kappa": math.nan, "accuracy": math.nan}
        actual: Counter[int] = Counter()
        predicted: Counter[int] = Counter()
        for (one, other), count in self._pairs.items():
            actual[one] += count
            predicted[other] += count
        accuracy = sum(count for (one, other), count in self._pairs.items() if one == other) / total
        chance = sum(actual[label] * predicted[label] for label in actual) / total**2
        kappa = (accuracy - chance) / (1 - chance) if chance < 1 else 0.0
        return {"kappa": kappa, "accuracy": accuracy}


@hookimpl
def regtrain_register_evaluators(register: Register) -> None:
    register("kappa", Kappa)

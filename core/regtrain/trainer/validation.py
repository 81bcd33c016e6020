"""Measuring the model on data that it does not learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

from regtrain.errors import ConfigValueError, brief, nearest
from regtrain.trainer.batches import Batches
from regtrain.trainer.parts import Parts, eval_mode, train_mode
from regtrain.trainer.randomness import restore, snapshot

__all__ = ["Validation", "check_measured"]


class Validation:
    """`forward` is the task's, in the run's number format; `between` is called before each batch and may raise.

    It is handed the state of the random generators from before the validation.
    """

    def __init__(self, parts: Parts, forward: Callable[..., Any], between: Callable[[dict[str, Any]], None]) -> None:
        self._parts = parts
        self._forward = forward
        self._between = between

    def measure(self, batches: Batches) -> dict[str, float]:
        """Mean loss over the samples, and what the evaluator computes, each name with `val/` before it."""
        return self._measure(batches.epoch(0), batches, self._between)

    def rehearse(self) -> None:
        """One batch, before anything is trained: what would only fail after the first epoch fails now.

        Leaves no trace: the random generators are put back, and nothing is recorded.

        Raises:
            ConfigValueError: the evaluator cannot take what the model returns, or a metric that was asked for is not
                measured.
        """
        parts, settings = self._parts, self._parts.settings
        if parts.val is None:
            return
        before = snapshot()
        metrics = self._measure([parts.val.first()], parts.val, lambda _: None)
        check_measured([m for m in settings.monitored if m.startswith("val/")], metrics)
        check_measured([f"val/{name}" for name in settings.metrics or ()], metrics)
        restore(before)

    def _measure(
        self, fetched: Iterable[Any], batches: Batches, between: Callable[[dict[str, Any]], None]
    ) -> dict[str, float]:
        parts, total, samples = self._parts, 0.0, 0
        before = snapshot()
        if parts.evaluator:
            parts.evaluator.reset()
        eval_mode(parts)
        try:
            with torch.no_grad():
                for number, batch in enumerate(fetched):
                    between(before)
                    on_device = parts.strategy.to_device(batch)
                    loss, outputs, targets = self._forward(parts.model, parts.criterion, on_device)
                    total += loss.item() * batches.size_of(number)
                    samples += batches.size_of(number)
                    self._evaluate(outputs, targets)
        finally:
            train_mode(parts)
        metrics = {"val/loss": total / samples}
        if parts.evaluator:
            metrics.update({f"val/{name}": float(value) for name, value in parts.evaluator.compute().items()})
        return metrics

    def _evaluate(self, outputs: Any, targets: Any) -> None:
        """Hand one batch to the evaluator.

        Raises:
            ConfigValueError: it cannot take what the model returns.
        """
        evaluator = self._parts.evaluator
        if evaluator is None:
            return
        try:
            evaluator.update(outputs, targets)
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as problem:
            raise ConfigValueError(
                f"evaluator {type(evaluator).__name__} cannot take what the model returns: {brief(problem)}",
                "name another one with evaluation.evaluator.name; `none` measures the loss alone",
            ) from problem


def check_measured(wanted: Sequence[str], measured: dict[str, float]) -> None:
    """A metric that decides something, or was asked for, must be one that is measured.

    Raises:
        ConfigValueError: it is not; those that are measured are offered.
    """
    for metric in wanted:
        if metric not in measured:
            near = nearest(metric, measured) or sorted(measured)
            raise ConfigValueError(
                f"metric {metric!r} is to be watched and is not measured", f"measured: {', '.join(near)}"
            )

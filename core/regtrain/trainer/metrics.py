"""Losses and what tasks log, as weighted means over the samples since the last record."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from regtrain.errors import ConfigValueError
from regtrain.types import StepOutput, Strategy

__all__ = ["RESERVED", "Running", "check_names", "means", "scalar", "unfolded"]

RESERVED = ("loss", "lr", "grad_norm")


def unfolded(output: StepOutput) -> StepOutput:
    """A mapping of losses as one loss, each of them logged.

    Raises:
        ConfigValueError: a name that the trainer logs itself.
    """
    losses: Mapping[str, Any] = output.loss
    total = losses["loss"] if "loss" in losses else sum(losses.values())
    named = {name: value for name, value in losses.items() if name != "loss"}
    return output._replace(loss=total, logs={**named, **(output.logs or {})})


def check_names(names: Any, origin: str) -> None:
    """Refuse names that the trainer logs itself.

    Raises:
        ConfigValueError: it would write over the trainer's own value.
    """
    for name in names:
        if name in RESERVED or str(name).startswith("lr/"):
            raise ConfigValueError(
                f"{origin} measures {name!r}, which is what the trainer calls its own value", "give it another name"
            )


def scalar(value: Any) -> torch.Tensor:
    """One number of a log, apart from the graph that it was computed in."""
    return value.detach().reshape(()) if isinstance(value, torch.Tensor) else torch.tensor(float(value))


class Running:
    """Sums of losses and logs. Values stay on their device until they are flushed, in one go."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self._alone = strategy.place.world_size == 1
        self._losses: list[torch.Tensor] = []
        self._weights: list[float] = []
        self._logs: list[Mapping[str, Any]] = []
        self.add_loss, self.add_weight = self._losses.append, self._weights.append
        self.last = 0.0

    def add_logs(self, logs: Mapping[str, Any]) -> None:
        self._logs.append({name: scalar(value) for name, value in logs.items()})

    def flush(self, sums: dict[str, list[float]]) -> None:
        """Add to `sums` (name → sum and weight) in the order of the batches in all processes. Collective."""
        if not self._losses:
            return
        if self._alone and not self._logs:
            self._flush_alone(sums)
            return
        names = list(self._logs[0]) if self._logs else []
        rows = [torch.stack(self._losses).reshape(len(self._losses)).float()]
        rows += [torch.stack([logs[name] for logs in self._logs]).to(rows[0]) for name in names]
        weights = torch.tensor(self._weights, dtype=torch.float64)
        own = torch.stack([row.double().cpu() for row in rows] + [weights])
        self._clear()
        shared = torch.stack(self._strategy.gather(own), dim=-1)  # names × batches × processes
        *named, weight = shared.flatten(1).tolist()
        for name, row in zip(["loss", *names], named, strict=True):
            last = _add(sums, name, row, weight)
            if name == "loss" and last is not None:
                self.last = last

    def _flush_alone(self, sums: dict[str, list[float]]) -> None:
        """The usual case, at every step where each is logged."""
        losses = self._losses
        if len(losses) == 1:
            values = [losses[0].item()]
            losses.clear()
        else:
            values = torch.stack(losses).flatten().tolist()
            losses.clear()
        total = sums.setdefault("loss", [0.0, 0.0])
        for value, weight in zip(values, self._weights, strict=True):
            total[0] += value * weight
            total[1] += weight
        self._weights.clear()
        self.last = values[-1]

    def _clear(self) -> None:
        self._losses.clear()
        self._weights.clear()
        self._logs.clear()


def _add(sums: dict[str, list[float]], name: str, values: Sequence[float], weights: Sequence[float]) -> float | None:
    """The last value that weighs anything."""
    total, last = sums.setdefault(name, [0.0, 0.0]), None
    for value, weight in zip(values, weights, strict=True):
        if weight:
            total[0] += value * weight
            total[1] += weight
            last = value
    return last


def means(sums: Mapping[str, list[float]]) -> dict[str, float]:
    """Name → weighted mean."""
    return {name: total / weight if weight else math.nan for name, (total, weight) in sums.items()}

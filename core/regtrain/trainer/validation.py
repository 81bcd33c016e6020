"""Measuring the model on data that it does not learn from, shared out among the processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch

from regtrain.errors import ConfigValueError, brief, nearest
from regtrain.trainer.batches import Batches
from regtrain.trainer.metrics import check_names, means, scalar, unfolded
from regtrain.trainer.randomness import snapshot
from regtrain.types import Evaluator, StepOutput, Strategy, Task

__all__ = ["Forward", "Measured", "Validation", "check_measured", "overrides"]

Stop = Callable[[dict[str, Any]], None]


class Forward(Protocol):
    """The half of an engine that a validation needs."""

    def mode(self, training: bool) -> Any: ...
    def forward(self, function: Callable[..., Any], *args: Any) -> Any: ...


class Measured(Protocol):
    """The parts of a run that are needed to measure its model: `Parts` of a training, or those of a trained model."""

    @property
    def engine(self) -> Forward: ...
    @property
    def model(self) -> Any: ...
    @property
    def task(self) -> Task: ...
    @property
    def criterion(self) -> Callable[..., Any]: ...
    @property
    def evaluator(self) -> Evaluator | None: ...
    @property
    def strategy(self) -> Strategy: ...


class Validation:
    """Losses, logs and the evaluator's metrics. Every sample counts once, in one order for all processes.

    Args:
        stop: called with the state of the random generators from before the validation when a stop was requested in
            any process; it saves and raises.
        requested: whether this process was asked to stop.
    """

    def __init__(self, parts: Measured, requested: Callable[[], bool], stop: Stop) -> None:
        self._parts = parts
        self._requested = requested
        self._stop = stop
        self._fits = overrides(parts.task, "before_eval")

    def measure(self, batches: Batches) -> dict[str, float]:
        """Each name with `val/` before it. Collective; the same in all processes."""
        before = snapshot()
        world = self._parts.strategy.place.world_size

        def outputs() -> Iterator[tuple[int, StepOutput]]:
            for number, output in self._outputs(batches.epoch(0), batches.own(0)):
                if world == 1 and self._requested():
                    self._stop(before)
                yield number, output

        found = outputs() if world == 1 else self._gathered(outputs(), -(-len(batches) // world), before)
        return self._measured(lambda: batches.epoch(0), found, batches)

    def measure_one(self, batches: Batches) -> dict[str, float]:
        """The first batch, in each process by itself."""
        first = batches.fetch()
        return self._measured(lambda: [first], self._outputs([first], [(0, ())]), batches, shared=False)

    def _measured(
        self,
        fetch: Callable[[], Iterable[Any]],
        found: Iterator[tuple[int, StepOutput]],
        batches: Batches,
        *,
        shared: bool = True,
    ) -> dict[str, float]:
        parts = self._parts
        main = parts.strategy.place.is_main or not shared
        if parts.evaluator and main:
            parts.evaluator.reset()
        sums: dict[str, list[float]] = {}
        parts.engine.mode(False)
        try:
            if self._fits:
                with torch.enable_grad():
                    parts.task.before_eval(parts.model, map(parts.strategy.to_device, fetch()))
            with torch.no_grad():
                for number, output in found:
                    _add(sums, output, batches.size_of(number))
                    if main:
                        self._evaluate(output)
        finally:
            parts.engine.mode(True)
        metrics = self._computed(sums) if main else {}
        return parts.strategy.broadcast(metrics) if shared else metrics

    def _outputs(self, fetched: Iterable[Any], numbered: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, StepOutput]]:
        """What the task makes of each batch of this process."""
        parts = self._parts
        for batch, (number, _) in zip(fetched, numbered, strict=False):
            output = parts.engine.forward(
                parts.task.eval_step, parts.model, parts.criterion, parts.strategy.to_device(batch)
            )
            yield number, unfolded(output) if isinstance(output.loss, dict) else output

    def _gathered(
        self, own: Iterator[tuple[int, StepOutput]], rounds: int, before: dict[str, Any]
    ) -> Iterator[tuple[int, StepOutput]]:
        """The outputs of all processes in the order of the batches; a process may have none left in the last round."""
        for _ in range(rounds):
            mine = next(own, None)
            payload = None if mine is None else (mine[0], self._portable(mine[1]))
            answers = self._parts.strategy.gather((self._requested(), payload))
            if any(requested for requested, _ in answers):
                self._stop(before)
            yield from (answer for _, answer in answers if answer is not None)

    def _portable(self, output: StepOutput) -> StepOutput:
        """Values on the CPU; predictions only where they are evaluated."""
        logs = {name: scalar(value).cpu() for name, value in (output.logs or {}).items()}
        evaluated = self._parts.evaluator is not None
        outputs, targets = (_on_cpu(output.outputs), _on_cpu(output.targets)) if evaluated else (None, None)
        return StepOutput(scalar(output.loss).cpu(), outputs, targets, output.weight, logs)

    def _computed(self, sums: dict[str, list[float]]) -> dict[str, float]:
        metrics, evaluator = means(sums), self._parts.evaluator
        if evaluator:
            computed = _computed_numbers(evaluator)
            check_names(computed, f"evaluator {type(evaluator).__name__}")
            twice = sorted(metrics.keys() & computed)
            if twice:
                name = type(evaluator).__name__
                raise ConfigValueError(
                    f"{twice[0]!r} is logged by the task or the loss and measured by evaluator {name}",
                    "give one of them another name",
                )
            metrics |= computed
        return {f"val/{name}": value for name, value in metrics.items()}

    def _evaluate(self, output: StepOutput) -> None:
        """Hand one batch to the evaluator.

        Raises:
            ConfigValueError: it cannot take what the model returns.
        """
        evaluator = self._parts.evaluator
        if evaluator is None:
            return
        try:
            evaluator.update(output.outputs, output.targets)
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as problem:
            raise ConfigValueError(
                f"evaluator {type(evaluator).__name__} cannot take what the model returns: {brief(problem)}",
                "name another one with evaluation.evaluator.name; `none` measures the loss alone",
            ) from problem


def _computed_numbers(evaluator: Evaluator) -> dict[str, float]:
    """Raises ConfigValueError where an evaluator computes something else than one number for each name."""
    computed, name = evaluator.compute(), type(evaluator).__name__
    if not isinstance(computed, Mapping):
        raise ConfigValueError(
            f"evaluator {name} computed a {type(computed).__name__}", "return a mapping of names to numbers"
        )
    numbers = {}
    for key, value in computed.items():
        if isinstance(value, torch.Tensor) and value.numel() != 1:
            raise ConfigValueError(
                f"evaluator {name} computed {value.numel()} values for {key!r}", "return one number for each name"
            )
        try:
            numbers[str(key)] = float(value)
        except (TypeError, ValueError):
            raise ConfigValueError(
                f"evaluator {name} computed a {type(value).__name__} for {key!r}", "return a number, or leave it out"
            ) from None
    return numbers


def overrides(task: Task, method: str) -> bool:
    """Whether a task has a method of its own: one that a class inherits from `Task` does nothing."""
    found = getattr(type(task), method, None)
    return found is not None and found is not getattr(Task, method)


def _add(sums: dict[str, list[float]], output: StepOutput, size: int) -> None:
    weight = size if output.weight is None else output.weight
    for name, value in {"loss": output.loss, **(output.logs or {})}.items():
        total = sums.setdefault(name, [0.0, 0.0])
        total[0] += float(value) * weight
        total[1] += weight


def _on_cpu(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, dict):
        return {key: _on_cpu(item) for key, item in value.items()}
    if hasattr(value, "_fields"):
        return type(value)(*map(_on_cpu, value))
    if isinstance(value, list | tuple):
        return type(value)([_on_cpu(item) for item in value])
    return value


def check_measured(wanted: Sequence[str], measured: dict[str, float]) -> None:
    """A metric that decides something, or was asked for, must be one that is measured.

    Raises:
        ConfigValueError: it is not; those that are measured are offered.
    """
    for metric in wanted:
        if metric not in measured:
            near = nearest(metric, measured) or sorted(measured)
            raise ConfigValueError(
                f"metric {metric!r} is to be monitored and is not measured", f"measured: {', '.join(near)}"
            )

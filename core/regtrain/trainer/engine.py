"""The default engine: one process, or one of several that a wrapper around the modules keeps alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from regtrain.errors import ConfigValueError
from regtrain.trainer.components import Trainable
from regtrain.trainer.gradients import total_norm
from regtrain.trainer.precision import Precision
from regtrain.types import EngineSetup, OptimizerPart, StepReport

__all__ = ["DefaultEngine", "plateau"]

UNMEASURED = StepReport()


class DefaultEngine:
    """Owns model, optimizers and number format.

    Args:
        call: what runs a function over the modules; the function itself in one process.
        no_sync: a context in which a forward pass leads to gradients that stay in this process.
        before_eval: called before the modules are evaluated; makes the buffers of all processes alike.
    """

    def __init__(
        self,
        setup: EngineSetup,
        parts: Sequence[OptimizerPart],
        *,
        call: Callable[..., Any] | None = None,
        no_sync: Callable[[], AbstractContextManager[Any]] = nullcontext,
        before_eval: Callable[[], None] | None = None,
    ) -> None:
        assert isinstance(setup.trainable, Trainable)
        self.trainable: nn.Module = setup.trainable
        self.model: nn.Module = setup.trainable.model
        self.parts: Sequence[OptimizerPart] = list(parts)
        self.precision = Precision(setup.precision, next(setup.trainable.parameters()).device)
        schedulers = {part.name: part.scheduler for part in self.parts if part.scheduler}
        self.schedulers_as_made: dict[str, Any] = {n: deepcopy(s.state_dict()) for n, s in schedulers.items()}
        self._others = setup.trainable.others
        self._call = call
        self._no_sync = no_sync
        self._before_eval = before_eval
        self._clip = setup.clip
        self._optimizers = [part.optimizer for part in self.parts]
        self._parameters = [p for p in setup.trainable.parameters() if p.requires_grad]
        self._per_step = {p.name: p.scheduler for p in self.parts if p.scheduler and p.interval == "step"}
        self._rates = [
            (part.name if len(part.optimizer.param_groups) == 1 else f"{part.name}/{n}".strip("/"), part.optimizer, n)
            for part in self.parts
            for n in range(len(part.optimizer.param_groups))
        ]
        self._modal = [part for part in self.parts if part.traits.get("modes")]
        self._modal_training = False
        self._training_weights: dict[str, list[torch.Tensor]] = {}
        self._check_closures()

    def _check_closures(self) -> None:
        closures = [part for part in self.parts if part.traits.get("closure")]
        self.needs_closure = bool(closures)
        if closures and len(self.parts) > 1:
            raise ConfigValueError(
                f"optimizer.groups: {closures[0].name!r} evaluates the loss several times a step, "
                "which cannot be done beside other optimizers",
                "give it all parameters, or choose another optimizer for this component",
            )
        if closures and self.precision.scales:
            raise ConfigValueError(
                f"{type(closures[0].optimizer).__name__} evaluates the loss several times a step, "
                "which float16 with gradient scaling does not allow",
                "choose training.precision: 32 or bf16-mixed",
            )

    def forward(self, function: Callable[..., Any], *args: Any, last: bool = True) -> Any:
        run = self.precision.run
        if self._call is None or not torch.is_grad_enabled():
            return run(function, *args) if run else function(*args)
        with nullcontext() if last else self._no_sync():
            return self._call(run, function, *args) if run else self._call(function, *args)

    def backward(self, loss: torch.Tensor, *, last: bool = True) -> None:
        self.precision.backward(loss)

    def step(self, closure: Callable[[], torch.Tensor] | None = None, *, measure: bool = False) -> StepReport:
        if closure is not None:
            return self._step_with(closure, measure)
        if self.precision.scales:
            return self._step_scaled(measure)
        norm = total_norm(self._parameters, self._clip) if self._clip or measure else None
        for optimizer in self._optimizers:
            optimizer.step()
            optimizer.zero_grad()
        for scheduler in self._per_step.values():
            scheduler.step()
        return UNMEASURED if norm is None else StepReport(norm)

    def _step_scaled(self, measure: bool) -> StepReport:
        """With float16 a step may be skipped, and the schedule of its optimizer with it."""
        norm = None
        if self._clip or measure:
            self.precision.unscale(self._optimizers)
            norm = total_norm(self._parameters, self._clip)
        done = dict(zip((part.name for part in self.parts), self.precision.step(self._optimizers), strict=True))
        self.zero_grad()
        for name, scheduler in self._per_step.items():
            if done[name]:
                scheduler.step()
        return StepReport(norm, skipped=not all(done.values()))

    def _step_with(self, closure: Callable[[], torch.Tensor], measure: bool) -> StepReport:
        (optimizer,) = self._optimizers
        norms: list[torch.Tensor] = []

        def evaluated() -> torch.Tensor:
            loss = closure()
            if self._clip or (measure and not norms):
                norms.append(total_norm(self._parameters, self._clip))
            return loss

        optimizer.step(evaluated)  # type: ignore[arg-type]
        optimizer.zero_grad()
        for scheduler in self._per_step.values():
            scheduler.step()
        return StepReport(norms[0] if norms else None)

    def zero_grad(self) -> None:
        for optimizer in self._optimizers:
            optimizer.zero_grad()

    def end_epoch(self, metrics: Mapping[str, float]) -> None:
        for part in self.parts:
            if part.scheduler is None or part.interval == "step":
                continue
            if part.monitor is None:
                part.scheduler.step()
            elif part.monitor in metrics:
                part.scheduler.step(metrics[part.monitor])  # type: ignore[arg-type]

    def rates(self) -> dict[str, float]:
        return {name: float(optimizer.param_groups[number]["lr"]) for name, optimizer, number in self._rates}

    def mode(self, training: bool) -> None:
        if not training and self._before_eval:
            self._before_eval()
        self.trainable.train(training)
        self._set_optimizers(training)

    def _set_optimizers(self, training: bool) -> None:
        """Optimizers with modes swap the weights. Going there and back rounds, so that the weights of training are kept
        meanwhile and put back bit for bit."""
        if not self._modal or training == self._modal_training:
            return
        self._modal_training = training
        for part in self._modal:
            optimizer: Any = part.optimizer
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            if training:
                optimizer.train()
                kept = self._training_weights.pop(part.name, None)
                if kept:
                    with torch.no_grad():
                        torch._foreach_copy_(parameters, kept)
            else:
                self._training_weights[part.name] = [p.detach().clone() for p in parameters]
                optimizer.eval()

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Weights as they are evaluated, and afterwards as they are trained."""
        before = self._modal_training
        self._set_optimizers(False)
        try:
            yield
        finally:
            self._set_optimizers(before)

    def state(self) -> dict[str, Any]:
        with self.evaluating():
            named = uncompiled(self.model).state_dict()
            tensors = {name: value.detach() for name, value in named.items() if isinstance(value, torch.Tensor)}
            if self._modal:  # the weights are about to change back
                tensors = {name: value.clone() for name, value in tensors.items()}
            return {
                "model": tensors,
                "model_extra": {name: value for name, value in named.items() if name not in tensors},
                "modules": {name: _copied(m.state_dict(), bool(self._modal)) for name, m in self._others.items()},
                "optimizers": {part.name: part.optimizer.state_dict() for part in self.parts},
                "schedulers": {part.name: part.scheduler.state_dict() for part in self.parts if part.scheduler},
                "schedulers_as_made": self.schedulers_as_made,
                "training_weights": {name: list(kept) for name, kept in self._training_weights.items()},
                "precision": self.precision.state_dict(),
                "part_types": self.part_types,
            }

    @property
    def part_types(self) -> dict[str, str]:
        """Classes whose state another class would load without an error."""
        types = {}
        for part in self.parts:
            types[f"optimizer {part.name}".strip()] = type(part.optimizer).__name__
            if part.scheduler:
                types[f"scheduler {part.name}".strip()] = _type_of(part.scheduler)
        return types

    def load(self, state: Mapping[str, Any]) -> None:
        uncompiled(self.model).load_state_dict({**state["model"], **state["model_extra"]})
        for name, module in self._others.items():
            module.load_state_dict(state["modules"].get(name, {}))
        for part in self.parts:
            part.optimizer.load_state_dict(state["optimizers"][part.name])
            if part.scheduler and part.name in state["schedulers"]:
                part.scheduler.load_state_dict(state["schedulers"][part.name])
                self.schedulers_as_made[part.name] = state["schedulers_as_made"][part.name]
        self._training_weights = {name: list(kept) for name, kept in state["training_weights"].items()}
        self._modal_training = False
        self.precision.load_state_dict(state["precision"])


def uncompiled(model: nn.Module) -> nn.Module:
    """The module that torch.compile wrapped, whose names have no prefix."""
    inner = getattr(model, "_orig_mod", model)
    return inner if isinstance(inner, nn.Module) else model


def _copied(state: dict[str, Any], copy: bool) -> dict[str, Any]:
    return {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in state.items()} if copy else dict(state)


def _type_of(scheduler: Any) -> str:
    """The class of a scheduler, and of those that it is made of, which load their state by position."""
    inner = getattr(scheduler, "_schedulers", ())
    return type(scheduler).__name__ + (f"({', '.join(map(_type_of, inner))})" if inner else "")


def plateau(scheduler: LRScheduler | None) -> ReduceLROnPlateau | None:
    """The scheduler, where it compares a metric with the best so far."""
    return scheduler if isinstance(scheduler, ReduceLROnPlateau) else None

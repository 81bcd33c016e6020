"""Optimizers and their schedules: one of each, or one for each component."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from regtrain.errors import ConfigValueError, nearest
from regtrain.host import Offer
from regtrain.job.making import Job, make
from regtrain.targets import accepted_arguments
from regtrain.trainer import Trainable, assign
from regtrain.types import OptimizerPart, Schedule, chosen
from regtrain.types.config import OptimizerGroup, Scheduler

__all__ = ["build_optimizers", "followed_metrics"]


@dataclass(frozen=True)
class _Component:
    """What the config says about the optimizer of a component; `key` is where it says so."""

    name: str
    key: str
    optimizer: str
    lr: float | None
    args: Mapping[str, Any]
    scheduler: Scheduler | None


def _components(job: Job) -> list[_Component]:
    """Those of the config's groups, or the only one. What a group leaves out is that of the whole section."""
    keys, common = job.config.optimizer, job.config.scheduler
    if not keys.groups:
        return [_Component("", "optimizer", job.plan.optimizer, keys.lr, keys.args, common)]
    return [_of_group(job, name, group) for name, group in keys.groups.items()]


def _of_group(job: Job, name: str, group: OptimizerGroup) -> _Component:
    keys = job.config.optimizer
    own = group.name is not None and group.name.lower() != job.plan.optimizer.lower()
    return _Component(
        name,
        f"optimizer.groups.{name}",
        group.name or job.plan.optimizer,
        keys.lr if group.lr is None else group.lr,
        # arguments of another optimizer say nothing about this one
        group.args if own else {**keys.args, **group.args},
        group.scheduler or job.config.scheduler,
    )


def build_optimizers(job: Job, trainable: Trainable, role: str, schedule: Schedule, val: bool) -> list[OptimizerPart]:
    """One part for each component; every parameter belongs to exactly one.

    Args:
        role: what the model is called among the components.
        val: whether there are validation data.

    Raises:
        ConfigValueError: a pattern does not fit the parameters, or an argument does not fit the optimizer.
    """
    components = _components(job)
    if components[0].name or len(components) > 1:
        assigned = assign([component.name for component in components], trainable, role)
    else:
        assigned = {"": trainable.named()}
    parts = []
    for component in components:
        parameters = assigned[component.name]
        offer = job.host.offer("optimizers", component.optimizer)
        optimizer = _optimizer(job, component, offer, list(parameters.values()))
        part = OptimizerPart(component.name, optimizer, traits=offer.traits)
        if component.scheduler:
            _add_schedule(job, part, component, schedule, val)
        parts.append(part)
    return parts


def _optimizer(job: Job, component: _Component, offer: Offer, parameters: Sequence[nn.Parameter]) -> Optimizer:
    """Arguments that the optimizer does not take are named and left out; with `optimizer.strict` they are an error."""
    args = dict(component.args)
    accepted = accepted_arguments(offer.factory)
    for unknown in [key for key in args if accepted is not None and key not in accepted]:
        near = nearest(unknown, accepted or ())
        line = f"{component.key}.{unknown}: {offer.name} takes no {unknown!r}"
        line += f"; nearest: {', '.join(near)}" if near else ""
        if job.config.optimizer.strict:
            raise ConfigValueError(line, f"it takes: {', '.join(sorted((accepted or set()) - {'params'}))}")
        job.log.warning("%s; left out", line)
        del args[unknown]
    if component.lr is not None:
        args["lr"] = component.lr

    def with_parameters(**rest: Any) -> Optimizer:
        return cast("Optimizer", offer.factory(parameters, **_tuples(rest)))

    return cast("Optimizer", make(with_parameters, args, f"optimizer {offer.name}", component.key))


def _tuples(args: dict[str, Any]) -> dict[str, Any]:
    """YAML has lists where torch wants tuples (`betas`)."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in args.items()}


def _add_schedule(job: Job, part: OptimizerPart, component: _Component, schedule: Schedule, val: bool) -> None:
    keys = component.scheduler
    assert keys is not None
    offer = job.host.offer("schedulers", chosen(keys.name))
    part.interval, part.scheduler_traits = _interval(keys, offer), offer.traits
    part.monitor = (
        (keys.monitor or ("val/loss" if val else "train/loss")) if offer.traits.get("follows_metric") else None
    )
    part.scheduler = _scheduler(keys, offer, part.optimizer, replace(schedule, interval=part.interval))


def _interval(keys: Scheduler, offer: Offer) -> Literal["epoch", "step"]:
    by_step = offer.traits.get("interval") == "step" or bool(keys.warmup_steps)
    return keys.interval or ("step" if by_step else "epoch")


def _scheduler(keys: Scheduler, offer: Offer, optimizer: Optimizer, schedule: Schedule) -> LRScheduler:
    extra = {"warmup_epochs": keys.warmup_epochs, "warmup_steps": keys.warmup_steps, "min_lr": keys.min_lr}
    args = {**keys.args, **{key: value for key, value in extra.items() if value is not None}}
    factory: Callable[..., Any] = offer.factory
    with warnings.catch_warnings():
        # SequentialLR steps its parts while it is made, before the optimizer has made a step
        warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
        made = make(lambda **rest: factory(optimizer, schedule, **rest), args, f"scheduler {offer.name}", "scheduler")
    return cast("LRScheduler", made)


def followed_metrics(parts: Sequence[OptimizerPart]) -> list[str]:
    """Metrics that a schedule goes by."""
    return [part.monitor for part in parts if part.monitor is not None]

"""Every scheduler of torch.optim.lr_scheduler that a config can describe, and the short names step, cosine, plateau."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from regtrain.types import Plan, Register, Schedule

__all__ = ["NAMES"]

# Spelled out, so that names are known without loading torch; a test holds the list against torch itself.
NAMES = (
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
)
SHORT = {"step": "StepLR", "cosine": "CosineAnnealingLR", "plateau": "ReduceLROnPlateau"}
NO_WARMUP = {
    "ChainedScheduler": "put a LinearLR among its schedulers",
    "OneCycleLR": "its cycle begins with one; pct_start says how long",
    "ReduceLROnPlateau": "it follows a metric",
    "SequentialLR": "put a LinearLR before the others",
}
TRAITS = {
    "OneCycleLR": {"interval": "step", "fixed_length": True},
    "ReduceLROnPlateau": {"interval": "epoch", "follows_metric": True},
}
TAKES_FUNCTION = {"lambdalr": "LambdaLR", "multiplicativelr": "MultiplicativeLR"}


def _class(name: str) -> Callable[..., Any]:
    import torch

    found: Callable[..., Any] = getattr(torch.optim.lr_scheduler, SHORT.get(name, name))
    return found


def _filled(name: str, schedule: Schedule, warmup: int, args: dict[str, Any]) -> dict[str, Any]:
    """What follows from the length of the run and need not be said; `warmup` in scheduler steps."""
    min_lr = args.pop("min_lr", None)
    rest = max(1, schedule.length - warmup)
    name = SHORT.get(name, name)
    if name == "StepLR":
        args.setdefault("step_size", max(1, rest // 3))
    elif name == "OneCycleLR" and "epochs" not in args:
        args.setdefault("total_steps", schedule.total_steps)
    elif name == "CosineAnnealingLR":
        args.setdefault("T_max", rest)
        if min_lr is not None:
            args.setdefault("eta_min", min_lr)
    elif name == "ReduceLROnPlateau" and min_lr is not None:
        args.setdefault("min_lr", min_lr)
    elif min_lr is not None:
        raise ValueError(f"{name} takes no min_lr; cosine and plateau do")
    return args


def _nested(optimizer: Optimizer, schedule: Schedule, args: dict[str, Any]) -> dict[str, Any]:
    """Build the `schedulers` of SequentialLR and ChainedScheduler, each a mapping with a name."""
    parts = args.get("schedulers")
    if not isinstance(parts, list) or not all(isinstance(part, dict) and "name" in part for part in parts):
        raise ValueError("`schedulers` must be a list of mappings, each with a name and its arguments")
    by_name = {name.lower(): name for name in (*NAMES, *SHORT)}
    made = []
    for part in parts:
        name = by_name.get(str(part["name"]).lower())
        if name is None:
            raise ValueError(f"`schedulers` names {part['name']!r}; there are: {', '.join(NAMES)}")
        made.append(_factory(name)(optimizer, schedule, **{k: v for k, v in part.items() if k != "name"}))
    return {**args, "schedulers": made}


def _factory(name: str) -> Callable[..., LRScheduler]:
    def make(optimizer: Optimizer, schedule: Schedule, **args: Any) -> LRScheduler:
        warmup = _warmup(schedule, args)
        if warmup and SHORT.get(name, name) in NO_WARMUP:
            raise ValueError(f"{SHORT.get(name, name)} takes no warm-up: {NO_WARMUP[SHORT.get(name, name)]}")
        if name == "SequentialLR":
            return _class(name)(optimizer, **_nested(optimizer, schedule, args))  # type: ignore[no-any-return]
        if name == "ChainedScheduler":
            return _class(name)(**_nested(optimizer, schedule, args), optimizer=optimizer)  # type: ignore[no-any-return]
        main = _class(name)(optimizer, **_filled(name, schedule, warmup, dict(args)))
        if not warmup:
            return main  # type: ignore[no-any-return]
        ramp = _class("LinearLR")(optimizer, start_factor=1 / (warmup + 1), total_iters=warmup)
        return _class("SequentialLR")(optimizer, schedulers=[ramp, main], milestones=[warmup])  # type: ignore[no-any-return]

    return make


def _warmup(schedule: Schedule, args: dict[str, Any]) -> int:
    """Length of the warm-up in scheduler steps; takes its keys out of `args`."""
    epochs, steps = args.pop("warmup_epochs", None), args.pop("warmup_steps", None)
    if epochs and steps:
        raise ValueError("give warmup_epochs or warmup_steps, not both")
    if schedule.interval == "step":
        return int(steps or (epochs or 0) * schedule.steps_per_epoch)
    if steps:
        raise ValueError("warmup_steps needs `interval: step`")
    return int(epochs or 0)


@hookimpl
def regtrain_register_schedulers(register: Register) -> None:
    for name in (*NAMES, *SHORT):
        register(name, _factory(name), traits=TRAITS.get(SHORT.get(name, name)))


@hookimpl
def regtrain_run_planned(plan: Plan) -> None:
    scheduler = plan.config.scheduler
    if not scheduler:
        return
    for name in _named({"name": scheduler.name, "args": scheduler.args}):
        if name in TAKES_FUNCTION:
            raise ValueError(
                f"{TAKES_FUNCTION[name]} takes a function, which a config cannot hold; take a scheduler with numbers"
            )
        if name == "onecyclelr" and scheduler.interval != "step":
            raise ValueError("OneCycleLR counts optimizer steps: set `scheduler.interval: step`")
        if name in ("plateau", "reducelronplateau") and scheduler.interval == "step":
            raise ValueError("ReduceLROnPlateau follows a validation: set `scheduler.interval: epoch`")


def _named(scheduler: Mapping[str, Any]) -> Iterator[str]:
    """The scheduler's name and those of its parts, in lower case."""
    yield str(scheduler.get("name") or "").lower()
    parts = scheduler.get("args", scheduler).get("schedulers")
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, Mapping):
            yield from _named(part)

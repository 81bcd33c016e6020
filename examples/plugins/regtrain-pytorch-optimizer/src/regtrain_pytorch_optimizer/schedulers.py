"""Schedulers of pytorch_optimizer; lengths and learning rate follow from the run where they are left out.

Its `linear`, `poly` and `cosine` with warm-up are not offered: they have no state that a resumed run could go on from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from regtrain.types import Register, Schedule

REQUIRES = "pytorch-optimizer>=4.1"


def rex(optimizer: Optimizer, schedule: Schedule, min_lr: float = 0.0, max_lr: float | None = None) -> LRScheduler:
    """Reflected exponential decay from `max_lr`, or the optimizer's rate, to `min_lr` (Chen and others 2022)."""
    from pytorch_optimizer.lr_scheduler import REXScheduler

    highest = _rate(optimizer) if max_lr is None else max_lr
    made: LRScheduler = REXScheduler(optimizer, schedule.length + 1, highest, min_lr)
    made.step()  # it is made with the lowest rate
    return made


def warmup_stable_decay(
    optimizer: Optimizer,
    schedule: Schedule,
    warmup: float = 0.1,
    decay: float = 0.2,
    min_lr_ratio: float = 0.0,
    cooldown_type: str = "1-sqrt",
) -> LRScheduler:
    """Up in a line, level, then down; `warmup` and `decay` are parts of the run.

    Raises:
        ValueError: the parts are negative, or more than the whole.
    """
    from pytorch_optimizer.lr_scheduler import get_wsd_schedule

    if warmup < 0 or decay < 0 or warmup + decay > 1:
        raise ValueError(f"warmup {warmup} and decay {decay} are parts of the run: from 0, and together at most 1")
    up, down = round(schedule.length * warmup), max(1, round(schedule.length * decay))
    return get_wsd_schedule(  # type: ignore[no-any-return]
        optimizer, up, max(0, schedule.length - up - down), down, min_lr_ratio, cooldown_type=cooldown_type
    )


def cosine_restarts(
    optimizer: Optimizer,
    schedule: Schedule,
    cycles: int = 1,
    warmup: float = 0.1,
    min_lr: float = 0.0,
    gamma: float = 0.9,
) -> LRScheduler:
    """`cycles` of a rise and a cosine, each peak `gamma` times the one before; `warmup` is the part that rises."""
    from pytorch_optimizer.lr_scheduler import CosineAnnealingWarmupRestarts

    length = max(2, schedule.length // cycles)
    return CosineAnnealingWarmupRestarts(  # type: ignore[no-any-return]
        optimizer, length, 1.0, _rate(optimizer), min_lr, min(round(length * warmup), length - 1), gamma
    )


def _rate(optimizer: Optimizer) -> float:
    return float(optimizer.param_groups[0]["lr"])


@hookimpl
def regtrain_register_schedulers(register: Register) -> None:
    register("REX", rex, requires=REQUIRES)
    register("WarmupStableDecay", warmup_stable_decay, requires=REQUIRES)
    register("CosineWarmupRestarts", cosine_restarts, requires=REQUIRES)

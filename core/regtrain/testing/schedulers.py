"""What a scheduler owes: the learning rates of a run that was stopped and resumed are those of one that was not."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

import torch
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from regtrain.testing.offered import Offered
from regtrain.testing.stored import through_store
from regtrain.types import Kind, Schedule

__all__ = ["SchedulerConformance"]

Factory = Callable[..., LRScheduler]
Groups = list[dict[str, Any]]


class SchedulerConformance(Offered):
    """A scheduler goes through a whole run, and through one that is cut at every step, for each interval.

    ```python
    class TestTriangle(SchedulerConformance):
        module = "regtrain_triangle"
        offers = "Triangle"
        args = {"peak": 0.5}
        intervals = ("step",)
    ```

    The run has 6 epochs of 4 steps with SGD at `lr`. A ReduceLROnPlateau is given a metric that gets no better.
    """

    kind: ClassVar[Kind] = "schedulers"
    args: ClassVar[Mapping[str, Any]] = {}
    intervals: ClassVar[tuple[Literal["epoch", "step"], ...]] = ("epoch", "step")
    lr: ClassVar[float] = 0.1

    def test_it_goes_through_a_run(self, factory: Factory) -> None:
        """Every learning rate is a finite number that is not negative."""
        for schedule in self._schedules():
            rates = [group["lr"] for groups in self._run(factory, schedule) for group in groups]
            assert all(math.isfinite(rate) and rate >= 0 for rate in rates), rates

    def test_it_changes_the_learning_rate(self, factory: Factory) -> None:
        """A schedule that stays at one value in a whole run does nothing."""
        for schedule in self._schedules():
            assert len({float(groups[0]["lr"]) for groups in self._run(factory, schedule)}) > 1, schedule

    def test_it_goes_on_from_its_state(self, factory: Factory) -> None:
        """Cut anywhere and resumed, optimizer settings after every step equal those of the uninterrupted run."""
        for schedule in self._schedules():
            whole = self._run(factory, schedule)
            for cut in range(1, schedule.length):
                assert self._run(factory, schedule, cut) == whole, f"cut after {cut} steps of {schedule}"

    def _schedules(self) -> Iterator[Schedule]:
        for interval in self.intervals:
            yield Schedule(epochs=6, steps_per_epoch=4, total_steps=24, interval=interval)

    def _run(self, factory: Factory, schedule: Schedule, cut: int = 0) -> list[Groups]:
        """The optimizer's groups after each step of the scheduler; at `cut` all is made anew from its state."""
        optimizer, scheduler = self._made(factory, schedule)
        seen = []
        for step in range(schedule.length):
            if cut and step == cut:
                states = through_store([optimizer.state_dict(), scheduler.state_dict()])
                optimizer, scheduler = self._made(factory, schedule)
                optimizer.load_state_dict(states[0])
                scheduler.load_state_dict(states[1])
            optimizer.step()
            if isinstance(scheduler, ReduceLROnPlateau):
                scheduler.step(1.0)
            else:
                scheduler.step()
            seen.append([{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups])
        return seen

    def _made(self, factory: Factory, schedule: Schedule) -> tuple[Optimizer, LRScheduler]:
        optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=self.lr, momentum=0.9)
        with warnings.catch_warnings():  # SequentialLR steps its parts while it is made, as a run knows too
            warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
            return optimizer, factory(optimizer, schedule, **self.args)

"""The schedulers of torch by name, and the short names."""

from __future__ import annotations

import inspect
import math
import warnings
from typing import Any, ClassVar

import pytest
import torch
from torch.optim import SGD, lr_scheduler

from regtrain.testing import PluginConformance, SchedulerConformance
from regtrain.types import Schedule
from regtrain_plugins.schedulers import torch_schedulers

MODULE = "regtrain_plugins.schedulers.torch_schedulers"
STEP_ONLY = {"OneCycleLR"}
SEQUENCE = {
    "schedulers": [
        {"name": "LinearLR", "start_factor": 0.1, "total_iters": 2},
        {"name": "cosineannealinglr", "T_max": 4},
    ],
    "milestones": [2],
}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "constant": ("ConstantLR", {"factor": 0.5, "total_iters": 3}),
    "linear": ("LinearLR", {"total_iters": 4}),
    "polynomial": ("PolynomialLR", {"total_iters": 5, "power": 2.0}),
    "exponential": ("ExponentialLR", {"gamma": 0.9}),
    "multi-step": ("MultiStepLR", {"milestones": [2, 4], "gamma": 0.1}),
    "step with size": ("StepLR", {"step_size": 2, "gamma": 0.5}),
    "cosine class": ("CosineAnnealingLR", {}),
    "warm restarts": ("CosineAnnealingWarmRestarts", {"T_0": 2, "T_mult": 2}),
    "cyclic": ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 2}),
    "one cycle": ("OneCycleLR", {"max_lr": 0.5}),
    "plateau class": ("ReduceLROnPlateau", {"patience": 1, "factor": 0.5}),
    "sequential": ("SequentialLR", SEQUENCE),
    "chained": (
        "ChainedScheduler",
        {"schedulers": [{"name": "ConstantLR", "total_iters": 2}, {"name": "ExponentialLR", "gamma": 0.9}]},
    ),
    "step": ("step", {}),
    "step, warm-up": ("step", {"warmup_epochs": 2}),
    "cosine": ("cosine", {}),
    "cosine, warm-up, floor": ("cosine", {"warmup_epochs": 2, "min_lr": 0.001}),
    "plateau, floor": ("plateau", {"patience": 1, "min_lr": 0.01}),
}


class TestPlugin(PluginConformance):
    module = MODULE
    provides: ClassVar = {"schedulers": [*torch_schedulers.NAMES, "step", "cosine", "plateau"]}
    listens = ("regtrain_run_planned",)
    without_torch = True


@pytest.mark.parametrize("case", CASES)
class TestEveryScheduler(SchedulerConformance):
    module = MODULE

    @pytest.fixture
    def name(self, case: str, monkeypatch: pytest.MonkeyPatch) -> str:
        name, args = CASES[case]
        monkeypatch.setattr(type(self), "args", args)
        monkeypatch.setattr(type(self), "intervals", ("step",) if name in STEP_ONLY else ("epoch", "step"))
        return name


def lrs(name: str, schedule: Schedule, **args: Any) -> list[float]:
    """Learning rate in each scheduler step of a run that begins at 1.0."""
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.9)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
        scheduler = torch_schedulers._factory(name)(optimizer, schedule, **args)
    rates = []
    for _ in range(schedule.length):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return rates


def test_names_are_those_of_torch() -> None:
    """The list that is spelled out equals the scheduler classes of the installed torch."""
    classes = inspect.getmembers(lr_scheduler, inspect.isclass)
    concrete = {name for name, one in classes if issubclass(one, lr_scheduler.LRScheduler)}
    assert set(torch_schedulers.NAMES) == concrete - {"LRScheduler", "_LRScheduler"}


def test_every_name_is_tried() -> None:
    """Each scheduler that a config can hold is in the cases above."""
    tried = {name for name, _ in CASES.values()}
    functions = set(torch_schedulers.TAKES_FUNCTION.values())
    assert tried == (set(torch_schedulers.NAMES) | set(torch_schedulers.SHORT)) - functions


def test_cosine_with_warm_up_follows_the_formula() -> None:
    """Linear from 1/(n+1) to the full rate in n epochs, then a half cosine down towards the floor."""
    rates = lrs("cosine", Schedule(10, 5, 50, "epoch"), warmup_epochs=2, min_lr=0.1)
    cosine = [0.1 + 0.9 * (1 + math.cos(math.pi * epoch / 8)) / 2 for epoch in range(8)]
    assert rates == pytest.approx([1 / 3, 2 / 3, *cosine])


def test_warm_up_epochs_become_steps() -> None:
    """With interval step, an epoch of warm-up is as many steps as an epoch has."""
    schedule = Schedule(4, 5, 20, "step")
    assert lrs("cosine", schedule, warmup_epochs=1) == lrs("cosine", schedule, warmup_steps=5)
    assert lrs("cosine", schedule, warmup_epochs=1)[5] == pytest.approx(1.0)


def test_one_cycle_fills_the_run() -> None:
    """OneCycleLR takes the number of optimizer steps from the run: its last rate is the lowest."""
    rates = lrs("OneCycleLR", Schedule(4, 5, 20, "step"), max_lr=1.0)
    assert max(rates) == pytest.approx(1.0)
    assert min(rates) == rates[-1]


def test_step_falls_three_times() -> None:
    """Without a step size, `step` divides the run in three."""
    assert lrs("step", Schedule(9, 5, 45, "epoch")) == pytest.approx([1.0] * 3 + [0.1] * 3 + [0.01] * 3)


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("plateau", {"warmup_epochs": 1}, "ReduceLROnPlateau takes no warm-up"),
        ("SequentialLR", {**SEQUENCE, "warmup_epochs": 1}, "SequentialLR takes no warm-up"),
        ("ChainedScheduler", {**SEQUENCE, "warmup_epochs": 1}, "ChainedScheduler takes no warm-up"),
        ("OneCycleLR", {"max_lr": 1.0, "warmup_epochs": 1}, "OneCycleLR takes no warm-up"),
        ("ExponentialLR", {"gamma": 0.9, "min_lr": 0.1}, "ExponentialLR takes no min_lr"),
        ("cosine", {"warmup_epochs": 1, "warmup_steps": 4}, "not both"),
        ("cosine", {"warmup_steps": 4}, "needs `interval: step`"),
        ("SequentialLR", {"schedulers": ["LinearLR"], "milestones": [1]}, "list of mappings"),
        ("SequentialLR", {"schedulers": [{"name": "nope"}], "milestones": [1]}, "'nope'"),
    ],
)
def test_what_cannot_be_done_is_said(name: str, args: dict[str, Any], words: str) -> None:
    """Nothing that a config asks of a scheduler is dropped in silence."""
    with pytest.raises(ValueError, match=words):
        lrs(name, Schedule(10, 5, 50, "epoch"), **args)

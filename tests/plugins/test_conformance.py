"""The conformance classes find the faults they are there for: each is given one."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import nn
from torch.optim import SGD, lr_scheduler
from torch.utils.data import TensorDataset

from regtrain.errors import CheckpointMismatchError, DataError
from regtrain.hookspecs import hookimpl
from regtrain.host import Host
from regtrain.testing import (
    CallbackConformance,
    DatasetConformance,
    EvaluatorConformance,
    LauncherConformance,
    ModelConformance,
    OptimizerConformance,
    PluginConformance,
    SchedulerConformance,
    StrategyConformance,
    TaskConformance,
    TrackerConformance,
    plugin_points,
)
from regtrain.types import (
    Artifact,
    Callback,
    CallbackContext,
    Fit,
    JobCommand,
    Launched,
    Place,
    RecordBatch,
    Register,
    Resources,
    Sample,
    Splits,
    StepOutput,
    TrackedRun,
    VersionEvent,
)
from regtrain_plugins.evaluators.regression import Regression
from regtrain_plugins.launchers.local import Local
from regtrain_plugins.strategies.single import Single
from regtrain_plugins.tasks.supervised import Supervised


class Uphill(SGD):
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                weight.data += group["lr"] * weight.grad


class Forgetful(SGD):
    """Takes smaller steps as it goes on, and keeps the count where no state_dict finds it."""

    count = 0

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.count += 1
        for group in self.param_groups:
            for weight in group["params"]:
                weight.data -= group["lr"] / self.count * weight.grad


class Pickled(SGD):
    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "criterion": nn.MSELoss()}


def _swallows(params: Any, **anything: Any) -> SGD:
    return SGD(params, lr=anything.get("lr", 0.1))


class Swapping(SGD):
    """Keeps other weights for evaluation, and does not put those of training back."""

    def train(self) -> None: ...

    def eval(self) -> None:
        with torch.no_grad():
            for group in self.param_groups:
                for weight in group["params"]:
                    weight.mul_(0.5)


class FaultyOptimizers:
    @hookimpl
    def regtrain_register_optimizers(self, register: Register) -> None:
        made = {"Uphill": Uphill, "Forgetful": Forgetful, "Pickled": Pickled, "Swapping": Swapping, "SGD": SGD}
        for name, factory in made.items():
            register(name, factory)


faulty_optimizers = FaultyOptimizers()


def test_optimizers_that_do_not_learn_or_forget() -> None:
    """An optimizer that climbs, one with state outside of its state, one that only pickle could store, and one with
    modes that it does not declare are caught."""
    suite = OptimizerConformance()
    host = Host(plugin_points({"faulty": f"{__name__}:faulty_optimizers"}))
    with pytest.raises(AssertionError):
        suite.test_it_learns(host, "Uphill")
    with pytest.raises(AssertionError, match="differs after resuming"):
        suite.test_it_goes_on_from_its_state(host, "Forgetful")
    with pytest.raises(CheckpointMismatchError, match="MSELoss"):
        suite.test_it_goes_on_from_its_state(host, "Pickled")
    with pytest.raises(AssertionError):
        suite.test_its_modes_are_declared(host, "Swapping")
    with pytest.raises(AssertionError, match="name its arguments"):
        suite.test_its_arguments_can_be_asked_for(_swallows)
    with pytest.raises(AssertionError):
        suite.test_its_groups_have_a_learning_rate(lambda params, lr: SGD(params, lr=lr * 2))
    suite.test_it_learns(host, "SGD")
    suite.test_it_goes_on_from_its_state(host, "SGD")
    suite.test_evaluation_leaves_no_trace(host, "SGD")
    suite.test_its_modes_are_declared(host, "SGD")


class Drifting(lr_scheduler.LRScheduler):
    """Counts by itself, and forgets its count in its state."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.own = 0
        super().__init__(optimizer)

    def get_lr(self) -> list[float | torch.Tensor]:
        self.own += 1
        return [base / self.own for base in self.base_lrs]

    def state_dict(self) -> dict[str, Any]:
        return {key: value for key, value in super().state_dict().items() if key != "own"}


def test_schedulers_that_forget_or_do_nothing() -> None:
    """A scheduler that forgets where it was, one that changes nothing and one that goes below zero are caught."""
    suite = SchedulerConformance()
    with pytest.raises(AssertionError, match="cut after 1 steps"):
        suite.test_it_goes_on_from_its_state(lambda optimizer, schedule: Drifting(optimizer))
    with pytest.raises(AssertionError):
        suite.test_it_changes_the_learning_rate(lambda optimizer, schedule: lr_scheduler.StepLR(optimizer, 1000))
    with pytest.raises(AssertionError):
        suite.test_it_goes_through_a_run(
            lambda optimizer, schedule: lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step)
        )


class Numbers(EvaluatorConformance):
    def batches(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        draw = torch.Generator().manual_seed(0)
        return [(torch.randn(n, generator=draw), torch.randn(n, generator=draw)) for n in (5, 9, 2)]


class BatchMean(Regression):
    """Averages the errors of batches as if they were of one size."""

    def compute(self) -> dict[str, float]:
        errors = [(o - t).square().mean().item() for o, t in zip(self._outputs, self._targets, strict=True)]
        return {"mse": sum(errors) / len(errors)}


class LastCounts(Regression):
    def compute(self) -> dict[str, float]:
        return {"mse": (self._outputs[-1] - self._targets[-1]).square().mean().item()}


class NoReset(Regression):
    seen = False

    def reset(self) -> None:
        if not self.seen:
            super().reset()
        self.seen = True


class Named(Regression):
    def __init__(self, metrics: dict[str, Any]) -> None:
        super().__init__()
        self.metrics = metrics

    def compute(self) -> dict[str, float]:
        return self.metrics


class Consumed(Regression):
    def compute(self) -> dict[str, float]:
        metrics = super().compute()
        self.reset()
        return metrics


def test_evaluators_that_depend_on_batches() -> None:
    """Means of means, order, leftovers, computing once only, and metrics that are no bare finite floats are caught."""
    suite = Numbers()
    with pytest.raises(AssertionError):
        suite.test_the_size_of_batches_does_not_matter(BatchMean())
    with pytest.raises(AssertionError):
        suite.test_the_order_of_batches_does_not_matter(LastCounts())
    with pytest.raises(AssertionError):
        suite.test_reset_forgets(NoReset())
    with pytest.raises(AssertionError):
        suite.test_compute_changes_nothing(Consumed())
    for wrong in ({"val/mse": 0.5}, {"mse": float("nan")}, {"mse": torch.tensor(0.5)}, {}):
        with pytest.raises(AssertionError):
            suite.test_it_gives_bare_numbers(Named(wrong))
    suite.test_it_gives_bare_numbers(Named({"mse": 0.5}))
    with pytest.raises(AssertionError):
        suite.test_outputs_that_are_not_finite_show(Named({"mse": 0.5}))


def test_datasets_that_cannot_be_trusted() -> None:
    """Data that differ each time, hold NaN, or are empty are caught; so is a split without indexing."""
    suite = DatasetConformance()
    suite.offers = "faulty"  # type: ignore[misc]
    with pytest.raises(AssertionError):
        suite.test_it_is_the_same_twice(lambda: TensorDataset(torch.randn(4, 2)))
    with pytest.raises(AssertionError):
        suite.test_it_is_the_same_twice(lambda: [[random.random()]])
    for wrong in (TensorDataset(torch.full((3, 1), torch.nan)), TensorDataset(torch.zeros(0, 1)), iter([1])):
        with pytest.raises(DataError):
            suite.test_its_splits_can_be_trained_on(lambda made=wrong: Splits(made))
    with pytest.raises(AssertionError):
        suite.test_its_samples_make_a_batch(lambda: [[float("inf")], [1.0]])


class Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used, self.unused = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.used(inputs)
        return out


class Hidden(nn.Module):
    """Adds a tensor that its state does not hold."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.shift = nn.Linear(2, 2), torch.randn(2)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layer(inputs) + self.shift
        return out


class Two(ModelConformance):
    def sample(self) -> torch.Tensor:
        return torch.ones(3, 2)


def test_models_that_do_not_learn_or_survive() -> None:
    """A layer without a gradient and a tensor outside of the state are caught."""
    with pytest.raises(AssertionError, match=r"unused\.weight got no gradient"):
        Two().test_it_learns_backwards(Unused)
    with pytest.raises(AssertionError):
        Two().test_its_weights_survive(Hidden)


class Detached(Supervised):
    def train_step(self, model: nn.Module, criterion: Callable[..., Any], batch: Any) -> StepOutput:
        output = super().train_step(model, criterion, batch)
        return output._replace(loss=output.loss * 0)


class Changing(Supervised):
    def eval_step(self, model: nn.Module, criterion: Callable[..., Any], batch: Any) -> StepOutput:
        with torch.no_grad():
            next(model.parameters()).add_(1)
        return super().eval_step(model, criterion, batch)


class Halved(Supervised):
    def split(self, batch: Any, parts: int) -> list[Any]:
        return [batch]

    def sample(self, batch: Any) -> Sample:
        return Sample(super().sample(batch).args, ("inputs", "mask"))


class Pairs(TaskConformance):
    seen: ClassVar[list[Any]] = []

    def model(self) -> nn.Module:
        return nn.Linear(2, 1)

    def batches(self) -> list[Any]:
        return [(torch.ones(3, 2), torch.ones(3, 1) * 9)]


def test_tasks_without_a_loss() -> None:
    """A loss that does not reach the weights, and a loss class that torch does not have, are caught."""
    with pytest.raises(AssertionError):
        Pairs().test_it_makes_a_loss(lambda: Detached("MSELoss", "regression", "val/loss"))
    with pytest.raises(AssertionError):
        Pairs().test_it_is_evaluated(lambda: Changing("MSELoss", "regression", "val/loss"))
    with pytest.raises(AssertionError):
        Pairs().test_its_sample_is_what_the_model_takes(lambda: Halved("MSELoss", "regression", "val/loss"))
    with pytest.raises(AssertionError):
        Pairs().test_its_defaults_exist(lambda: Supervised("MeanError", "regression", "val/loss"))


class Flattening(Single):
    def to_device(self, batch: Any) -> Any:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in batch.items()}


def test_strategies_that_lose_the_form() -> None:
    """A tuple that comes back as a list, and a rank outside of the processes, are caught."""
    with pytest.raises(AssertionError):
        StrategyConformance().test_batches_keep_their_form(Flattening("cpu"))
    outside = Single("cpu")
    outside.place = Place(rank=1)
    with pytest.raises(AssertionError):
        StrategyConformance().test_it_knows_its_place(outside)


class Losing:
    """A tracker that knows nothing of batches that are sent again, and stumbles over what is no number."""

    def open(self, run: TrackedRun, remote_id: str | None) -> None:
        self.path = run.run_dir / "losing.txt"

    def send(self, batch: RecordBatch) -> None:
        with self.path.open("a") as file:
            file.writelines(f"{int(float(record.get('val/loss', 0)) * 8) / 8}\n" for record in batch.records[1:])

    def artifact(self, artifact: Artifact) -> None: ...

    def version(self, version: VersionEvent) -> None: ...

    def close(self, status: str | None) -> None: ...


class Shown(TrackerConformance):
    def arrived(self, run: TrackedRun) -> str:
        path = run.run_dir / "losing.txt"
        return path.read_text() if path.exists() else ""


def test_trackers_that_raise_or_lose(tmp_path: Path) -> None:
    """Records that do not arrive, that arrive twice, and an exception at what is no number are caught."""
    suite, run = Shown(), TrackedRun("run-1", "run", tmp_path, {})
    with pytest.raises(AssertionError, match="did not arrive"):
        suite.test_records_arrive(Losing(), run)
    with pytest.raises(AssertionError):
        suite.test_a_batch_that_is_sent_again_arrives_once(Losing, run)
    with pytest.raises((ValueError, OverflowError)):
        suite.test_numbers_that_are_not_finite_are_no_error(Losing(), run)
    with pytest.raises(AssertionError):
        suite.test_artifacts_arrive(Losing(), run)


class Muddled(Callback):
    """Shows no record, draws random numbers, and raises at what is no number and at a second end."""

    ended = False

    def __init__(self, context: CallbackContext) -> None: ...

    def on_record(self, fit: Fit, record: Mapping[str, Any]) -> None:
        torch.rand(1)
        int(record["val/loss"])

    def on_fit_end(self, fit: Fit) -> None:
        if self.ended:
            raise ValueError("ended already")
        self.ended = True


class AllShown(CallbackConformance):
    shows = "all"


def test_callbacks_that_raise_lose_or_disturb(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Records that cannot be read, random numbers that a run would miss, and exceptions are caught."""
    suite = AllShown()
    context = CallbackContext("run-1", "run", tmp_path, tmp_path, False, 3, 0)
    with pytest.raises(AssertionError, match=r"val/loss 0\.125 did not arrive"):
        suite.test_records_arrive(Muddled, context, capfd)
    with pytest.raises(ValueError, match="NaN"):
        suite.test_numbers_that_are_none_are_no_error(Muddled(context))
    with pytest.raises(AssertionError, match="draws random numbers"):
        suite.test_it_leaves_the_training_alone(Muddled(context))
    with pytest.raises(ValueError, match="ended already"):
        suite.test_ending_twice_is_harmless(Muddled(context))


class Careless(Local):
    """Forgets the job's environment, and says that all went well."""

    def launch(self, job: JobCommand, resources: Resources) -> Launched:
        subprocess.run([sys.executable, *job.argv], check=False, stderr=subprocess.DEVNULL)
        return Launched(0)


def test_launchers_that_lose_the_exit_code(tmp_path: Path) -> None:
    """A launcher that returns 0 whatever happened, and one without the job's environment, are caught."""
    suite = LauncherConformance()
    with pytest.raises(AssertionError):
        suite.test_the_exit_code_comes_back(Careless, 2, tmp_path)
    with pytest.raises(AssertionError):
        suite.test_a_killed_job_is_no_success(Careless, tmp_path)
    with pytest.raises(AssertionError):
        suite.test_the_environment_is_handed_on(Careless, tmp_path)


class Heavy(PluginConformance):
    module = "regtrain.trainer"
    without_torch = True


class TakesName:
    @hookimpl
    def regtrain_register_models(self, register: Register) -> None:
        register("MLP", nn.Identity)


takes_name = TakesName()


class Taker(PluginConformance):
    module = f"{__name__}:takes_name"


class Other(PluginConformance):
    module = "regtrain_plugins.models.simple"
    provides: ClassVar = {"models": ["mlp"]}


def test_plugins_that_promise_otherwise() -> None:
    """A module without hooks or with torch, and a plugin that offers more than it says, are caught."""
    with pytest.raises(AssertionError, match="no hook"):
        Heavy().test_it_loads()
    with pytest.raises(AssertionError):
        Heavy().test_importing_it_loads_no_torch()
    with pytest.raises(AssertionError):
        Other().test_it_provides_what_it_says()
    with pytest.raises(AssertionError, match="also offered by plugin"):
        Taker().test_its_names_are_free()

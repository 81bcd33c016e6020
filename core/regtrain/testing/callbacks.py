"""What callbacks owe."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

from regtrain.testing.offered import Offered
from regtrain.types import Callback, CallbackContext, Kind, StepOutput

__all__ = ["CallbackConformance"]


@dataclass
class _Fit:
    """A training of three steps, as a callback sees it."""

    model: nn.Module = field(default_factory=lambda: nn.Linear(2, 1))
    step: int = 0
    epoch: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    stopped: str = ""

    def request_stop(self, reason: str) -> None:
        self.stopped = reason


class CallbackConformance(Offered):
    """A callback goes through a training of three steps; a loss that is not a number is no error to it.

    ```python
    class TestTable(CallbackConformance):
        module = "regtrain_table"
        offers = "table"
        shows = "all"
    ```
    """

    kind: ClassVar[Kind] = "callbacks"
    interactive: ClassVar[bool] = False
    shows: ClassVar[str] = "none"
    """What can be read afterwards of the records that it got: "all", the "newest", or "none"."""

    def arrived(self, context: CallbackContext, printed: str) -> str:
        """Text in which records can be found: unless overridden, all log files and what was printed."""
        files = [path for path in sorted(context.log_dir.rglob("*")) if path.is_file()]
        return "".join(path.read_text("utf-8", "replace") for path in files) + printed

    @pytest.fixture
    def context(self, tmp_path: Path) -> CallbackContext:
        log_dir = tmp_path / "logs"
        log_dir.mkdir()
        return CallbackContext("run-1", "run", tmp_path, log_dir, self.interactive, total_steps=3, first_step=0)

    @pytest.fixture
    def callback(self, factory: Callable[..., Callback], context: CallbackContext) -> Callback:
        return factory(context, **self.args)

    def test_records_arrive(
        self, factory: Callable[..., Callback], context: CallbackContext, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Every record with validation metrics can be read when the training has ended."""
        _go_through(factory(context, **self.args), [0.125, 0.25, 0.375])
        text = self.arrived(context, "".join(capfd.readouterr()))
        for value in {"all": ("0.125", "0.25", "0.375"), "newest": ("0.375",)}.get(self.shows, ()):
            assert value in text, f"the record with val/loss {value} did not arrive"

    def test_numbers_that_are_none_are_no_error(self, callback: Callback) -> None:
        """A loss that became NaN or infinite is worth a record, not an exception."""
        _go_through(callback, [math.nan, math.inf])

    def test_it_leaves_the_training_alone(self, callback: Callback) -> None:
        """No weight changes, and no random number is drawn: a run with it equals one without."""
        before = torch.get_rng_state()
        fit = _Fit()
        weights = {name: value.clone() for name, value in fit.model.state_dict().items()}
        torch.set_rng_state(before)
        _go_through(callback, [1.0, 2.0], fit)
        assert torch.equal(torch.get_rng_state(), before), "it draws random numbers"
        assert all(torch.equal(weights[name], value) for name, value in fit.model.state_dict().items())

    def test_a_failed_training_is_no_error(self, callback: Callback) -> None:
        """An exception of the training is followed by the end, before any record."""
        fit = _Fit()
        callback.on_fit_start(fit)
        callback.on_exception(fit, RuntimeError("boom"))
        callback.on_fit_end(fit)

    def test_ending_twice_is_harmless(self, callback: Callback) -> None:
        """Cleaning up may end a callback that has ended."""
        callback.on_fit_end(_Fit())
        callback.on_fit_end(_Fit())


def _go_through(callback: Callback, losses: list[float], fit: _Fit | None = None) -> None:
    """All moments of a training with one validation a step."""
    fit = fit or _Fit()
    callback.on_fit_start(fit)
    callback.on_train_epoch_start(fit)
    for number, loss in enumerate(losses):
        batch = [torch.ones(2, 2), torch.ones(2, 1)]
        callback.on_train_batch_start(fit, batch, number)
        callback.on_before_optimizer_step(fit)
        callback.on_train_batch_end(fit, StepOutput(torch.tensor(loss)), batch, number)
        fit.step = number + 1
        callback.on_advance(fit)
        callback.on_validation_start(fit)
        fit.metrics = {"train/loss": 1.5, "val/loss": loss}
        record: dict[str, Any] = {"step": fit.step, "epoch": 1, "time": 1.7e9 + number, **fit.metrics}
        callback.on_record(fit, record)
        callback.on_validation_end(fit, {"val/loss": loss})
        callback.on_save_checkpoint(fit, {"callbacks": {}})
    fit.epoch = 1
    callback.on_train_epoch_end(fit)
    callback.on_fit_end(fit)

"""Models, data and settings off the beaten track."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from regtrain.checkpoint.keep import list_checkpoints
from regtrain.job import GivenObjects
from regtrain.types import Splits
from support.small_runs import Done, NoisyRows, train


def rows(count: int, seed: int) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    return TensorDataset(torch.randn(count, 6, generator=generator), torch.randint(0, 3, (count,), generator=generator))


def run(folder: Path, model: nn.Module | None = None, val: bool = True, loss: Any = None, **more: Any) -> Done:
    torch.manual_seed(0)
    live = GivenObjects(model or nn.Linear(6, 3), Splits(rows(24, 1), rows(8, 2) if val else None), loss)
    resume = more.pop("resume", None)
    return train(folder, {"training": {"epochs": 2, "batch_size": 8}, **more}, live=live, resume=resume)


class Named(nn.Module):
    """Returns a mapping, as many models of libraries do."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(6, 3)

    def forward(self, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.inner(inputs)}


def named_loss(outputs: dict[str, torch.Tensor], targets: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(outputs["logits"], targets)


def test_any_output_and_any_loss(tmp_path: Path) -> None:
    """`evaluator: none` measures the loss alone, which decides what is best: outputs may be anything."""
    done = run(tmp_path, Named(), loss=named_loss, evaluation={"evaluator": "none"})
    assert done.outcome.status == "finished", done.outcome.error
    assert done.outcome.best
    assert done.outcome.best["metric"] == "val/loss"
    assert [name for name in done.outcome.metrics if name.startswith("val/")] == ["val/loss"]


def test_an_evaluator_that_does_not_fit_is_named(tmp_path: Path) -> None:
    """What it cannot take, and how to do without it."""
    done = run(tmp_path, Named(), loss=named_loss)
    assert done.outcome.error
    assert done.outcome.error["exit_code"] == 2
    assert "evaluator Classification cannot take" in done.outcome.error["message"]
    assert "`none`" in done.outcome.error["hint"]


@pytest.mark.parametrize("section", [{}, {"monitor": "train/loss"}], ids=["default", "named"])
def test_early_stopping_without_validation_data(tmp_path: Path, section: dict[str, Any]) -> None:
    """The training loss is watched at the end of each epoch."""
    keys = {"training": {"epochs": 30, "batch_size": 24}, "optimizer": {"name": "SGD", "lr": 0.0}}
    done = run(tmp_path, val=False, early_stopping={"patience": 3, "min_delta": 0.001, **section}, **keys)
    assert (done.outcome.status, done.outcome.epochs) == ("finished", 4)


def test_a_run_that_never_validates_says_so(tmp_path: Path) -> None:
    """With fewer epochs than evaluation.every_n_epochs the validation data are not used: a warning names the key."""
    done = run(tmp_path, evaluation={"every_n_epochs": 3})
    log = (done.run_dir.path / "logs/train.log").read_text()
    assert "WARNING evaluation.every_n_epochs is 3 and the run has 2 epochs" in log
    assert done.outcome.checkpoint
    quiet = run(tmp_path, evaluation={"every_n_epochs": 3, "every_n_steps": 2})
    assert "WARNING" not in (quiet.run_dir.path / "logs/train.log").read_text()


def test_a_loss_that_is_not_finite_is_warned_about(tmp_path: Path) -> None:
    """A run whose loss ended as NaN says so and what helps."""
    done = run(tmp_path, optimizer={"name": "SGD", "lr": 1e38}, training={"epochs": 4, "batch_size": 8})
    assert not math.isfinite(done.outcome.metrics["val/loss"])
    log = (done.run_dir.path / "logs/train.log").read_text()
    assert "WARNING not finite at the end: train/loss, val/loss" in log


@pytest.mark.parametrize(("keys", "kept"), [({}, [3]), ({"keep_top_k": 2}, [3, 6]), ({"save_best": False}, [9])])
def test_the_last_goes_where_it_is_not_wanted(tmp_path: Path, keys: dict[str, Any], kept: list[int]) -> None:
    """save_last: false drops the newest checkpoint when the run has ended, unless it would leave none."""
    worse = {
        "optimizer": {"name": "SGD", "lr": 0.01},
        "scheduler": {"name": "StepLR", "step_size": 1, "gamma": 1000.0},
        "training": {"epochs": 3, "batch_size": 8},
    }
    done = run(tmp_path, checkpoint={"save_last": False, "monitor": "val/loss", **keys}, **worse)
    folder = done.run_dir.path / "checkpoints"
    assert [info.step for info in list_checkpoints(folder)] == kept
    assert (folder / "last").resolve().is_dir()
    assert (folder / str(done.outcome.checkpoint)).is_dir()


class Counting(nn.Module):
    """Has state that is no tensor."""

    def __init__(self, calls: Any = 0) -> None:
        super().__init__()
        self.inner = nn.Linear(6, 3)
        self.calls = calls

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.inner(inputs)
        if self.training and isinstance(self.calls, int):
            self.calls += 1
        return outputs

    def get_extra_state(self) -> dict[str, Any]:
        return {"calls": self.calls}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.calls = state["calls"]


def test_extra_state_of_a_model_is_saved(tmp_path: Path) -> None:
    """get_extra_state and set_extra_state of a module are part of a checkpoint."""
    done = run(tmp_path, Counting())
    assert done.outcome.status == "finished", done.outcome.error
    model = Counting(calls=1000)
    resumed = run(tmp_path, model, training={"epochs": 3, "batch_size": 8}, resume=done.run_dir.path / "checkpoints")
    assert resumed.outcome.status == "finished", resumed.outcome.error
    assert model.calls == 9


@pytest.mark.parametrize(
    ("harm", "word"),
    [
        (lambda model: setattr(model, "calls", {1, 2}), "set"),
        (lambda model: model.register_buffer("odd", torch.zeros(2, dtype=torch.complex128)), "complex128"),
    ],
    ids=["no plain value", "no type of the format"],
)
def test_state_that_cannot_be_saved_is_named(tmp_path: Path, harm: Any, word: str) -> None:
    """What neither JSON nor safetensors can hold: exit code 2, with its type."""
    model = Counting()
    harm(model)
    done = run(tmp_path, model)
    assert done.outcome.error
    assert done.outcome.error["exit_code"] == 2
    assert word in done.outcome.error["message"]


def test_complex_and_unsigned_numbers_are_saved(tmp_path: Path) -> None:
    """Every type that safetensors has is a type that a model may have."""
    model = nn.Linear(6, 3)
    model.register_buffer("phase", torch.randn(2, dtype=torch.complex64))
    for name in ("uint16", "uint32", "uint64"):
        model.register_buffer(name, torch.tensor([1, 2], dtype=getattr(torch, name)))
    done = run(tmp_path, model)
    assert done.outcome.status == "finished", done.outcome.error
    saved = done.state()["model"]
    assert all(torch.equal(saved[name], tensor) for name, tensor in model.state_dict().items())


def test_a_long_error_is_one_line(tmp_path: Path) -> None:
    """torch writes some errors over a hundred lines; the message has the first, the trace has them all."""

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("first\n" + "x" * 5000)

    done = run(tmp_path, loss=loss)
    assert done.outcome.error
    assert done.outcome.error["message"] == "training failed: RuntimeError: first"
    assert "x" * 5000 in (done.run_dir.path / "logs/train.log").read_text()


class Broken(NoisyRows):
    def __getitem__(self, index: int) -> Any:
        raise ValueError(f"row {index} is broken\nand more")


def test_an_error_of_a_loading_process_is_named(tmp_path: Path) -> None:
    """What a dataset raises in another process is told in one line, with the line of the user's own code."""
    live = GivenObjects(nn.Linear(6, 3), Splits(Broken(8)))
    done = train(tmp_path, {"training": {"epochs": 1}, "data": {"num_workers": 1}}, live=live)
    assert done.outcome.error
    message = done.outcome.error["message"]
    assert message.endswith("is broken")
    assert "\n" not in message
    assert f"{Path(__file__).name}:" in done.outcome.error["hint"]

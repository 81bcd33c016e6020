"""What would go wrong late in a run is found before its first step, and what diverged is never the best."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from regtrain.checkpoint.keep import list_checkpoints
from regtrain.host import Host, Offer
from regtrain.job import GivenObjects
from regtrain.types import Callback, Fit, Splits
from support.small_runs import Done, differences, train


def rows(count: int = 24, seed: int = 1) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    return TensorDataset(torch.randn(count, 6, generator=generator), torch.randint(0, 3, (count,), generator=generator))


def run(folder: Path, model: nn.Module | None = None, criterion: Any = None, count: int = 24, **more: Any) -> Done:
    torch.manual_seed(0)
    given = GivenObjects(model or nn.Linear(6, 3), Splits(rows(count), rows(8, 2)), criterion)
    resume, host = more.pop("resume", None), more.pop("host", Host())
    callbacks = more.pop("callbacks", ())
    config = {"training": {"epochs": 2, "batch_size": 8}, "checkpoint": {"monitor": "val/loss"}, **more}
    return train(folder, config, live=given, resume=resume, host=host, callbacks=callbacks)


def refused(done: Done) -> str:
    """The message and hint of a run that was refused before a step."""
    error = done.outcome.error
    assert error
    assert (error["exit_code"], done.outcome.steps) == (2, 0), error
    assert not (done.run_dir.path / "logs/metrics.jsonl").read_text()
    return f"{error['message']} | {error['hint']}"


def of_shape(shape: Any) -> Any:
    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> Any:
        each = nn.functional.cross_entropy(outputs, targets, reduction="none")
        return each.mean().reshape(shape) if shape is not None else each

    return loss


def test_a_loss_of_one_number_in_a_shape_is_taken(tmp_path: Path) -> None:
    """Shape (1,) trains as shape () does, bit for bit, logged at every step or not."""
    plain, shaped = run(tmp_path / "a", criterion=of_shape(())), run(tmp_path / "b", criterion=of_shape((1,)))
    assert shaped.outcome.status == "finished", shaped.outcome.error
    found = [d for d in differences(plain.state(), shaped.state()) if not d.startswith((".config", ".measures"))]
    assert not found
    often = run(tmp_path / "c", criterion=of_shape((1,)), logging={"every_n_steps": 1})
    assert often.outcome.status == "finished", often.outcome.error


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (of_shape(None), "the loss has shape (8,), and one number is minimised | take its mean"),
        (lambda outputs, targets: 1.5, "the loss is a float | return a tensor"),
        (lambda outputs, targets: torch.tensor(1.0), "depends on no parameter that is trained"),
        (lambda outputs, targets: {"lr": outputs.sum()}, "the loss measures 'lr', which is what the trainer calls"),
    ],
    ids=["per sample", "float", "detached", "reserved name"],
)
def test_a_loss_that_cannot_be_minimised_is_refused(tmp_path: Path, loss: Any, words: str) -> None:
    """In our words, before a step."""
    assert words in refused(run(tmp_path, criterion=loss))


def test_a_last_batch_that_is_too_small_is_named(tmp_path: Path) -> None:
    """BatchNorm cannot be trained on one sample: the key that leaves the batch out is named before the first step."""
    model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    assert "has 1 of 8 samples" in (words := refused(run(tmp_path / "a", model, count=25)))
    assert "data.drop_last: true" in words
    done = run(tmp_path / "b", model, count=25, data={"drop_last": True})
    assert done.outcome.status == "finished", done.outcome.error


def test_lazy_modules_get_their_shapes(tmp_path: Path) -> None:
    """A model of lazy modules is trained from its first step, every parameter of it."""
    model = nn.Sequential(nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(3))
    done = run(tmp_path, model)
    assert done.outcome.status == "finished", done.outcome.error
    assert done.state()["model"]["0.weight"].shape == (8, 6)
    assert done.state()["model"]["1.num_batches_tracked"] == 6


class Odd(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(6, 3)
        self.register_buffer("odd", torch.eye(3).to_sparse())

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.inner(inputs)
        return out


def test_a_buffer_that_cannot_be_saved_is_found_at_once(tmp_path: Path) -> None:
    """Not at the first save, which may be hours away."""
    done = run(tmp_path, Odd())
    assert done.outcome.error
    assert done.outcome.steps == 0
    assert not list((done.run_dir.path / "checkpoints").glob(".step-*"))


class Scores:
    """An evaluator with a metric by the trainer's own name."""

    def __init__(self, name: str = "loss") -> None:
        self.name = name

    def reset(self) -> None: ...

    def update(self, outputs: Any, targets: Any) -> None: ...

    def compute(self) -> dict[str, float]:
        return {self.name: 0.0}


@pytest.mark.parametrize("name", ["loss", "lr", "grad_norm"])
def test_a_metric_may_not_replace_the_trainers_own(tmp_path: Path, name: str) -> None:
    """An evaluator that measures `loss` would decide what is best by it."""
    host = Host()
    assert host.plugins
    host._offers["evaluators", "scores"] = [Offer("evaluators", "scores", lambda: Scores(name), "test", "test")]
    words = refused(run(tmp_path, host=host, evaluation={"evaluator": "scores"}))
    assert f"evaluator Scores measures {name!r}, which is what the trainer calls its own value" in words


class Bursting(nn.Module):
    """From the fourth step on the loss is finite and its gradients are not; in evaluation it hides what came of it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return torch.nan_to_num(nn.functional.cross_entropy(outputs, targets), nan=0.0)
        self.calls += 1
        entropy = torch.nan_to_num(nn.functional.cross_entropy(outputs, targets), nan=1.0)
        return entropy + (outputs * 0).nan_to_num().sum().sqrt() if self.calls > 3 else entropy


def test_weights_that_are_not_finite_are_never_best(tmp_path: Path) -> None:
    """A validation loss that hides NaN does not make a diverged checkpoint the best; its manifest says so."""
    done = run(tmp_path, criterion=Bursting(), checkpoint={"monitor": "val/loss"}, evaluation={"evaluator": "none"})
    infos = list_checkpoints(done.run_dir.path / "checkpoints")
    assert [(info.step, info.finite) for info in infos] == [(3, True), (6, False)]
    assert infos[1].metrics["val/loss"] < infos[0].metrics["val/loss"]
    assert math.isfinite(infos[1].metrics["train/loss"])
    assert done.outcome.best
    assert done.outcome.best["step"] == 3


def test_a_loss_that_is_not_finite_marks_the_checkpoint(tmp_path: Path) -> None:
    """Finite weights whose last loss was infinite are not the best either."""

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        value = nn.functional.cross_entropy(outputs, targets)
        return value if not torch.is_grad_enabled() else value + torch.tensor(math.inf)

    done = run(tmp_path, criterion=loss, optimizer={"name": "SGD", "lr": 0.0})
    assert not any(info.finite for info in list_checkpoints(done.run_dir.path / "checkpoints"))
    assert done.outcome.best is None


STILL: dict[str, Any] = {"optimizer": {"name": "SGD", "lr": 0.0}, "early_stopping": {"patience": 4}}
WARNED = "starts anew: it was measured with other data, another loss or another metric"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"loss": {"name": "CrossEntropyLoss", "label_smoothing": 0.1}}, ["early stopping", "scheduler"]),
        ({"early_stopping": {"patience": 4, "monitor": "val/accuracy"}}, ["early stopping"]),
        ({"early_stopping": {"patience": 4, "mode": "max"}}, ["early stopping"]),
        ({"scheduler": {"name": "plateau", "monitor": "val/accuracy"}}, ["scheduler"]),
        ({"scheduler": {"name": "plateau", "mode": "max"}}, ["scheduler"]),
    ],
    ids=str,
)
def test_what_is_best_is_compared_with_its_like_only(tmp_path: Path, change: dict[str, Any], said: list[str]) -> None:
    """The best so far of another loss, metric or direction is forgotten, with one line for each that forgets."""
    keys = {**STILL, "scheduler": {"name": "plateau"}}
    first = run(tmp_path, **keys)
    assert first.state()["early_stopping"]["waited"] == 1
    again = run(tmp_path, **{**keys, "training": {"epochs": 3, "batch_size": 8}, **change}, resume=first.run_dir.path)
    assert again.outcome.status == "finished", again.outcome.error
    log = (again.run_dir.path / "logs/train.log").read_text()
    lines = [line for line in log.splitlines() if WARNED in line]
    assert len(lines) == len(said)
    assert all(any(word in line for line in lines) for word in said)
    # three validations, the first of which was the best: two in vain, or none after a new beginning
    assert again.state()["early_stopping"]["waited"] == (0 if "early stopping" in said else 2)


class Noting(Callback):
    """Notes every moment; keeps a count in the checkpoint."""

    def __init__(self) -> None:
        self.moments: list[str] = []
        self.loaded: Mapping[str, Any] = {}

    def on_fit_start(self, fit: Fit) -> None:
        self.moments.append("fit_start")

    def on_train_epoch_start(self, fit: Fit) -> None:
        self.moments.append("epoch_start")

    def on_train_batch_start(self, fit: Fit, batch: Any, number: int) -> None:
        self.moments.append(f"batch_start {number}")

    def on_before_optimizer_step(self, fit: Fit) -> None:
        assert all(p.grad is not None for p in fit.model.parameters())
        self.moments.append("before_step")

    def on_train_batch_end(self, fit: Fit, output: Any, batch: Any, number: int) -> None:
        self.moments.append(f"batch_end {number}")

    def on_validation_end(self, fit: Fit, metrics: Mapping[str, float]) -> None:
        assert "val/loss" in metrics
        self.moments.append("validation_end")

    def on_save_checkpoint(self, fit: Fit, state: dict[str, Any]) -> None:
        state["callbacks"]["noting"] = {"step": fit.step}

    def on_load_checkpoint(self, fit: Fit, state: Mapping[str, Any]) -> None:
        self.loaded = state["callbacks"]["noting"]

    def on_train_epoch_end(self, fit: Fit) -> None:
        self.moments.append("epoch_end")

    def on_exception(self, fit: Fit, problem: BaseException) -> None:
        self.moments.append(f"exception {problem}")

    def on_fit_end(self, fit: Fit) -> None:
        self.moments.append("fit_end")


def test_callbacks_are_called_in_order(tmp_path: Path) -> None:
    """Every moment once, in the order of Lightning; nothing of the sanity check; state comes back on resume."""
    noting = Noting()
    first = run(tmp_path, callbacks=[noting], training={"epochs": 1, "batch_size": 12})
    assert noting.moments == [
        "fit_start",
        "epoch_start",
        "batch_start 0",
        "batch_end 0",
        "before_step",
        "batch_start 1",
        "batch_end 1",
        "before_step",
        "validation_end",
        "epoch_end",
        "fit_end",
    ]
    again = Noting()
    run(tmp_path, callbacks=[again], training={"epochs": 2, "batch_size": 12}, resume=first.run_dir.path)
    assert again.loaded == {"step": 2}


class Raising(Callback):
    def __init__(self, problem: BaseException, required: bool = False) -> None:
        self.problem = problem
        self.required = required
        self.calls = 0

    def on_train_batch_end(self, fit: Fit, output: Any, batch: Any, number: int) -> None:
        self.calls += 1
        raise self.problem


@pytest.mark.parametrize("problem", [ValueError("boom"), SystemExit(3), GeneratorExit()], ids=repr)
def test_a_callback_that_raises_is_named_once_and_left_out(tmp_path: Path, problem: BaseException) -> None:
    """Whatever it raises, the run goes on without it, and the other callbacks are called."""
    raising, noting = Raising(problem), Noting()
    done = run(tmp_path, callbacks=[raising, noting])
    assert done.outcome.status == "finished"
    assert raising.calls == 1
    assert noting.moments.count("epoch_end") == 2
    log = (done.run_dir.path / "logs/train.log").read_text()
    assert log.count("callback Raising failed in on_train_batch_end and is left out") == 1


def test_a_required_callback_ends_the_run(tmp_path: Path) -> None:
    """Its exception is the run's; the others hear of it."""
    noting = Noting()
    done = run(tmp_path, callbacks=[Raising(ValueError("boom"), required=True), noting])
    assert done.outcome.error
    assert "ValueError: boom" in done.outcome.error["message"]
    assert noting.moments[-2:] == ["exception boom", "fit_end"]


def test_a_callback_can_stop_the_run(tmp_path: Path) -> None:
    """It is saved and ends as after a signal, with the reason that was given."""

    class Stop(Callback):
        def on_train_batch_end(self, fit: Fit, output: Any, batch: Any, number: int) -> None:
            if fit.step == 1:
                fit.request_stop("seen enough")

    done = run(tmp_path, callbacks=[Stop()])
    assert (done.outcome.status, done.outcome.steps, done.outcome.reason) == ("interrupted", 2, "seen enough")


def test_callbacks_change_nothing_of_the_training(tmp_path: Path) -> None:
    """A run with every moment overridden ends in the weights of one without, and logs the same."""
    plain, noted = run(tmp_path / "a"), run(tmp_path / "b", callbacks=[Noting()])
    found = [d for d in differences(plain.state(), noted.state()) if not d.startswith((".config", ".callbacks"))]
    assert not found
    lines = [(done.run_dir.path / "logs/metrics.jsonl").read_text().splitlines() for done in (plain, noted)]
    one, other = ([{k: v for k, v in json.loads(line).items() if k != "time"} for line in text] for text in lines)
    assert one == other

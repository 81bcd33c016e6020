"""Optimizers by component, and every kind of optimizer and task: trained, cut and resumed bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from regtrain.errors import ConfigValueError
from regtrain.job import GivenObjects
from regtrain.trainer import Trainable, assign
from regtrain.types import Splits
from support.small_runs import Done, differences, train


def rows(count: int = 18, seed: int = 1) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    return TensorDataset(torch.randn(count, 6, generator=generator), torch.randint(0, 3, (count,), generator=generator))


def words(count: int = 18, seed: int = 1) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    return TensorDataset(
        torch.randint(0, 20, (count, 4), generator=generator), torch.randint(0, 3, (count,), generator=generator)
    )


def plain() -> GivenObjects:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))
    return GivenObjects(model, Splits(rows(), rows(7, 2)))


def embedded() -> GivenObjects:
    torch.manual_seed(0)
    model = nn.Sequential(nn.EmbeddingBag(20, 5, sparse=True, mode="sum"), nn.Linear(5, 3))
    return GivenObjects(model, Splits(words(), words(7, 2)))


def images() -> GivenObjects:
    """Rows of six numbers as what a decoder makes of two."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 6))
    return GivenObjects(model, Splits(rows(), rows(7, 2)))


class TwoLosses(nn.Module):
    """A loss of two parts, one of which has a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.tensor(0.5))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, outputs: torch.Tensor, targets: torch.Tensor) -> dict[str, torch.Tensor]:
        if self.training:
            self.calls += 1
        entropy = nn.functional.cross_entropy(outputs / self.temperature.exp(), targets)
        return {"entropy": entropy, "spread": 0.01 * outputs.square().mean()}


def with_own_loss() -> GivenObjects:
    given = plain()
    given.criterion = TwoLosses()
    return given


STEP = {"name": "StepLR", "step_size": 2, "gamma": 0.5, "interval": "step"}
PLATEAU = {"name": "ReduceLROnPlateau", "patience": 0, "factor": 0.5}
CASES: dict[str, tuple[Callable[[], GivenObjects], dict[str, Any]]] = {
    "LBFGS": (plain, {"optimizer": {"name": "LBFGS", "lr": 0.1, "max_iter": 4, "history_size": 3}}),
    "LBFGS with a line search": (
        plain,
        {"optimizer": {"name": "LBFGS", "line_search_fn": "strong_wolfe", "max_iter": 3}, "scheduler": STEP},
    ),
    "sparse": (
        embedded,
        {"optimizer": {"0": {"name": "SparseAdam", "lr": 0.05}, "1": {"name": "SGD", "lr": 0.1, "momentum": 0.9}}},
    ),
    "sparse gradients for SGD": (embedded, {"optimizer": {"name": "SGD", "lr": 0.1}}),
    "schedule-free": (plain, {"optimizer": {"name": "AdamWScheduleFree", "lr": 0.05, "warmup_steps": 3}}),
    "schedule-free SGD": (plain, {"optimizer": {"name": "SGDScheduleFree", "lr": 0.5}}),
    "two optimizers": (
        plain,
        {
            "optimizer": {
                "0": {"name": "AdamW", "lr": 0.01, "scheduler": STEP},
                "3.*": {"name": "Lion", "lr": 0.01, "scheduler": PLATEAU},
            }
        },
    ),
    "one with modes, one without": (
        plain,
        {"optimizer": {"0": {"name": "RAdamScheduleFree", "lr": 0.05}, "3": {"name": "SGD", "lr": 0.1}}},
    ),
    "a loss of two parts": (with_own_loss, {"optimizer": {"name": "AdamW", "lr": 0.01}}),
    "generative decoder": (
        images,
        {
            "experiment": {"task": "dgd", "task_args": {"latent": 2, "fit_steps": 3}},
            "optimizer": {
                "decoder": {"name": "AdamW", "lr": 0.01, "scheduler": STEP},
                "representation": {"name": "Lion", "lr": 0.05},
            },
            "evaluation": {"every_n_steps": 2},
        },
    ),
}


def run(folder: Path, case: str, **more: Any) -> Done:
    """18 samples in batches of 4, two of them a step: three steps an epoch, the last one of a single short batch."""
    make, config = CASES[case]
    keys: dict[str, Any] = {
        "evaluation": {"every_n_steps": 2},
        **config,
        "experiment": {"name": "small", "output_dir": str(folder / "runs"), **config.get("experiment", {})},
        "training": {"epochs": 2, "batch_size": 4, "gradient_accumulation_steps": 2, "gradient_clip_norm": 1.0},
        "logging": {"every_n_steps": 1},
        "checkpoint": {"monitor": "val/loss"},
    }
    return train(folder, keys, live=make(), **more)


def records(done: Done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (done.run_dir.path / "logs/metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_cut_and_resumed_equals_the_uninterrupted_run(tmp_path: Path, case: str) -> None:
    """Cut after any step, the resumed run ends in the same state, bit for bit: weights, modules, optimizers, schedules."""
    whole = run(tmp_path / "whole", case)
    assert whole.outcome.status == "finished", whole.outcome.error
    expected = whole.state()
    differ = {}
    for cut in range(1, 6):
        part = run(tmp_path / str(cut), case, stop_at=cut)
        assert (part.outcome.status, part.outcome.steps) == ("interrupted", cut), part.outcome
        rest = run(tmp_path / str(cut), case, resume=part.run_dir.path / "checkpoints")
        assert rest.outcome.status == "finished", rest.outcome.error
        found = [d for d in differences(expected, rest.state()) if d != ".config.experiment.output_dir"]
        if found:
            differ[cut] = found
    assert not differ


@pytest.mark.parametrize("case", CASES)
def test_every_parameter_is_trained(tmp_path: Path, case: str) -> None:
    """Every parameter of every component has moved, and stayed finite."""
    done = run(tmp_path, case)
    state, before = done.state(), CASES[case][0]()
    assert before.model is not None
    unmoved = [name for name, value in before.model.state_dict().items() if torch.equal(value, state["model"][name])]
    assert not unmoved
    assert all(bool(torch.isfinite(value).all()) for value in state["model"].values())


def test_the_planted_fault_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of evaluation that stay where those of training belong make a resumed run another one."""
    from regtrain.trainer import DefaultEngine

    honest = DefaultEngine.load

    def forgetful(self: DefaultEngine, state: Any) -> None:
        honest(self, {**state, "training_weights": {}})

    monkeypatch.setattr(DefaultEngine, "load", forgetful)
    with pytest.raises(AssertionError):
        test_cut_and_resumed_equals_the_uninterrupted_run(tmp_path, "schedule-free")


def test_lbfgs_equals_a_loop_by_hand(tmp_path: Path) -> None:
    """The closure evaluates the loss over all micro-batches of a step, as one by hand over the whole batch does."""
    torch.manual_seed(0)
    model = nn.Linear(6, 3)
    by_hand = nn.Linear(6, 3)
    by_hand.load_state_dict(model.state_dict())
    data = rows(16)
    keys = {
        "training": {"epochs": 3, "batch_size": 4, "gradient_accumulation_steps": 4},
        "optimizer": {"name": "LBFGS", "lr": 0.5, "max_iter": 5},
        "checkpoint": {"monitor": "val/loss"},
    }
    done = train(tmp_path, keys, live=GivenObjects(model, Splits(data, data)))
    assert (done.outcome.status, done.outcome.steps) == ("finished", 3)
    optimizer = torch.optim.LBFGS(by_hand.parameters(), lr=0.5, max_iter=5)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(by_hand(data.tensors[0]), data.tensors[1])
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)  # type: ignore[arg-type]
    for mine, other in zip(model.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)


def test_what_is_registered_is_what_was_validated(tmp_path: Path) -> None:
    """The weights in a checkpoint of a schedule-free run give the validation loss that is recorded beside them."""
    done = run(tmp_path, "schedule-free")
    model = CASES["schedule-free"][0]().model
    assert model is not None
    model.load_state_dict(done.state()["model"])
    model.eval().requires_grad_(False)
    inputs, targets = rows(7, 2).tensors
    losses = [
        nn.functional.cross_entropy(model(x), y) * len(y)
        for x, y in zip(inputs.split(4), targets.split(4), strict=True)
    ]
    assert float(sum(losses)) / 7 == pytest.approx(done.outcome.metrics["val/loss"], rel=1e-6)


def test_each_part_of_a_loss_is_logged(tmp_path: Path) -> None:
    """Parts by name, whose sum is the loss; the loss's own parameter is trained, and apart from the model's weights."""
    done = run(tmp_path, "a loss of two parts")
    for record in records(done):
        for split in ("train", "val"):
            if f"{split}/loss" in record:
                parts = record[f"{split}/entropy"] + record[f"{split}/spread"]
                assert parts == pytest.approx(record[f"{split}/loss"], rel=1e-5)
    state = done.state()
    assert state["modules"]["loss"]["temperature"] != 0.5
    assert state["modules"]["loss"]["calls"] == 10
    assert sorted(state["model"]) == ["0.bias", "0.weight", "3.bias", "3.weight"]


def test_each_component_logs_its_rate(tmp_path: Path) -> None:
    """Rates by the name of the component; a schedule that follows a metric is that of its component alone."""
    lines = [record for record in records(run(tmp_path, "two optimizers")) if "train/loss" in record]
    assert [line["train/lr/0"] for line in lines] == [0.01, 0.005, 0.005, 0.0025, 0.0025, 0.00125]
    assert {line["train/lr/3.*"] for line in lines} <= {0.01, 0.005}


def test_held_out_representations_are_fitted(tmp_path: Path) -> None:
    """More steps of fitting give a lower validation loss through the same decoder."""
    make, config = CASES["generative decoder"]

    def loss(steps: int) -> float:
        keys = {**config, "training": {"epochs": 3, "batch_size": 6}}
        keys["experiment"] = {"output_dir": str(tmp_path / str(steps)), **config["experiment"]}
        keys["experiment"]["task_args"] = {"latent": 2, "fit_steps": steps}
        return train(tmp_path / str(steps), keys, live=make()).outcome.metrics["val/loss"]

    assert loss(40) < loss(1)


def trainable() -> Trainable:
    model = nn.Sequential()
    model.add_module("encoder", nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)))
    model.add_module("head", nn.Linear(2, 1))
    return Trainable(model, {"representation": nn.Embedding(3, 2)}, nn.MSELoss())


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["model", "representation"], [6, 1]),
        (["encoder", "head", "representation"], [4, 2, 1]),
        (["encoder.0", "encoder.1", "head.*", "representation.weight"], [2, 2, 2, 1]),
        (["*.weight", "*.bias"], [4, 3]),
        (["*"], [7]),
    ],
)
def test_components_by_name_path_or_pattern(patterns: list[str], found: list[int]) -> None:
    """Each parameter belongs to exactly one."""
    assigned = assign(patterns, trainable())
    assert [len(parameters) for parameters in assigned.values()] == found
    assert sum(found) == 7


@pytest.mark.parametrize(
    ("patterns", "message", "hint"),
    [
        (["encoder", "representation"], "no pattern matches parameter 'head.weight'", "encoder, representation"),
        (["model", "head", "representation"], "both 'model' and 'head' match parameter 'head.weight'", ""),
        (["*.weight", "*.bias", "head.bias"], "both '*.bias' and 'head.bias' match parameter 'head.bias'", ""),
        (["encodr", "head", "representation"], "'encodr' matches no parameter", "nearest: encoder"),
        (["decoder", "representation"], "'decoder' matches no parameter", "encoder"),
        (["loss", "*"], "'loss' matches no parameter", ""),
    ],
)
def test_a_pattern_that_does_not_fit_is_named(patterns: list[str], message: str, hint: str) -> None:
    """A parameter of none or of two, and a pattern for nothing: the parameter, the patterns, the nearest names."""
    with pytest.raises(ConfigValueError) as raised:
        assign(patterns, trainable())
    assert message in raised.value.message
    assert hint in raised.value.hint


def test_the_model_by_the_name_that_the_task_gives_it() -> None:
    """`decoder` is the whole model of a task that calls it so, unless a module of the model is called so."""
    assert len(assign(["decoder", "representation"], trainable(), "decoder")["decoder"]) == 6
    with pytest.raises(ConfigValueError, match="no pattern matches parameter 'head"):
        assign(["encoder", "representation"], trainable(), "encoder")


def test_a_clash_of_names_is_refused() -> None:
    """A module of the model and one of the task with the same name could not be told apart."""
    with pytest.raises(ConfigValueError, match="'head' is a module of the model"):
        Trainable(trainable().model, {"head": nn.Linear(1, 1)}, None)


def test_lbfgs_beside_another_is_refused(tmp_path: Path) -> None:
    """Its closure would change the gradients of the other: exit code 2, before a step is made."""
    keys = {"training": {"epochs": 1}, "optimizer": {"0": {"name": "LBFGS"}, "3": {"name": "SGD"}}}
    done = train(tmp_path, keys, live=plain())
    assert done.outcome.error
    assert done.outcome.error["exit_code"] == 2
    assert "'0' evaluates the loss several times" in done.outcome.error["message"]


def test_other_groups_are_refused_on_resume(tmp_path: Path) -> None:
    """The state of one division is not loaded into another."""
    part = run(tmp_path, "two optimizers", stop_at=2)
    keys = {
        "training": {"epochs": 3, "batch_size": 4, "gradient_accumulation_steps": 2},
        "optimizer": {"name": "AdamW"},
    }
    done = train(tmp_path, keys, live=plain(), resume=part.run_dir.path / "checkpoints")
    assert done.outcome.error
    assert "optimizer 0, optimizer 3.*, and the config asks for optimizer" in done.outcome.error["message"]

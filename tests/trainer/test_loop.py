"""The loop: what it computes, when it measures, and when it ends."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from regtrain.checkpoint.folder import read_checkpoint
from regtrain.checkpoint.keep import list_checkpoints
from regtrain.errors import PluginError
from regtrain.job import GivenObjects
from regtrain.trainer import Batches
from regtrain.types import Splits
from support.small_runs import Done, NoisyRows, SeenLoss, differences, small_model, train


def rows(count: int = 40, seed: int = 1) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    return TensorDataset(torch.randn(count, 6, generator=generator), torch.randint(0, 3, (count,), generator=generator))


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def plain(tmp_path: Path, config: dict[str, Any], data: Splits | None = None, **more: Any) -> tuple[Done, nn.Module]:
    model = linear()
    done = train(tmp_path, config, live=GivenObjects(model, data or Splits(rows(), rows(10, 2))), **more)
    return done, model


def records(done: Done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (done.run_dir.path / "logs/metrics.jsonl").read_text().splitlines()]


def by_hand(batches: Batches, epochs: int, make: Any, clip: float | None = None, accumulate: int = 1) -> nn.Module:
    """The same training written out: mean loss over the samples of each optimizer step."""
    model = linear()
    optimizer = make(model.parameters())
    for epoch in range(epochs):
        whole = list(batches.epoch(epoch))
        for first in range(0, len(whole), accumulate):
            window = whole[first : first + accumulate]
            optimizer.zero_grad()
            samples = sum(len(y) for _, y in window)
            for x, y in window:
                loss = nn.functional.cross_entropy(model(x), y)
                (loss if accumulate == 1 else loss * (len(y) / samples)).backward()
            if clip:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
    return model


def assert_equal_weights(one: nn.Module, other: nn.Module) -> None:
    for (name, a), b in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


@pytest.mark.parametrize("clip", [None, 0.5])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_equals_a_loop_by_hand(tmp_path: Path, clip: float | None, accumulate: int) -> None:
    """Weights equal those of the hand-written loop bit for bit, with clipping and accumulation over a short epoch."""
    config = {
        "training": {
            "epochs": 2,
            "batch_size": 7,
            "gradient_accumulation_steps": accumulate,
            **({"gradient_clip_norm": clip} if clip else {}),
        },
        "optimizer": {"name": "SGD", "lr": 0.1, "momentum": 0.9},
        "experiment": {"output_dir": str(tmp_path / "runs"), "seed": 5},
    }
    done, model = plain(tmp_path, config)
    assert done.outcome.status == "finished", done.outcome.error
    batches = Batches(rows(), 7, seed=5, shuffle=True)
    expected = by_hand(batches, 2, lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), clip, accumulate)
    assert_equal_weights(model, expected)


def test_accumulated_step_equals_one_large_batch(tmp_path: Path) -> None:
    """Four batches of 5 weigh as one of 20, also for the last step, which has fewer samples."""
    one, large = plain(tmp_path / "a", {"training": {"epochs": 1, "batch_size": 20}, "optimizer": "SGD", "lr": 0.1})
    config = {"training": {"epochs": 1, "batch_size": 5, "target_batch_size": 20}, "optimizer": "SGD", "lr": 0.1}
    many, small = plain(tmp_path / "b", config)
    assert one.outcome.steps == many.outcome.steps == 2
    for a, b in zip(large.parameters(), small.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


def test_batched_fetch_gives_the_same_samples() -> None:
    """A TensorDataset read a batch at a time gives what sample by sample would give."""
    data = rows(23)

    class Plain(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return len(data)

        def __getitem__(self, index: int) -> Any:
            return data[index]

    fast = Batches(data, 4, seed=9, shuffle=True)
    slow = Batches(Plain(), 4, seed=9, shuffle=True)
    for a, b in zip(fast.epoch(1, 2), slow.epoch(1, 2), strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_each_epoch_has_its_own_order() -> None:
    """Every sample once an epoch, in an order that differs between epochs and seeds."""
    orders = [
        [int(i) for batch in Batches(rows(50), 8, seed=seed, shuffle=True).indices(epoch) for i in batch]
        for seed, epoch in [(0, 0), (0, 1), (1, 0)]
    ]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_max_steps_ends_within_an_epoch(tmp_path: Path) -> None:
    """max_steps counts optimizer steps; the last weights are validated and saved."""
    done, _ = plain(tmp_path, {"training": {"max_steps": 7, "batch_size": 8}})
    assert (done.outcome.steps, done.outcome.status) == (7, "finished")
    last = list_checkpoints(done.run_dir.path / "checkpoints")[-1]
    assert last.step == 7
    assert "val/loss" in last.metrics


def test_validation_by_steps_and_epochs(tmp_path: Path) -> None:
    """evaluation.every_n_steps and every_n_epochs together; one validation per step at most."""
    config = {"training": {"epochs": 4, "batch_size": 8}, "evaluation": {"every_n_steps": 3, "every_n_epochs": 2}}
    done, _ = plain(tmp_path, config)
    measured = [record["step"] for record in records(done) if "val/loss" in record]
    assert measured == [3, 6, 9, 10, 12, 15, 18, 20]


def test_metrics_can_be_chosen(tmp_path: Path) -> None:
    """evaluation.metrics keeps those that are named, the loss, and what decides which checkpoint is best."""
    done, _ = plain(tmp_path, {"training": {"epochs": 1}, "evaluation": {"metrics": ["f1"]}})
    assert sorted(k for k in done.outcome.metrics if k.startswith("val/")) == ["val/accuracy", "val/f1", "val/loss"]


def test_early_stopping_ends_the_run(tmp_path: Path) -> None:
    """With a learning rate of 0 nothing improves: the run ends after `patience` validations."""
    config = {
        "training": {"epochs": 50},
        "optimizer": {"lr": 0.0},
        "early_stopping": {"patience": 3, "metric": "val_loss"},
    }
    done, _ = plain(tmp_path, config)
    assert done.outcome.status == "finished"
    assert (done.outcome.epochs, done.outcome.reason) == (4, "patience used up")


def test_early_stopping_by_steps_ends_within_the_epoch(tmp_path: Path) -> None:
    """A validation within an epoch can use the patience up."""
    config = {
        "training": {"epochs": 50, "batch_size": 4},
        "optimizer": {"lr": 0.0},
        "evaluation": {"every_n_steps": 1},
        "early_stopping": {"patience": 2, "metric": "val_loss"},
    }
    done, _ = plain(tmp_path, config)
    assert done.outcome.steps == 3


def test_bf16_trains(tmp_path: Path) -> None:
    """bf16 autocast on CPU: weights stay float32, the loss falls, and the numbers differ from 32 bits."""
    exact, _ = plain(tmp_path / "32", {"training": {"epochs": 5}, "lr": 0.05})
    rough, model = plain(tmp_path / "bf16", {"training": {"epochs": 5, "precision": "bf16"}, "lr": 0.05})
    losses = [record["train/loss"] for record in records(rough) if "train/loss" in record]
    assert losses[-1] < losses[0]
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert rough.outcome.metrics["val/loss"] != exact.outcome.metrics["val/loss"]


def test_gradient_norm_and_rate_are_logged(tmp_path: Path) -> None:
    """Every record of training has the norm before clipping and the learning rate."""
    config = {
        "training": {"epochs": 1, "batch_size": 8, "gradient_clip_norm": 1e-3},
        "logging": {"every_n_steps": 1},
        "optimizer": {"name": "SGD", "lr": 0.25},
        "scheduler": {"name": "ExponentialLR", "gamma": 0.5, "interval": "step"},
    }
    done, _ = plain(tmp_path, config)
    lines = [record for record in records(done) if "train/loss" in record]
    assert [line["train/lr"] for line in lines] == [0.125, 0.0625, 0.03125, 0.015625, 0.0078125]
    assert all(line["train/grad_norm"] > 1e-3 for line in lines)


def test_gradient_norm_without_clipping_leaves_gradients_alone(tmp_path: Path) -> None:
    """Logging the norm changes no weight."""
    keys = {"training": {"epochs": 2, "batch_size": 8}, "lr": 0.05}
    _, quiet = plain(tmp_path / "a", {**keys, "logging": {"every_n_steps": 1000}})
    _, loud = plain(tmp_path / "b", {**keys, "logging": {"every_n_steps": 1}})
    assert_equal_weights(quiet, loud)


def test_debug_runs_one_batch_through_every_stage(tmp_path: Path) -> None:
    """One step, one validation batch, one checkpoint that can be read."""
    done, _ = plain(tmp_path, {"training": {"epochs": 9, "batch_size": 4, "debug": True}})
    assert (done.outcome.status, done.outcome.steps) == ("finished", 1)
    assert "val/accuracy" in done.outcome.metrics
    assert read_checkpoint(done.checkpoints()[-1])["progress"]["step"] == 1


def test_same_seed_same_weights(tmp_path: Path) -> None:
    """Two runs of one seed are equal bit for bit; another seed is not."""

    def weights(folder: str, seed: int) -> list[torch.Tensor]:
        keys = {"training": {"epochs": 1}, "model": {"name": "mlp", "in_features": 6, "out_features": 3}, "seed": seed}
        done = train(tmp_path / folder, keys, live=GivenObjects(data=Splits(rows(), rows(10))))
        return list(done.state()["model"].values())

    one, again, other = weights("a", 1), weights("b", 1), weights("c", 2)
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_deterministic_is_asked_of_torch(tmp_path: Path) -> None:
    """reproducibility.deterministic turns torch's own switch on."""
    assert not torch.are_deterministic_algorithms_enabled()
    try:
        plain(tmp_path, {"training": {"epochs": 1}, "reproducibility": {"deterministic": True}})
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


def test_without_validation_data_the_training_loss_decides(tmp_path: Path) -> None:
    """No validation split: the run finishes, and the best checkpoint is that of the lowest training loss."""
    done, _ = plain(tmp_path, {"training": {"epochs": 3}, "lr": 0.01}, data=Splits(rows()))
    assert done.outcome.status == "finished"
    assert done.outcome.best
    assert done.outcome.best["metric"] == "train/loss"


def test_dict_batches(tmp_path: Path) -> None:
    """Samples may be mappings such as image and target."""

    class Named(NoisyRows):
        def __getitem__(self, index: int) -> Any:
            return {"image": self.inputs[index], "target": self.labels[index]}

    done, _ = plain(tmp_path, {"training": {"epochs": 1}}, data=Splits(Named(20), Named(8)))
    assert done.outcome.status == "finished", done.outcome.error
    assert math.isfinite(done.outcome.metrics["val/loss"])


def test_checkpoints_are_kept_while_the_run_goes_on(tmp_path: Path) -> None:
    """Best, last, every N epochs and the top K by a metric stay; the others go."""
    config = {
        "training": {"epochs": 9, "batch_size": 8},
        "lr": 0.02,
        "checkpoint": {"every_n_epochs": 4, "keep_top_k": 2, "monitor": "val_loss"},
    }
    done, _ = plain(tmp_path, config)
    infos = list_checkpoints(done.run_dir.path / "checkpoints")
    losses = {r["step"]: r["val/loss"] for r in records(done) if "val/loss" in r}
    top = sorted(losses, key=losses.__getitem__)[:2]
    assert {info.step for info in infos} == {*top, 20, 40, 45}
    assert (done.run_dir.path / "checkpoints/best").resolve().name == f"step-{top[0]:08d}"
    assert (done.run_dir.path / "checkpoints/last").resolve().name == "step-00000045"


@pytest.mark.parametrize("section", ["checkpoint", "early_stopping"])
def test_a_metric_that_is_not_measured_is_an_error(tmp_path: Path, section: str) -> None:
    """What decides must be measured: the first validation says so and offers what is there."""
    done, _ = plain(tmp_path, {"training": {"epochs": 2}, section: {"monitor": "val/acuracy", "mode": "max"}})
    assert done.outcome.error
    assert done.outcome.error["exit_code"] == 2
    assert "'val/acuracy'" in done.outcome.error["message"]
    assert "val/accuracy" in done.outcome.error["hint"]


def test_half_an_epoch_goes_on_in_its_own_order_only(tmp_path: Path) -> None:
    """Another batch size within an epoch is refused, at the end of an epoch it is not."""
    keys = {"training": {"epochs": 2, "batch_size": 8}, "logging": {"every_n_steps": 1}}
    other = {"training": {"epochs": 3, "batch_size": 10}}
    middle, _ = plain(tmp_path / "a", keys, stop_at=2)
    refused, _ = plain(tmp_path / "b", other, resume=middle.run_dir.path / "checkpoints")
    assert refused.outcome.error
    assert "batch_size 8 → 10" in refused.outcome.error["message"]
    ended, _ = plain(tmp_path / "c", keys)
    more, _ = plain(tmp_path / "d", other, resume=ended.run_dir.path / "checkpoints")
    assert more.outcome.status == "finished"


def test_plateau_waits_for_a_validation(tmp_path: Path) -> None:
    """Epochs without a validation do not use the scheduler's patience up."""
    config = {
        "training": {"epochs": 6},
        "optimizer": {"name": "SGD", "lr": 1.0e-9},
        "scheduler": {"name": "ReduceLROnPlateau", "patience": 1, "factor": 0.1, "threshold": 0.5},
        "evaluation": {"every_n_epochs": 3},
        "logging": {"every_n_steps": 1},
    }
    done, _ = plain(tmp_path, config)
    rates = {record["train/lr"] for record in records(done) if "train/lr" in record}
    assert rates == {1.0e-9}


def test_plateau_by_steps_is_refused(tmp_path: Path) -> None:
    """There is no metric at every step."""
    with pytest.raises(PluginError, match="interval: epoch"):
        plain(tmp_path, {"training": {"epochs": 1}, "scheduler": {"name": "plateau", "interval": "step"}})


def test_gradients_from_before_do_not_count(tmp_path: Path) -> None:
    """A model that arrives with gradients trains like one without."""
    model = linear()
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    keys = {"training": {"epochs": 1}, "optimizer": {"name": "SGD", "lr": 0.1}}
    train(tmp_path / "a", keys, live=GivenObjects(model, Splits(rows(), rows(10, 2))))
    _, other = plain(tmp_path / "b", keys)
    assert_equal_weights(model, other)


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"evaluation": {"metrics": ["nope"]}}, "val/nope"),
        ({"checkpoint": {"monitor": "val/acuracy", "mode": "max"}}, "val/acuracy"),
        ({"evaluation": {"evaluator": "regression"}}, "evaluator Regression"),
    ],
)
def test_what_would_fail_after_an_epoch_fails_before_it(tmp_path: Path, keys: dict[str, Any], named: str) -> None:
    """The sanity check on one batch finds what cannot be measured before a step is made."""
    done, _ = plain(tmp_path, {"training": {"epochs": 1}, **keys})
    assert done.outcome.error
    assert (done.outcome.error["exit_code"], done.outcome.steps) == (2, 0)
    assert named in done.outcome.error["message"]


def test_the_sanity_check_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run with a sanity check equals one without, random numbers of the model and the data included."""
    from regtrain.trainer import loop

    keys: dict[str, Any] = {"training": {"epochs": 2, "batch_size": 4}, "evaluation": {"evaluator": "none"}}
    keys["checkpoint"] = {"monitor": "val/loss"}

    def trained(folder: str) -> Any:
        live = GivenObjects(small_model(), Splits(NoisyRows(18), NoisyRows(7)), SeenLoss())
        return train(tmp_path / folder, keys, live=live).state()

    checked = trained("a")
    monkeypatch.setattr(loop, "sanity_check", lambda trainer, validation: None)
    plainly = trained("b")
    assert not [d for d in differences(checked, plainly) if not d.startswith(".config")]

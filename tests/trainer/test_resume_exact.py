"""A run that was cut and resumed equals the one that was not, bit for bit."""

from __future__ import annotations

import multiprocessing
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from regtrain.host import Host, Offer
from support.small_runs import Done, LabelAccuracy, differences, train

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"optimizer": {"name": "SGD", "lr": 0.05, "momentum": 0.9}},
    "adamw": {"optimizer": {"name": "AdamW", "lr": 0.01}},
    "per-step": {"optimizer": {"name": "AdamW", "lr": 0.01}, "scheduler": {"name": "OneCycleLR", "max_lr": 0.02}},
    "plateau": {
        "optimizer": {"name": "SGD", "lr": 0.05},
        "scheduler": {"name": "ReduceLROnPlateau", "patience": 0, "factor": 0.5, "monitor": "val/loss"},
    },
}
# 18 rows in batches of 4: five batches an epoch, the last one short, which accumulation by 2 does not divide either.
BATCHES, EPOCHS = 5, 3


@pytest.fixture(scope="module")
def host() -> Host:
    """The installed plugins, with an evaluator that knows the index column of the small data."""
    made = Host()
    assert made.plugins
    made._offers["evaluators", "classification"] = [
        Offer("evaluators", "classification", LabelAccuracy, "test", "test")
    ]
    return made


def config(kind: str, workers: int, accumulate: int) -> dict[str, Any]:
    return {
        **OPTIMIZERS[kind],
        "training": {
            "epochs": EPOCHS,
            "batch_size": 4,
            "gradient_accumulation_steps": accumulate,
            "gradient_clip_norm": 1.0,
        },
        "data": {"num_workers": workers},
        "logging": {"every_n_steps": 1},
        "evaluation": {"every_n_steps": 2},
        "checkpoint": {"monitor": "val/accuracy", "keep_top_k": 2},
        "early_stopping": {"patience": 50, "monitor": "val/loss", "min_delta": 0.5},
    }


def cut_and_resumed(tmp_path: Path, keys: dict[str, Any], host: Host, cuts: tuple[int, ...]) -> tuple[Done, list[int]]:
    """The last of the runs that together make the whole one, and every sample that they saw in order."""
    resume = None
    for cut in cuts:
        part = train(tmp_path, keys, stop_at=cut, resume=resume, host=host)
        assert not multiprocessing.active_children(), "loading processes outlive their run"
        assert part.outcome.status == "interrupted", part.outcome
        assert part.outcome.steps == cut
        resume = part.run_dir.path / "checkpoints"
    done = train(tmp_path, keys, resume=resume, host=host)
    return done, done.seen  # the loss keeps what it saw, in every checkpoint


def check(tmp_path: Path, kind: str, workers: int, accumulate: int, host: Host, cuts: list[tuple[int, ...]]) -> None:
    keys = config(kind, workers, accumulate)
    whole = train(tmp_path / "whole", keys, host=host)
    assert whole.outcome.status == "finished", whole.outcome
    expected = whole.state()
    for number, at in enumerate(cuts):
        done, seen = cut_and_resumed(tmp_path / f"cut-{number}", keys, host, at)
        assert done.outcome.status == "finished", (at, done.outcome)
        # experiment.output_dir names the folder of this test, everything else must be the same
        differ = [d for d in differences(expected, done.state()) if d != ".config.experiment.output_dir"]
        assert not differ, (at, differ)
        assert seen == whole.seen, at
        assert best(done) == best(whole), at


def best(done: Done) -> dict[str, Any]:
    """The best checkpoint of a run, wherever its folder is."""
    assert done.outcome.best
    return {key: value for key, value in done.outcome.best.items() if key != "checkpoint"}


def steps(accumulate: int) -> int:
    return EPOCHS * -(-BATCHES // accumulate)


@pytest.mark.slow
@pytest.mark.parametrize(("accumulate", "cuts"), [(1, (1, 5, 6, 13, 15)), (2, (2, 3, 4, 9))])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_cut_where_it_matters(tmp_path: Path, host: Host, kind: str, accumulate: int, cuts: tuple[int, ...]) -> None:
    """One cut: within an epoch, at its end and right after it, after the last step of all."""
    assert cuts[-1] == steps(accumulate)
    check(tmp_path, kind, 0, accumulate, host, [(step,) for step in cuts])


@pytest.mark.slow
@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_cut_at_every_step(tmp_path: Path, host: Host, kind: str, accumulate: int) -> None:
    """One cut after each step."""
    check(tmp_path, kind, 0, accumulate, host, [(step,) for step in range(1, steps(accumulate) + 1)])


@pytest.mark.slow
def test_cut_twice(tmp_path: Path, host: Host) -> None:
    """Two cuts within one epoch, at its end and again right after it, and in two epochs."""
    check(tmp_path, "per-step", 0, 1, host, [(1, 2), (2, 4), (4, 5), (5, 6), (3, 10), (5, 10)])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on a machine with fewer cores
def test_cut_with_loading_processes(tmp_path: Path, host: Host) -> None:
    """With two loading processes: mid-epoch, at the epoch's end, and twice within one epoch."""
    check(tmp_path, "adamw", 2, 2, host, [(2,), (3,), (4, 5)])


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "accumulate"), list(product(OPTIMIZERS, [1, 2])))
def test_cut_at_every_step_with_loading_processes(tmp_path: Path, host: Host, kind: str, accumulate: int) -> None:
    """One cut after each step, and two in one epoch, with two loading processes."""
    cuts: list[tuple[int, ...]] = [(step,) for step in range(1, steps(accumulate) + 1)]
    check(tmp_path, kind, 2, accumulate, host, [*cuts, (1, 2), (2, 4)])


def test_more_epochs(tmp_path: Path, host: Host) -> None:
    """A finished run goes on with more epochs as if it had been asked for them at once."""
    keys = config("adamw", 0, 1)
    longer = {**keys, "training": {**keys["training"], "epochs": EPOCHS + 2}}
    whole = train(tmp_path / "whole", longer, host=host)
    short = train(tmp_path / "short", keys, host=host)
    more = train(tmp_path / "more", longer, resume=short.run_dir.path / "checkpoints", host=host)
    # the short run ended with a validation at the end of an epoch, as the long one had there
    differ = [d for d in differences(whole.state(), more.state()) if not d.startswith(".config.")]
    assert not differ
    assert best(more) == best(whole)


PLANTED = {
    "generators are not restored": "regtrain.trainer.state.restore",
    "the optimizer's state is not loaded": "torch.optim.Optimizer.load_state_dict",
    "early stopping forgets": "regtrain.trainer.stopping.EarlyStopping.load_state_dict",
}


@pytest.mark.parametrize("place", PLANTED.values(), ids=PLANTED)
def test_a_planted_fault_is_seen(tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Each part of the state matters: leaving it out while resuming makes the comparison fail."""
    monkeypatch.setattr(place, lambda *_: None)
    with pytest.raises(AssertionError):
        check(tmp_path, "adamw", 0, 1, host, [(7,), (13,)])


def test_a_position_that_is_forgotten_is_seen(tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch that begins anew after a cut in its middle makes the comparison fail."""
    from regtrain.trainer import Batches

    honest = Batches.epoch
    monkeypatch.setattr(Batches, "epoch", lambda self, epoch, start=0: honest(self, epoch))
    with pytest.raises(AssertionError):
        check(tmp_path, "adamw", 0, 1, host, [(7,)])

"""Going on with another config than before: what is taken, what is said, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from regtrain.checkpoint.keep import list_checkpoints
from regtrain.job import GivenObjects
from regtrain.types import Splits
from support.small_runs import Done, train


def rows(count: int, seed: int) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    return TensorDataset(torch.randn(count, 6, generator=generator), torch.randint(0, 3, (count,), generator=generator))


def run(folder: Path, epochs: int, after: Done | None = None, **sections: Any) -> Done:
    """Five steps an epoch."""
    torch.manual_seed(0)
    live = GivenObjects(nn.Linear(6, 3), Splits(rows(40, 1), rows(10, 2)))
    config = {"training": {"epochs": epochs, "batch_size": 8}, **sections}
    resume = after.run_dir.path / "checkpoints" if after else None
    return train(folder, config, live=live, resume=resume)


def warnings_of(done: Done) -> str:
    lines = (done.run_dir.path / "logs/train.log").read_text().splitlines()
    return "\n".join(line for line in lines if " WARNING " in line)


PARTS: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "to fewer keys": ({"optimizer": "AdamW"}, {"optimizer": {"name": "SGD", "lr": 0.1}}, "AdamW", "SGD"),
    "to more keys": ({"optimizer": {"name": "SGD", "lr": 0.1}}, {"optimizer": "AdamW"}, "SGD", "AdamW"),
    "to the same keys": ({"optimizer": "AdamW"}, {"optimizer": "Adam"}, "AdamW", "Adam"),
    "scheduler": ({"scheduler": {"name": "StepLR"}}, {"scheduler": "cosine"}, "StepLR", "CosineAnnealingLR"),
    "parts of a scheduler": (
        {
            "scheduler": {
                "name": "SequentialLR",
                "schedulers": [{"name": "LinearLR"}, {"name": "ExponentialLR", "gamma": 0.9}],
                "milestones": [1],
            }
        },
        {
            "scheduler": {
                "name": "SequentialLR",
                "schedulers": [{"name": "ExponentialLR", "gamma": 0.9}, {"name": "LinearLR"}],
                "milestones": [1],
            }
        },
        "SequentialLR(LinearLR, ExponentialLR)",
        "SequentialLR(ExponentialLR, LinearLR)",
    ),
}


@pytest.mark.parametrize("case", PARTS)
def test_another_optimizer_or_scheduler_is_refused(tmp_path: Path, case: str) -> None:
    """State of one class is never loaded into another: exit code 2, both are named, no step is made."""
    before, now, was, asked = PARTS[case]
    refused = run(tmp_path, 2, run(tmp_path, 1, **before), **now)
    assert refused.outcome.error
    assert refused.outcome.error["exit_code"] == 2
    assert f"{was}, and the config asks for {asked}" in refused.outcome.error["message"]
    assert refused.outcome.steps == 0


class Layers(nn.Module):
    """Three layers, which are defined in this order and always used in another."""

    def __init__(self, order: str) -> None:
        super().__init__()
        for name in order:
            setattr(self, name, nn.Linear(6, 3 if name == "c" else 6))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.c(self.b(self.a(inputs)))
        return outputs


def test_layers_in_another_order_are_refused(tmp_path: Path) -> None:
    """torch keeps the state of an optimizer by position: layers of one shape would get each other's momentum."""

    def layers(order: str, epochs: int, resume: Path | None = None) -> Done:
        live = GivenObjects(Layers(order), Splits(rows(40, 1), rows(10, 2)))
        return train(tmp_path, {"training": {"epochs": epochs, "batch_size": 8}}, live=live, resume=resume)

    first = layers("abc", 1)
    before = first.run_dir.path / "checkpoints"
    refused = layers("bac", 2, before)
    assert refused.outcome.error
    assert refused.outcome.error["exit_code"] == 2
    assert "another order" in refused.outcome.error["message"]
    assert "a.weight is now b.weight" in refused.outcome.error["message"].replace("model.", "")
    assert layers("abc", 2, before).outcome.status == "finished"


def test_one_cycle_does_not_go_beyond_its_end(tmp_path: Path) -> None:
    """OneCycleLR of a shorter run is refused before a step is made, not at the first step that it does not have."""
    keys = {"scheduler": {"name": "OneCycleLR", "max_lr": 0.1}}
    refused = run(tmp_path, 4, run(tmp_path, 2, **keys), **keys)
    assert refused.outcome.error
    assert refused.outcome.error["exit_code"] == 2
    assert "made for 10 steps, and the run would have 20" in refused.outcome.error["message"]
    assert refused.outcome.steps == 0


@pytest.mark.parametrize(
    ("scheduler", "said"),
    [
        ({"name": "cosine"}, "T_max 2, not 4"),
        ({"name": "cosine", "warmup_epochs": 1}, "T_max 1, not 3"),
        ({"name": "cosine", "T_max": 8}, ""),
        ({"name": "StepLR", "step_size": 1}, ""),
    ],
    ids=str,
)
def test_a_scheduler_keeps_the_length_it_was_made_for(tmp_path: Path, scheduler: dict[str, Any], said: str) -> None:
    """With more epochs that is said, for what follows from the length of the run; and again when cut once more."""
    first = run(tmp_path, 2, scheduler=scheduler)
    second = run(tmp_path, 4, first, scheduler=scheduler)
    assert (said in warnings_of(second)) if said else not warnings_of(second)
    third = run(tmp_path, 5, second, scheduler=scheduler)
    assert (said.partition(",")[0] in warnings_of(third)) if said else not warnings_of(third)


def test_another_learning_rate_is_no_other_length(tmp_path: Path) -> None:
    """A changed rate is said once, of the optimizer."""
    first = run(tmp_path, 2, scheduler={"name": "StepLR", "step_size": 1}, optimizer={"lr": 0.1})
    second = run(tmp_path, 3, first, scheduler={"name": "StepLR", "step_size": 1}, optimizer={"lr": 0.2})
    assert "optimizer has changed" in warnings_of(second)
    assert "another length" not in warnings_of(second)


STILL: dict[str, Any] = {"optimizer": {"name": "SGD", "lr": 0.0}}


def test_more_patience_goes_on(tmp_path: Path) -> None:
    """A run that ended as its patience was used up goes on with more of it, and counts on from where it was."""
    first = run(tmp_path, 20, early_stopping={"patience": 2}, **STILL)
    assert first.outcome.epochs == 3
    more = run(tmp_path, 20, first, early_stopping={"patience": 4}, **STILL)
    assert (more.outcome.status, more.outcome.epochs) == ("finished", 5)
    without = run(tmp_path, 6, first, **STILL)
    assert (without.outcome.status, without.outcome.epochs) == ("finished", 6)


def test_no_patience_left_is_said(tmp_path: Path) -> None:
    """With no more patience than before nothing is left to train: an error, and not a run without a step."""
    keys = {"early_stopping": {"patience": 2}, **STILL}
    refused = run(tmp_path, 20, run(tmp_path, 20, **keys), **keys)
    assert refused.outcome.error
    assert refused.outcome.error["exit_code"] == 2
    assert "patience of 2 was used up" in refused.outcome.error["message"]
    assert "early_stopping.patience=4" in refused.outcome.error["hint"]


WORSE: dict[str, Any] = {
    "optimizer": {"name": "SGD", "lr": 0.1},
    "scheduler": {"name": "StepLR", "step_size": 2, "gamma": 1000.0},
    "checkpoint": {"monitor": "val/loss"},
}


def test_what_was_best_before_stays_the_best(tmp_path: Path) -> None:
    """A run that was cut after its best epoch ends with the best of the whole, as if it had not been cut."""
    whole = run(tmp_path, 6, **WORSE)
    second = run(tmp_path, 6, run(tmp_path, 4, **WORSE), **WORSE)
    assert whole.outcome.best
    assert second.outcome.best
    assert whole.outcome.best["step"] <= 10
    assert second.outcome.best == {**whole.outcome.best, "checkpoint": second.outcome.best["checkpoint"]}
    assert (second.run_dir.path / "checkpoints" / str(second.outcome.checkpoint)).is_dir()


def damaged(path: Path) -> None:
    with (path / "model.safetensors").open("ab") as file:
        file.write(b"x")


FORGOTTEN: dict[str, tuple[Callable[[Path], None], dict[str, Any], str]] = {
    "damaged": (damaged, {}, "not taken over"),
    "other loss": (lambda path: None, {"loss": {"name": "CrossEntropyLoss", "label_smoothing": 0.1}}, ""),
}


@pytest.mark.parametrize("case", FORGOTTEN)
def test_what_cannot_be_compared_or_trusted_is_not_taken_over(tmp_path: Path, case: str) -> None:
    """A damaged checkpoint is named and left; metrics of another loss, other data or evaluation say nothing here."""
    harm, sections, said = FORGOTTEN[case]
    first = run(tmp_path, 4, **WORSE)
    assert first.outcome.best
    harm(Path(first.outcome.best["checkpoint"]))
    second = run(tmp_path, 6, first, **{**WORSE, **sections})
    assert second.outcome.best
    assert second.outcome.best["step"] > 20
    assert said in warnings_of(second)
    assert not list((second.run_dir.path / "checkpoints").glob(".step-*"))


def test_nothing_later_than_the_checkpoint_is_taken_over(tmp_path: Path) -> None:
    """Going on from an early checkpoint, what came after it never was."""
    first = run(tmp_path, 3, **{**WORSE, "checkpoint": {"monitor": "val/loss", "every_n_epochs": 1}})
    early = next(info.path for info in list_checkpoints(first.run_dir.path / "checkpoints") if info.step == 5)
    torch.manual_seed(0)
    live = GivenObjects(nn.Linear(6, 3), Splits(rows(40, 1), rows(10, 2)))
    second = train(
        tmp_path,
        {"training": {"epochs": 2, "batch_size": 8}, **WORSE, "checkpoint": {"monitor": "val/loss", "keep_top_k": 9}},
        live=live,
        resume=early,
    )
    assert [info.step for info in list_checkpoints(second.run_dir.path / "checkpoints")] == [5, 10]

"""Where a user's value or file meets torch, the error is in words of the config, with the remedy."""

from __future__ import annotations

import shutil
import zlib
from typing import Any

import numpy as np
import pytest
import torch

from regtrain.errors import DataError
from regtrain.job.data import check_splits
from regtrain.types import Splits
from support.cli.projects import Project, make_project

NORMED = """
from torch import nn
def build(): return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
"""
FROM_ONE = """
import torch
def build():
    inputs = torch.randn(24, 3, generator=torch.Generator().manual_seed(1))
    d = torch.utils.data.TensorDataset
    labels = (inputs.sum(1) > 0).long() + 1
    return d(inputs[:16], labels[:16]), d(inputs[16:], labels[16:])
"""
LATE = """
import torch
class One:
    def __init__(self, rows): self.rows = rows
    def __len__(self): return len(self.rows)
    def __getitem__(self, i): return self.rows[i]
def build():
    x = torch.zeros(24, 3)
    y = torch.zeros(24).long()
    late = y.clone()
    late[torch.randperm(24, generator=torch.Generator().manual_seed(0))[:1]] = 7
    d = torch.utils.data.TensorDataset
    return d(x, late), d(x, y)
def swapped():
    train, val = build()
    return val, train
"""
OWN_LOSS = """
class Own:
    def __call__(self, outputs, targets): return outputs.square().mean()
"""
OTHER_KEYS = """
class Rows:
    def __init__(self, key): self.key = key
    def __len__(self): return 8
    def __getitem__(self, i):
        import torch
        return {self.key: torch.ones(3), "target": torch.tensor(0)}
def build(): return Rows("image"), Rows("features")
"""
TWO_INPUTS = OTHER_KEYS.replace("{self.key: torch.ones(3), ", '{"image": torch.ones(3), "features": torch.ones(3), ')
EVALUATOR = """
import torch
from regtrain.hookspecs import hookimpl
class Scores:
    def __init__(self): self.reset()
    def reset(self): self.hit = []
    def update(self, outputs, targets): self.hit.append((outputs.argmax(1) != targets).float())
    def compute(self): return {computed}
@hookimpl
def regtrain_register_evaluators(register): register("scores", Scores)
"""


def offered(project: Project, computed: str) -> dict[str, Any]:
    name = f"evplug_{zlib.crc32(computed.encode()):x}"  # a module is imported once
    shutil.rmtree(project.folder / "site", ignore_errors=True)
    make_project(project.folder)
    info = f"site/{name}-0.1.dist-info/"
    project.write(f"site/{name}.py", EVALUATOR.replace("{computed}", computed))
    project.write(info + "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    project.write(info + "entry_points.txt", f"[regtrain]\n{name} = {name}\n")
    return {"evaluation": {"evaluator": {"name": "scores"}}}


def pairs(inputs: str, labels: str) -> str:
    """A data.py of 16 and 8 samples."""
    return (
        "import torch\ndef build():\n    d = torch.utils.data.TensorDataset\n    x = torch.ones(24, 3)\n"
        f"    x, y = {inputs}, {labels}\n    return d(x[:16], y[:16]), d(x[16:], y[16:])\n"
    )


NUMBERS = {"experiment": {"name": "tiny", "task": "regression"}, "evaluation": {"evaluator": "none"}}


# name → files, sections of the config, and what the message and the hint must hold
CASES: dict[str, tuple[dict[str, str], dict[str, Any], str, str]] = {
    "another number of inputs": (
        {"data.py": pairs("x[:, :2]", "torch.zeros(24, dtype=torch.long)")},
        {},
        "takes 3 numbers for a sample, and gets 2",
        "model.in_features=2",
    ),
    "inputs of another type": (
        {"data.py": pairs("x.double()", "torch.zeros(24, dtype=torch.long)")},
        {},
        "inputs of a layer are Double numbers, and its weights are Float",
        "inputs.float()",
    ),
    "numbers for classes": (
        {"data.py": pairs("x", "torch.zeros(24, 1)")},
        {},
        "one class number for each",
        "regression",
    ),
    "whole columns for classes": (
        {"data.py": pairs("x", "torch.zeros(24, 2, dtype=torch.long)")},
        {"evaluation": {"evaluator": "none"}},
        "one class number for each",
        "shape (batch,)",
    ),
    "each output with each target": (
        {"data.py": pairs("x", "torch.zeros(24)"), "model.py": NORMED.replace("nn.Linear(4, 2)", "nn.Linear(4, 1)")},
        NUMBERS,
        "the targets have shape (8) and the outputs of the model (8, 1)",
        "the same shape",
    ),
    "a weight that is no list": (
        {},
        {"loss": {"name": "CrossEntropyLoss", "weight": 3}},
        "loss.weight is 3",
        "one number for each class",
    ),
    "a last batch of one": (
        {"model.py": NORMED},
        {"training": {"epochs": 1, "batch_size": 5}},
        "last batch of an epoch has 1 of 5 samples",
        "data.drop_last: true",
    ),
    "batches of one": (
        {"model.py": NORMED},
        {"training": {"epochs": 1, "batch_size": 1}},
        "a batch of one sample came to a BatchNorm layer",
        "data.drop_last: true",
    ),
    "classes from one": (
        {"data.py": FROM_ONE},
        {},
        "the training data have class 2, and the model has 2 outputs",
        "here they are 1 to 2",
    ),
    "a late class": (
        {"data.py": LATE},
        {},
        "the training data have class 7, and the model has 2 outputs, for classes 0 to 1",
        "an output for each",
    ),
    "a late class of the validation data": (
        {"data.py": LATE.replace("d(x, late), d(x, y)", "d(x, y), d(x, late)")},
        {},
        "the validation data have class 7",
        "an output for each",
    ),
    "a late class of samples that are read one by one": (
        {"data.py": LATE.replace("d(x, late)", "One(d(x, late))")},
        {},
        "the data have class 7",
        "number the classes from 0",
    ),
    "a class of another loss": (
        {"data.py": LATE, "loss.py": OWN_LOSS},
        {"loss": {"target": "./loss.py:Own"}, "data": {"target": "./data.py:swapped"}},
        "targets hold class 7, and there are scores for classes 0 to 1",
        "",
    ),
    "weights for other classes": (
        {},
        {"loss": {"name": "CrossEntropyLoss", "weight": [1, 1, 2]}},
        "loss.weight has another number of weights than the 2 classes",
        "one weight for each output",
    ),
    "other keys in validation": ({"data.py": OTHER_KEYS}, {}, "'image'", "the same keys"),
    "several inputs": ({"data.py": TWO_INPUTS}, {}, "a batch has image and features", ""),
}


@pytest.mark.slow
def test_what_torch_says_is_explained(project: Project) -> None:
    """Bad input: exit code 2, culprit and remedy, and the run is recorded as failed."""
    originals = {name: (project.folder / name).read_text() for name in ("model.py", "data.py")}
    wrong = []
    for name, (files, sections, message, hint) in CASES.items():
        for file, text in {**originals, **files}.items():
            project.write(file, text)
        project.config(**sections)
        said = project("run", "run.yaml", "--json")
        error = said.error() if said.code else {"message": "it was trained", "hint": ""}
        if said.code not in (1, 2) or message not in error["message"] or hint not in error["hint"]:
            wrong.append((name, said.code, error))
    assert wrong == []


def test_weights_of_classes_are_a_list_in_yaml(project: Project) -> None:
    """A list of numbers becomes the tensor that torch wants."""
    project.config(loss={"name": "CrossEntropyLoss", "weight": [1, 3]})
    assert project.train()["version"] == "1.0.0"


def test_a_direction_that_is_not_known_is_asked_for(project: Project) -> None:
    """Before anything is built, for checkpoints, for early stopping and for `checkpoints best`."""
    sections = offered(project, '{"score": torch.cat(self.hit).mean()}')
    monitors = {"checkpoint": {"monitor": "val/score"}}
    stopping = {"early_stopping": {"monitor": "val/score", "patience": 3}, "checkpoint": {"monitor": "val/loss"}}
    for more, option in ((monitors, "checkpoint.mode"), (stopping, "early_stopping.mode")):
        project.config(**sections, **more)
        said = project("plan", "run.yaml", "--json")
        assert said.code == 2
        assert option in said.error()["message"]
    project.config(**sections, checkpoint={"monitor": "val/score", "mode": "min"})
    run = project.train()
    assert run["best"]["metric"] == "val/score"
    assert project("checkpoints", "best", run["run_id"]).code == 0
    asked = project("checkpoints", "best", run["run_id"], "--metric", "val/score", "--json")
    assert asked.code == 2
    assert "--mode" in asked.error()["message"]
    assert project("checkpoints", "best", run["run_id"], "--metric", "val/score", "--mode", "min").code == 0


def test_what_is_declared_must_be_a_direction(project: Project) -> None:
    """A misspelt direction would be taken for the other one."""
    wrong = []
    for declared in ('{"score": "less"}', '["score"]', "property(lambda self: {})"):
        sections = offered(project, f'{{"score": torch.cat(self.hit).mean()}}\n    directions = {declared}')
        project.config(**sections, checkpoint={"monitor": "val/score"})
        said = project("plan", "run.yaml", "--json")
        if said.code != 2 or "directions of evaluator 'scores'" not in said.error()["message"]:
            wrong.append((declared, said.err))
    assert wrong == []


def test_less_of_an_error_rate_is_better(project: Project) -> None:
    """The name of a known metric decides: the best word error rate is the smallest."""
    sections = offered(project, '{"wer": torch.cat(self.hit).mean()}')
    project.config(
        **sections, checkpoint={"monitor": "val/wer", "keep_top_k": 9}, training={"epochs": 4, "batch_size": 8}
    )
    run = project.train()
    rows = project("checkpoints", "list", run["run_id"], "--json").json()
    assert run["best"]["value"] == min(row["metrics"]["val/wer"] for row in rows)


def test_evaluators_that_compute_no_number_are_named(project: Project) -> None:
    """A table of values, nothing, or the trainer's own name for the loss."""
    wrong = []
    for computed, words in (
        ('{"per_class": torch.tensor([.1, .2])}', "2 values for 'per_class'"),
        ('{"score": None}', "a NoneType for 'score'"),
        ("None", "computed a NoneType"),
        ('{"loss": 1.0}', "'loss'"),
    ):
        project.config(**offered(project, computed), checkpoint={"monitor": "val/loss"})
        said = project("run", "run.yaml", "--json")
        if said.code != 2 or words not in said.error()["message"] or not said.error()["hint"]:
            wrong.append((computed, said.err))
    assert wrong == []


def test_renamed_columns_are_another_input(project: Project) -> None:
    """A table whose columns have other names or another order has another signature: a major version."""
    rows = "".join(f"{i},{i % 3},{i % 5},{i % 2}\n" for i in range(16))
    project.config(data={"name": "csv", "train_path": "train.csv"})
    for header in ("a,b,c,y", "b,a,c,y"):
        project.write("train.csv", f"{header}\n{rows}")
        project.train()
    assert [v["version"] for v in project("models", "versions", "tiny", "--json").json()] == ["2.0.0", "1.0.0"]


def test_samples_may_differ_in_what_a_collate_function_settles() -> None:
    """Lengths of lists, sizes of images, numbers of NumPy: only keys, the number of values and dimensions must agree."""
    check_splits(Splits([([1, 2, 3], 0)], [([1], np.int64(1))]), "here")  # type: ignore[arg-type]
    check_splits(Splits([{"x": torch.ones(3, 9, 9), "y": 1}], [{"y": 2, "x": np.ones((3, 5, 7))}]), "here")  # type: ignore[arg-type]
    for val in ([(torch.ones(2),)], [(torch.ones(2, 2), 0)], [{"x": torch.ones(2), "y": 0}]):
        with pytest.raises(DataError, match="here: samples of the training data"):
            check_splits(Splits([(torch.ones(2), 0)], val), "here")  # type: ignore[arg-type]

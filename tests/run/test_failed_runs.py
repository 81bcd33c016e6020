"""What only the job can know to be wrong: the run folder stays, the run is recorded as failed, nothing is registered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.cli.projects import LAUNCHER, Project

BAD_MODELS: dict[str, tuple[str, dict[str, Any], int, str, str]] = {
    "argument it does not take": ("", {"widht": 3}, 2, "model.widht", "width"),
    "argument it needs": ("def build(depth):\n    pass\n", {}, 2, "model.depth", "depth"),
    "returns nonsense": ("def build():\n    return 'a model'\n", {}, 2, "returned a str", "Module"),
    "nothing to learn": (
        "from torch import nn\ndef build():\n    return nn.ReLU()\n",
        {},
        2,
        "no parameter",
        "requires_grad",
    ),
    "raises at import": ("import math\nmath.sqrt(-1)\ndef build(): ...\n", {}, 2, "math domain error", "model.py:2"),
    "exits at import": ("import sys\nsys.exit(0)\ndef build(): ...\n", {}, 2, "SystemExit", "model.py:2"),
    "is no function": ("build = 3\n", {}, 2, "no function", "function"),
    "raises": ("def build():\n    raise ValueError('no weights today')\n", {}, 2, "no weights today", ""),
    "raises a key": ("def build():\n    return {}['width']\n", {}, 1, "KeyError", "model.py:2"),
    "package missing": ("def build():\n    import not_there\n", {}, 5, "not_there", "pip install"),
    "forward raises": (
        """
from torch import nn


class Broken(nn.Linear):
    def forward(self, x):
        raise RuntimeError("no forward")


def build():
    return Broken(3, 2)
""",
        {},
        1,
        "no forward",
        "model.py:7",
    ),
    "forward of a wrong shape": (
        """
from torch import nn


class Wrong(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(5, 2)

    def forward(self, x):
        return self.inner(x)


def build():
    return Wrong()
""",
        {},
        2,
        "a linear layer of the model takes 5 numbers for a sample, and gets 3",
        "model.in_features=3",
    ),
    "forward exits": (
        "import sys\nfrom torch import nn\nclass Leaves(nn.Linear):\n    def forward(self, x):\n        sys.exit(0)\n"
        "def build():\n    return Leaves(3, 2)\n",
        {},
        1,
        "SystemExit",
        "model.py:5",
    ),
}  # fmt: skip

BAD_DATA: dict[str, tuple[str, int, str]] = {
    "empty": ("def build():\n    return TensorDataset(torch.zeros(0, 3), torch.zeros(0).long())\n", 2, "train data are empty"),
    "empty val": (
        "def build():\n    good = TensorDataset(torch.zeros(8, 3), torch.zeros(8).long())\n"
        "    return good, TensorDataset(torch.zeros(0, 3), torch.zeros(0).long())\n",
        2,
        "val data are empty",
    ),
    "nan": (
        "def build():\n    x = torch.zeros(9, 3)\n    x[4, 1] = float('nan')\n"
        "    return TensorDataset(x, torch.zeros(9).long())\n",
        2,
        "NaN or infinity (tensor 0, the first at 4)",
    ),
    "nonsense": ("def build():\n    return 3\n", 2, "returned a int"),
    "one short of a batch": (
        "def build():\n    return TensorDataset(torch.zeros(0, 3), torch.zeros(0).long()), None\n", 2, "empty",
    ),
    "missing file": ("def build():\n    return open('not-there.csv')\n", 2, "not-there.csv"),
}  # fmt: skip


def failed(project: Project, *argv: str) -> dict[str, Any]:
    """Run it; assert that it was recorded as failed everywhere and registered nowhere. The error and its exit code."""
    said = project("run", "run.yaml", "--json", *argv)
    assert said.out == ""
    error = said.error()
    (folder,) = project.run_folders()
    outcome = json.loads((folder / "outcome.json").read_bytes())
    assert outcome["status"] == "failed"
    assert outcome["error"]["code"] == error["code"]
    assert outcome["error"]["exit_code"] == said.code
    assert "Traceback" in (folder / "logs/train.log").read_text()
    (run,) = project.runs()
    assert (run["run_id"], run["status"], run["version"]) == (folder.name, "failed", None)
    assert run["error"] == error["message"]
    assert project("models", "list", "--json").json() == []
    return {**error, "exit_code": said.code}


@pytest.mark.parametrize("fault", BAD_MODELS)
def test_a_model_that_cannot_be_trained(fault: str, project: Project) -> None:
    """A fault of the user's model file is named, with its line where there is one; the run is recorded as failed."""
    code, args, exit_code, message, hint = BAD_MODELS[fault]
    if code:
        project.write("model.py", code)
    project.config(model={"target": "./model.py:build", **args})
    error = failed(project)
    assert error["exit_code"] == exit_code
    assert message in error["message"]
    assert hint in error["hint"]


@pytest.mark.parametrize("fault", BAD_DATA)
def test_data_that_cannot_be_trained_on(fault: str, project: Project) -> None:
    """Data that are missing, empty, not finite or no data are named before a step is made."""
    code, exit_code, message = BAD_DATA[fault]
    project.write("data.py", f"import torch\nfrom torch.utils.data import TensorDataset\n{code}")
    error = failed(project)
    assert (error["exit_code"], error["code"]) == (exit_code, "data")
    assert message in error["message"]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "table.csv"),
        ("", "no rows"),
        ("a,b,y\n", "no rows"),
        ("a,b,y\n1,nan,0\n", "table.csv:2 column 'b'"),
        ("a,b,y\n1,2,0\n1,inf,0\n", "table.csv:3 column 'b'"),
        ("a,b,y\n1,two,0\n", "table.csv:2 column 'b'"),
        ("a,b,y\n1,2\n", "table.csv:2"),
        ("a,b,y\n1,2,0.5\n", "classes"),
    ],
)
def test_a_data_file_that_cannot_be_trained_on(content: str | None, word: str, project: Project) -> None:
    """A CSV file that is missing, empty, or holds NaN is named by line and column."""
    if content is not None:
        project.write("table.csv", content)
    project.config(data={"train_path": "table.csv"}, model={"name": "mlp", "in_features": 2, "out_features": 2})
    error = failed(project)
    assert (error["exit_code"], error["code"]) == (2, "data")
    assert word in error["message"]


def test_a_failed_run_says_how_far_it_came(project: Project) -> None:
    """A run that fails in its second epoch keeps its checkpoints, and is recorded with steps, epochs and metrics."""
    project.write(
        "model.py",
        "from torch import nn\nclass Late(nn.Linear):\n    calls = 0\n    def forward(self, x):\n"
        "        Late.calls += self.training\n        if Late.calls > 5:\n            raise RuntimeError('late')\n"
        "        return super().forward(x)\ndef build():\n    return Late(3, 2)\n",
    )
    error = failed(project)
    assert error["hint"].startswith(f"at {project.folder / 'model.py'}:7")
    (run,) = project.runs()
    assert (run["epochs"], run["steps"]) == (1, 3)
    assert run["metrics"]["val/accuracy"] >= 0
    (checkpoint,) = project("checkpoints", "list", run["run_id"], "--json").json()
    assert (checkpoint["epoch"], checkpoint["tags"]) == (1, ["best", "last"])
    # made when a checkpoint is complete: the failing job has waited for the one that was being written
    assert (Path(checkpoint["path"]).parent / "last").is_symlink()


def test_a_monitor_that_is_never_measured(project: Project) -> None:
    """A metric to go by that no validation measures is an error after the first one, which offers what was measured."""
    project.config(checkpoint={"monitor": "val/acuracy", "mode": "max"})
    error = failed(project)
    assert error["exit_code"] == 2
    assert "val/acuracy" in error["message"]
    assert "val/accuracy" in f"{error['message']} {error['hint']}"


def test_a_checkpoint_of_another_architecture(project: Project) -> None:
    """Weights of another model are refused with three of the keys that differ."""
    first = project.train()
    project.config(model={"target": "./model.py:build", "width": 7})
    said = project("run", "run.yaml", "--resume", first["run_dir"], "--json")
    assert (said.code, said.error()["code"]) == (2, "checkpoint_mismatch")
    message = said.error()["message"]
    assert message.count(" in the checkpoint and ") == 3
    assert "0.weight is [4, 3] in the checkpoint and [7, 3] in the model" in message
    assert [run["status"] for run in project.runs()] == ["failed", "finished"]


def test_a_launcher_that_exits(project: Project) -> None:
    """A launcher that ends the program is a fault of its plugin, not the end of the command."""
    for number, raised in enumerate(("SystemExit(0)", "GeneratorExit()")):
        name = f"leaver{number}"
        text = LAUNCHER.replace('"here"', f'"{name}"').replace("from regtrain.job import main", f"raise {raised}")
        project.write(f"site/{name}.py", text)
        project.write(f"site/{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        project.write(f"site/{name}-1.0.dist-info/entry_points.txt", f"[regtrain]\n{name} = {name}\n")
        said = project("run", "run.yaml", "--launcher", name, "--json")
        assert (said.code, said.error()["code"]) == (2, "plugin")
        assert f"launcher '{name}' raised {raised.partition('(')[0]}" in said.error()["message"]
    assert [run["status"] for run in project.runs()] == ["failed", "failed"]


def test_a_model_that_raises_the_end_of_a_generator(project: Project) -> None:
    """Whatever a user's code raises, the run is recorded as failed."""
    project.write("model.py", "def build():\n    raise GeneratorExit('stop')\n")
    assert failed(project)["exit_code"] == 1


def test_a_launcher_that_fails(project: Project) -> None:
    """A launcher that raises fails the run, which is not left running for ever."""
    project.write(
        "site/launch_badly.py",
        LAUNCHER.replace('"here"', '"badly"').replace("from regtrain.job import main", "raise OSError(7, 'no nodes')"),
    )
    project.write(
        "site/launch_badly-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: launch-badly\nVersion: 1.0\n"
    )
    project.write("site/launch_badly-1.0.dist-info/entry_points.txt", "[regtrain]\nlaunch-badly = launch_badly\n")
    said = project("run", "run.yaml", "--launcher", "badly", "--json")
    assert said.code == 5
    (run,) = project.runs()
    assert (run["status"], run["finished_at"] is not None) == ("failed", True)
    assert "no nodes" in run["error"]
    (folder,) = project.run_folders()
    assert json.loads((folder / "outcome.json").read_bytes())["status"] == "failed"

"""A model that diverged is never the best, never registered as ready, and never `latest`."""

from __future__ import annotations

import math
from pathlib import Path

from safetensors.numpy import load_file

from regtrain.host import Host
from regtrain.types import Alert
from regtrain_registry import Registry
from support.cli.projects import Project

# Finite until the learning rate explodes: log(p) of a probability that became 0 is infinite, and times 0 it is NaN.
LOSS = """
import torch
class Focal:
    def __call__(self, outputs, targets):
        p = outputs.softmax(1)[torch.arange(len(targets)), targets]
        return -(torch.log(p) * (1 - p)).mean()
"""
DIVERGES_LATER = {
    "loss": {"target": "./loss.py:Focal"},
    "training": {"epochs": 4, "batch_size": 8},
    "optimizer": {"name": "SGD", "lr": 0.01},
    "scheduler": {"name": "ExponentialLR", "gamma": 1e12},
}
DIVERGES_AT_ONCE = {**DIVERGES_LATER, "optimizer": {"name": "SGD", "lr": 1e30}, "scheduler": None}


def weights_of(project: Project, ref: str) -> dict[str, object]:
    registry = Registry(
        f"sqlite:///{project.folder / '.regtrain/registry.db'}", str(project.folder / ".regtrain/blobs")
    )
    return dict(load_file(registry.open_artifact(ref, "model.safetensors")))


def test_the_last_finite_checkpoint_is_the_best(project: Project) -> None:
    """A run that diverges after its first epoch registers what it had before, whatever the metric says of NaN."""
    project.write("loss.py", LOSS)
    project.config(**DIVERGES_LATER)
    result = project.train()
    assert not math.isfinite(result["metrics"]["train/loss"] or math.nan)
    assert result["best"]["step"] == 3 or result["best"]["step"] < result["steps"]
    import numpy as np

    assert all(np.isfinite(tensor).all() for tensor in weights_of(project, "tiny@1.0.0").values())


def test_a_run_without_a_finite_checkpoint_fails(project: Project) -> None:
    """Exit code 1, nothing registered, and the remedy in the message."""
    project.write("loss.py", LOSS)
    project.config(**DIVERGES_AT_ONCE)
    said = project("run", "run.yaml", "--json")
    assert (said.code, said.error()["code"]) == (1, "not_finite")
    assert "--allow-nonfinite" in said.error()["hint"]
    assert [run["status"] for run in project.runs()] == ["failed"]
    assert project("models", "show", "tiny").code == 2


def test_it_can_be_registered_as_archived(project: Project) -> None:
    """By the run's own flag or later by its folder; `latest` stays with the version before it."""
    project.write("loss.py", LOSS)
    project.train()
    project.config(**DIVERGES_AT_ONCE)
    wanted = project("run", "run.yaml", "--allow-nonfinite", "--json")
    assert wanted.code == 0, wanted.err
    failed = project("run", "run.yaml", "--json")
    assert failed.code == 1
    folder = project.run_folders()[-1]
    assert project("models", "register", folder, "--model", "tiny").code == 1
    later = project("models", "register", folder, "--model", "tiny", "--allow-nonfinite", "--json")
    assert later.code == 0, later.err
    shown = project("models", "versions", "tiny", "--json").json()
    assert [version["status"] for version in shown] == ["archived", "archived", "ready"]
    assert project("models", "show", "tiny@latest", "--json").json()["version"] == "1.0.0"


def test_plugins_are_alerted(project: Project, monkeypatch: object) -> None:
    """The hook for alerts gets the metrics that are not finite, with the step and advice."""
    import pytest

    heard: list[Alert] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Host, "alert", lambda self, alert: heard.append(alert) or [])
        project.write("loss.py", LOSS)
        project.config(**DIVERGES_AT_ONCE)
        project("run", "run.yaml")
    (alert,) = heard
    assert (alert.kind, alert.level) == ("not_finite", "error")
    assert alert.step is not None
    assert math.isnan(alert.values["train/loss"])
    assert "learning rate" in alert.advice


def test_nan_survives_the_way_to_python(project: Project) -> None:
    """A metric that is NaN is NaN in the outcome that is read back, not missing and not None."""
    from regtrain.run_dir import RunDir

    project.write("loss.py", LOSS)
    project.config(**DIVERGES_AT_ONCE)
    project("run", "run.yaml")
    outcome = RunDir(Path(project.run_folders()[-1])).read_outcome()
    assert outcome is not None
    assert math.isnan(outcome.metrics["train/loss"])


MASKED = """
import torch
from torch import nn
class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.register_buffer("mask", torch.full((4, 4), float("-inf")).triu(1))
    def forward(self, inputs): return self.layer(inputs)
def build(): return Masked()
"""


def test_a_mask_of_infinities_is_no_divergence(project: Project) -> None:
    """A model of attention keeps one among its buffers; it is trained, registered, resumed and begun with."""
    project.write("model.py", MASKED)
    run = project.train()
    assert run["status"] == "finished"
    assert project("models", "show", "tiny@1.0.0", "--json").json()["status"] == "ready"
    project.train("--resume", run["run_dir"], "epochs=3")
    project.train("model.init_from=tiny@1.0.0", "--name", "begun")


def test_weights_that_are_not_finite_are_not_begun_with(project: Project) -> None:
    """Neither resumed nor as the beginning of another run: all that would come of it is NaN."""
    project.write("loss.py", LOSS)
    project.config(**DIVERGES_AT_ONCE)
    assert project("run", "run.yaml").code == 1
    folder = project.runs()[0]["run_dir"]
    resumed = project("run", "run.yaml", "--resume", folder, "epochs=9", "--json")
    assert (resumed.code, "not finite: 0.bias" in resumed.error()["message"]) == (2, True), resumed.err
    assert project("models", "register", folder, "--model", "bad", "--allow-nonfinite").code == 0
    project.config()
    begun = project("run", "run.yaml", "model.init_from=bad@1.0.0", "--json")
    assert (begun.code, "bad@1.0.0 has weights that are not finite" in begun.error()["message"]) == (2, True)

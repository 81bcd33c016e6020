"""regtrain.load: a version, a checkpoint or a run folder becomes a module with verified weights."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import regtrain
from regtrain.checkpoint.weights import fill, tensors_in, without_random_weights
from regtrain.errors import (
    CheckpointDamagedError,
    CheckpointMismatchError,
    CodeChangedError,
    ConfigValueError,
    RunNotFoundError,
    UntrustedCodeError,
)
from regtrain_registry import Registry
from regtrain_registry.errors import BlobDamagedError
from support.cli.projects import Project, make_project
from support.registry.blank import make_registry
from support.small_runs import differences

# Its weights are tied, its buffers do not all go into the state, and its layers draw random numbers.
MODEL = """\
import torch
from torch import nn


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.last = nn.Linear(3, 2)
        self.register_buffer("scale", torch.full((3,), 2.0), persistent=False)

    def forward(self, inputs):
        from parts.blocks import activation  # imported when it is first called

        return self.last(activation(self.second(self.first(inputs) * self.scale)))


def build(kind="plain"):
    model = Tied()
    if kind == "bfloat16":
        class Cast(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = model.bfloat16()

            def forward(self, inputs):
                return self.inner(inputs.bfloat16()).float()

        return Cast()
    if kind == "compiled":
        model = torch.compile(model, backend="eager")
        model.forward = model._orig_mod.forward  # what is stored has the names of a compiled model; nothing is compiled
    return model
"""


def rich(folder: Path, kind: str = "plain") -> Project:
    project = make_project(folder)
    project.write("model.py", MODEL)
    project.write("parts/blocks.py", "import torch\n\n\ndef activation(x):\n    return torch.relu(x)\n")
    project.config(model={"target": "./model.py:build", "kind": kind}, training={"epochs": 1, "batch_size": 8})
    return project


def test_a_model_is_the_same_by_every_name(
    trained: tuple[Project, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version, run folder and checkpoint give one model in evaluation mode, and random numbers go on as before."""
    project, result = trained
    monkeypatch.chdir(project.folder)
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    names = ("tiny", "tiny@latest", f"{result['run_dir']}", f"{result['run_dir']}/checkpoints/best")
    models = [regtrain.load(name) for name in names]
    assert torch.equal(torch.rand(1), expected)
    stored = load_file(Path(result["run_dir"]) / "checkpoints" / "best" / "model.safetensors")
    assert not any(model.training for model in models)
    for model in models:
        assert differences(dict(model.state_dict()), stored) == []
    given = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    assert regtrain.load("tiny", model=given) is given
    assert differences(dict(given.state_dict()), stored) == []


@pytest.mark.parametrize("kind", ["plain", "bfloat16", "compiled"])
def test_kinds_of_models(kind: str, tmp_path: Path) -> None:
    """Tied weights stay tied, number formats stay, compiled models load, and code is imported also when called."""
    result = rich(tmp_path, kind).train()
    model = regtrain.load("tiny")
    stored = load_file(Path(result["run_dir"]) / "checkpoints" / "best" / "model.safetensors")
    own = {name.replace("_orig_mod.", ""): tensor for name, tensor in model.state_dict().items()}
    assert differences(own, {name.replace("_orig_mod.", ""): tensor for name, tensor in stored.items()}) == []
    inner = getattr(model, "_orig_mod", getattr(model, "inner", model))
    assert inner.first.weight is inner.second.weight
    assert torch.equal(inner.scale.float(), torch.full((3,), 2.0))
    with torch.no_grad():
        assert model(torch.ones(2, 3)).shape == (2, 2)


def test_lazy_modules_and_shared_memory() -> None:
    """Lazy modules get their shapes from the weights; parameters that are views of one memory go on sharing it."""
    weights = {"weight": torch.randn(2, 3), "bias": torch.randn(2)}
    lazy = nn.LazyLinear(2)
    fill(lazy, weights, "x")
    assert differences(dict(lazy.state_dict()), weights) == []
    flat = torch.zeros(8)
    views = nn.Linear(3, 2)
    views.weight.data, views.bias.data = flat[:6].view(2, 3), flat[6:]
    fill(views, weights, "x")
    assert torch.equal(flat[6:], weights["bias"])
    with pytest.raises(CheckpointMismatchError, match=r"weight is \[2, 3\] in x and \[2, 4\] in the model"):
        fill(nn.Linear(4, 2), weights, "x")


def test_only_parameters_stay_unset_while_a_model_is_built() -> None:
    """What a constructor draws for itself is drawn; random weights, which are replaced, are not."""
    with without_random_weights():
        drawn = torch.zeros(4).normal_()
        layer = nn.Linear(1000, 1000)
    assert drawn.abs().sum() > 0
    assert layer.weight.shape == (1000, 1000)


def test_damaged_weights_are_refused(project: Project) -> None:
    """A flipped bit of a stored file is an integrity error, and so is one of a checkpoint."""
    run_dir = Path(project.train()["run_dir"])
    file = run_dir / "checkpoints" / "best" / "model.safetensors"
    digest = Registry().show("tiny").digest.removeprefix("sha256:")
    for place, name, error in (
        (project.folder / ".regtrain" / "blobs" / "sha256" / digest, "tiny", BlobDamagedError),
        (file.resolve(), str(run_dir), CheckpointDamagedError),
    ):
        content = bytearray(place.read_bytes())
        content[-1] ^= 1
        place.chmod(0o600)
        place.unlink()
        place.write_bytes(content)
        with pytest.raises(error) as caught:
            regtrain.load(name)
        assert caught.value.exit_code == 4
        assert "damaged" in str(caught.value)
    with pytest.raises(CheckpointDamagedError):
        tensors_in(memoryview(b"\x02\0\0\0\0\0\0\0[]"), "x")
    deep = b"[" * 100_000
    with pytest.raises(CheckpointDamagedError) as nested:
        tensors_in(memoryview(len(deep).to_bytes(8, "little") + deep), "x")
    assert not isinstance(nested.value.__cause__, RecursionError)  # at the end of the stack anything else may fail, too


def test_changed_or_missing_code_is_refused(project: Project) -> None:
    """Both digests are named; where no code came with the version, that is said."""
    run_dir = Path(project.train()["run_dir"])
    code = run_dir / "code" / "model.py"
    before = code.read_text()
    code.chmod(0o600)
    code.unlink()
    code.write_text(before + "\nprint('other')\n")
    with pytest.raises(CodeChangedError, match=r"has the digest sha256:\w+, and had sha256:\w+ when") as caught:
        regtrain.load(run_dir)
    assert caught.value.exit_code == 4
    assert not differences(
        dict(regtrain.load("tiny").state_dict()), load_file(next(run_dir.glob("checkpoints/best/model.*")))
    )
    code.unlink()
    with pytest.raises(CodeChangedError, match=r"lacks its code: model.target ./model.py:build"):
        regtrain.load(run_dir)


def test_code_from_elsewhere_runs_only_when_asked_for(tmp_path: Path) -> None:
    """The version of an archive, and a copy of it, need trust_code; the same version at home does not."""
    home, away = tmp_path / "home", tmp_path / "away"
    project = make_project(home)
    project.train()
    project("models", "export-archive", "tiny", "-o", "tiny.rta")
    mark = tmp_path / "ran"
    there = make_registry(away / ".regtrain" / "registry.db")
    there.import_archive(home / "tiny.rta")
    there.copy("tiny", "copied")
    os.chdir(away)
    for ref in ("tiny@1.0.0", "copied"):
        with pytest.raises(UntrustedCodeError, match=r"model.py:build.*came from elsewhere \(tiny@1.0.0 of registry"):
            regtrain.load(ref)
        assert isinstance(regtrain.load(ref, trust_code=True), nn.Sequential)
    assert not mark.exists()
    os.chdir(home)
    assert Registry().origin("tiny") is None
    assert isinstance(regtrain.load("tiny"), nn.Sequential)


def test_a_model_that_was_an_object_is_asked_for(tmp_path: Path) -> None:
    """Nothing tells how to build it; with the module it loads."""
    from torch.utils.data import TensorDataset

    from regtrain.api import Trainer

    net = nn.Linear(3, 2)
    data = TensorDataset(torch.randn(16, 3), torch.zeros(16, dtype=torch.long))
    result = Trainer(
        {"training": {"epochs": 1, "batch_size": 8}}, net, data, data, experiment_name="live", output_dir="runs"
    ).train()
    for name in ("live", result.run_dir):
        with pytest.raises(ConfigValueError, match="was passed as an object in Python"):
            regtrain.load(name)
        other = regtrain.load(name, model=nn.Linear(3, 2))
        assert other.weight.shape == (2, 3)


def test_what_is_no_model(trained: tuple[Project, dict[str, Any]], tmp_path: Path) -> None:
    """A folder without a run says what to name; a checkpoint that was taken out of its run, too."""
    _, result = trained
    shutil.copytree(Path(result["run_dir"]) / "checkpoints" / "best", tmp_path / "step-00000001")
    for name in (str(tmp_path), "step-00000001"):
        with pytest.raises(RunNotFoundError, match="no run folder and no checkpoint in one"):
            regtrain.load(name)

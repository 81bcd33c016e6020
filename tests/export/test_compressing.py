"""Quantized and pruned children: smaller, loadable, with their measured loss and the version that they come from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import regtrain
from regtrain.export.__main__ import main
from regtrain.export.compress import prune_smallest
from support.cli.projects import Project


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, which has loaded torch already."""

    def process(work: Path, *words: str) -> None:
        assert main([*words, str(work)]) == 0, (work / "problem.json").read_text()

    monkeypatch.setattr("regtrain.run.compress.run_process", process)


def test_the_smallest_weights_become_zero() -> None:
    """Over all layers together, tied ones once; biases and normalisation stay."""
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 4), nn.Linear(4, 4))
    model[3].weight = model[2].weight
    with torch.no_grad():
        model[0].weight.copy_(torch.arange(1.0, 17).view(4, 4))
        model[2].weight.copy_(-torch.arange(17.0, 33).view(4, 4))
        model[0].bias.fill_(0.01)
    assert prune_smallest(model, 0.25) == {"amount": 0.25, "weights": 32, "zeros": 8}
    assert (model[0].weight == 0).flatten().tolist() == [True] * 8 + [False] * 8
    assert bool((model[0].bias != 0).all())


def test_a_pruned_child(project: Project) -> None:
    """It loads as its parent does, and its metrics are those of the pruned weights."""
    project.train()
    said = project("models", "compress", "tiny", "--amount", "0.5", "--json")
    assert said.code == 0, said.err
    child = said.json()
    assert (child["name"], child["version"]) == ("tiny-pruned", "1.0.0")
    assert child["parents"] == [{"ref": "tiny@1.0.0", "relation": "compressed_from"}]
    parent = project("models", "show", "tiny", "--json").json()
    compression = child["compression"]
    assert compression["before"]["val/accuracy"] == parent["metrics"]["val/accuracy"]
    assert compression["before"]["val/loss"] == pytest.approx(parent["metrics"]["val/loss"])
    assert child["metrics"] == pytest.approx(compression["after"])
    assert compression["change"]["val/loss"] == compression["after"]["val/loss"] - compression["before"]["val/loss"]
    model = regtrain.load("tiny-pruned")
    zeros = sum(int((p == 0).sum()) for p in model.parameters() if p.ndim > 1)
    assert zeros == 10
    assert project("models", "show", "tiny@latest", "--json").json()["digest"] == parent["digest"]


@pytest.mark.slow
def test_quantized_children(project: Project) -> None:
    """Dynamic and static children are ONNX files of 8-bit integers that load as modules and predict alike."""
    project.train()
    inputs = torch.randn(5, 3)
    with torch.no_grad():
        expected = regtrain.load("tiny")(inputs)
    for words in (["--method", "dynamic"], ["--method", "static", "--samples", "8", "--model", "tiny-static"]):
        said = project("models", "quantize", "tiny", *words, "--json")
        assert said.code == 0, said.err
        child = said.json()
        assert child["parents"] == [{"ref": "tiny@1.0.0", "relation": "compressed_from"}]
        assert "model.int8.onnx" in [file["path"] for file in child["artifacts"]]
        assert {"val/loss", "val/accuracy"} <= child["metrics"].keys()
        with torch.no_grad():
            found = regtrain.load(child["name"])(inputs)
        assert 0 < (found - expected).abs().max() < 0.5
    refused = project("models", "export", "tiny-int8", "--format", "pytorch", "-o", "x.pth")
    assert (refused.code, "has no model.safetensors; it has" in refused.err) == (2, True)
    assert project("models", "quantize", "tiny", "--model", "No Name").code == 2

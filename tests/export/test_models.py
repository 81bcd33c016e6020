"""Real architectures through every format, and those that are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import regtrain.export.make as making
from regtrain.errors import ExportError
from regtrain.export.check import check
from regtrain.export.make import make_from
from regtrain.export.samples import Samples
from regtrain.host import Host
from regtrain.types.config import Config
from regtrain.types.exporting import ExportRequest, ModelSource, Timing
from support.every import for_every
from support.exported_models import ARCHITECTURES, REFUSED, Architecture

SOURCE = ModelSource("digits@1.0.0", Config(), None, "", Path(), facts={"model": "digits", "version": "1.0.0"})
QUICK = ("torchscript", "torch-export", "safetensors", "pytorch")


@pytest.fixture(scope="module")
def host() -> Host:
    return Host()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Calls are made and not timed."""

    def called(call: Callable[[], object]) -> Timing:
        call()
        return Timing(1, 1, 1)

    for module in ("make", "check"):
        monkeypatch.setattr(f"regtrain.export.{module}.time_calls", called)
    yield


def exported(model: torch.nn.Module, of: Architecture, name: str, folder: Path, host: Host) -> dict[str, Any]:
    """The report of one export in this process."""
    folder.mkdir()
    given = Samples(of.sample, "given samples")
    before = making.find_samples
    making.find_samples = lambda request, host: given
    try:
        made = make_from(model, ExportRequest(SOURCE, name), folder, host)
    finally:
        making.find_samples = before
    return check(made, folder, host, {})


def one(architecture: str, formats: tuple[str, ...], folder: Path, host: Host) -> None:
    of = ARCHITECTURES[architecture]
    torch.manual_seed(0)
    model = of.build()
    for name in formats:
        report = exported(model, of, name, folder / f"{architecture}-{name}", host)
        if name in ("safetensors", "pytorch"):
            assert report["tensors"] == len(model.state_dict())
            continue
        assert report["batch_sizes"] == [1, 2, 7]
        assert [taken["name"] for taken in report["inputs"]] == list(of.shapes)
        assert all(taken["shape"][0] == "batch" for taken in report["inputs"])
        assert report["outputs"][0]["shape"][0] == "batch"
        limit = 0.05 if architecture == "bfloat16" else 1e-5
        assert report["max_absolute"] <= limit, (architecture, name, report["max_absolute"])
        assert report["dtype"] == ("bfloat16" if architecture == "bfloat16" else "float32")
        assert report["argmax_agreement"] is not None


@pytest.mark.slow
@for_every(ARCHITECTURES)
def test_models_are_exported_without_onnx(architecture: str, quick: None, tmp_path: Path, host: Host) -> None:
    """Every architecture in every format that needs no other package computes the same for any number of samples."""
    one(architecture, QUICK, tmp_path, host)


@pytest.mark.slow
@for_every(ARCHITECTURES)
def test_models_are_exported_to_onnx(architecture: str, quick: None, tmp_path: Path, host: Host) -> None:
    """The same for ONNX, by onnxruntime."""
    one(architecture, ("onnx",), tmp_path, host)


def test_outputs_have_the_names_of_their_structure(quick: None, tmp_path: Path, host: Host) -> None:
    """Keys of a dict, also of one inside; numbers of a tuple."""
    for architecture, names in (
        ("dict outputs", ["scores", "inner_mean"]),
        ("several outputs", ["output_0", "output_1"]),
    ):
        of = ARCHITECTURES[architecture]
        report = exported(of.build(), of, "torch-export", tmp_path / architecture, host)
        assert [given["name"] for given in report["outputs"]] == names


REFUSALS = [(kind, name) for kind in REFUSED for name in ("torchscript", "torch-export")]


def refused(kind: str, name: str, folder: Path, host: Host) -> None:
    torch.manual_seed(0)
    with pytest.raises(ExportError, match=f"{name}.*") as caught:
        exported(REFUSED[kind](), ARCHITECTURES["mlp"], name, folder / f"{kind} {name}", host)
    assert caught.value.exit_code == 1
    text = str(caught.value)
    assert "exported_models.py" in text or "Clamp" in text, text


@for_every(REFUSALS)
def test_models_that_no_format_holds(case: tuple[str, str], quick: None, tmp_path: Path, host: Host) -> None:
    """The line, or the function, is named; exit code 1."""
    refused(*case, tmp_path, host)


@pytest.mark.slow
@for_every(REFUSED)
def test_models_that_onnx_does_not_hold(kind: str, quick: None, tmp_path: Path, host: Host) -> None:
    """The same for ONNX."""
    refused(kind, "onnx", tmp_path, host)


def test_an_export_that_computes_something_else_is_refused(
    quick: None, tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A weight that is off is found, with the number of samples and the difference; so is a fixed shape."""
    from regtrain_plugins.exporters.torchscript import TorchScript

    of = ARCHITECTURES["mlp"]
    right = TorchScript.export

    def wrong(self: Any, model: Any, sample: Any, path: Path, facts: Any) -> None:
        with torch.no_grad():
            model[2].bias[1] += 0.01
        right(self, model, sample, path, facts)
        with torch.no_grad():
            model[2].bias[1] -= 0.01

    monkeypatch.setattr(TorchScript, "export", wrong)
    with pytest.raises(ExportError, match=r"output differs by 0.01 with 1 sample \(allowed: 0.0001 \+ 0.001 of"):
        exported(of.build(), of, "torchscript", tmp_path / "a", host)


def test_another_shape_and_other_weights_are_refused(
    quick: None, tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An output that has the right numbers under another shape, and one bit of a tensor in a format of weights alone."""
    from regtrain_plugins.exporters.torchscript import TorchScript
    from regtrain_plugins.exporters.weights import Safetensors

    of, load = ARCHITECTURES["mlp"], TorchScript.load

    def unsqueezed(self: Any, path: Path) -> Any:
        call = load(self, path)
        return lambda arrays: {name: array[None] for name, array in call(arrays).items()}

    monkeypatch.setattr(TorchScript, "load", unsqueezed)
    with pytest.raises(ExportError, match=r"output has the shape \[1, 1, \d+\], and the model's \[1, \d+\]"):
        exported(of.build(), of, "torchscript", tmp_path / "a", host)
    read = Safetensors.load

    def flipped(self: Any, path: Path) -> Any:
        found = dict(read(self, path)({}))
        name = next(iter(found))
        found[name] = found[name].copy()
        found[name].reshape(-1).view("uint8")[0] ^= 1
        return lambda arrays: found

    monkeypatch.setattr(Safetensors, "load", flipped)
    with pytest.raises(ExportError, match="not the weights of the model"):
        exported(of.build(), of, "safetensors", tmp_path / "b", host)

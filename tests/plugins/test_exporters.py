"""The exporters that ship with regtrain keep to the seam, and say what they cannot take."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from regtrain.testing import ExporterConformance, PluginConformance
from regtrain.types import ExportFacts, Sample
from regtrain_plugins.exporters.onnx import Onnx
from regtrain_plugins.exporters.torchscript import TorchScript


class TestOnnxPlugin(PluginConformance):
    module = "regtrain_plugins.exporters.onnx"
    provides: ClassVar = {"exporters": ["onnx"]}
    without_torch = True


class TestTorchScriptPlugin(PluginConformance):
    module = "regtrain_plugins.exporters.torchscript"
    provides: ClassVar = {"exporters": ["torchscript"]}
    without_torch = True


class TestWeightsPlugin(PluginConformance):
    module = "regtrain_plugins.exporters.weights"
    provides: ClassVar = {"exporters": ["safetensors", "pytorch"]}
    without_torch = True


@pytest.mark.slow
class TestOnnx(ExporterConformance):
    module = "regtrain_plugins.exporters.onnx"
    offers = "onnx"


class TestTorchScript(ExporterConformance):
    module = "regtrain_plugins.exporters.torchscript"
    offers = "torchscript"


class TestTorchExport(ExporterConformance):
    module = "regtrain_plugins.exporters.torch_export"
    offers = "torch-export"


class TestSafetensors(ExporterConformance):
    module = "regtrain_plugins.exporters.weights"
    offers = "safetensors"


class TestStateDict(ExporterConformance):
    module = "regtrain_plugins.exporters.weights"
    offers = "pytorch"


def sample(*shape: int) -> Sample:
    return Sample((torch.randn(2, *shape),), ("inputs",), {"inputs": {0: "batch"}})


@pytest.mark.slow
def test_an_onnx_file_says_what_it_is_and_nothing_of_the_machine(tmp_path: Path) -> None:
    """Names, a free batch axis, the opset and the metadata are in one file; paths of the exporting machine are not."""
    import onnx

    file = tmp_path / "model.onnx"
    Onnx(opset=18).export(nn.Linear(3, 2).eval(), sample(3), file, ExportFacts(("scores",), {"model": "digits"}))
    found = onnx.load(str(file))
    assert {prop.key: prop.value for prop in found.metadata_props} == {"model": "digits"}
    assert [one.version for one in found.opset_import if not one.domain] == [18]
    (taken,), (given,) = found.graph.input, found.graph.output
    assert (taken.name, given.name) == ("inputs", "scores")
    assert taken.type.tensor_type.shape.dim[0].dim_param == "batch"
    assert b"site-packages" not in file.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_opsets_that_do_not_exist_are_refused() -> None:
    """What there is is said, before anything is built."""
    for opset in (3, 99, True):
        with pytest.raises(ValueError, match="there are 7 to 26"):
            Onnx(opset=opset)


def test_external_data_outside_of_the_folder_are_refused(tmp_path: Path) -> None:
    """An .onnx that names a file elsewhere is not opened."""
    import onnx
    from onnx import TensorProto, helper

    weights = helper.make_tensor("w", TensorProto.FLOAT, [2], np.zeros(2, np.float32))
    weights.ClearField("float_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="../secret.bin")
    graph = helper.make_graph(
        [helper.make_node("Identity", ["w"], ["y"])],
        "g",
        [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
        [weights],
    )
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret.bin").write_bytes(b"\0" * 8)
    onnx.save(helper.make_model(graph), str(tmp_path / "inside" / "model.onnx"))
    with pytest.raises(ValueError, match=r"tensor w is in .*secret.bin, outside of the folder"):
        Onnx().load(tmp_path / "inside" / "model.onnx")


class Branching(nn.Module):
    """Takes another way where the numbers are large; its code can be compiled."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if bool(inputs.sum() > 100):
            return inputs * 2
        return inputs


def test_torchscript_compiles_what_a_recording_would_fix(tmp_path: Path) -> None:
    """A branch on data is kept; with mode trace, the way of the example is."""
    large = np.full((2, 3), 50.0, np.float32)
    for mode, expected in (("auto", 100.0), ("trace", 50.0)):
        file = tmp_path / f"{mode}.pt"
        exporter: Any = TorchScript(mode)  # type: ignore[arg-type]
        exporter.export(Branching().eval(), sample(3), file, ExportFacts())
        assert exporter.load(file)({"inputs": large})["output"].max() == expected
    with pytest.raises(ValueError, match="there are: auto, trace, script"):
        TorchScript("quick")  # type: ignore[arg-type]

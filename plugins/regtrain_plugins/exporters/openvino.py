"""OpenVINO's intermediate representation: an `.xml` file and its weights beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl
from regtrain.types import Exporter

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from regtrain.types import ExportFacts, LoadedExport, Register, Sample


class OpenVino(Exporter):
    suffix = ".xml"
    companions = (".bin",)

    def export(self, model: nn.Module, sample: Sample, path: Path, facts: ExportFacts) -> None:
        import openvino

        made = openvino.convert_model(model, example_input=sample.args[0] if len(sample.args) == 1 else sample.args)
        for port, name in zip(made.inputs, sample.names, strict=True):
            port.get_tensor().set_names({name})
        for port, name in zip(made.outputs, facts.outputs, strict=True):
            port.get_tensor().set_names({name})
        for key, value in facts.metadata.items():
            made.set_rt_info(str(value), ["regtrain", str(key)])
        openvino.save_model(made, path, compress_to_fp16=False)

    def load(self, path: Path) -> LoadedExport:
        import openvino

        compiled = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        names = [port.get_any_name() for port in compiled.outputs]

        def run(inputs: Mapping[str, np.ndarray[Any, Any]]) -> Mapping[str, np.ndarray[Any, Any]]:
            found = compiled(dict(inputs))
            return {name: found[number] for number, name in enumerate(names)}

        return run


@hookimpl
def regtrain_register_exporters(register: Register) -> None:
    register("openvino", OpenVino, requires="openvino>=2024.4")

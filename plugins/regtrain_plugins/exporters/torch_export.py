"""torch.export: a graph of ATen operators in one `.pt2` file, which torch loads without the model's code."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl
from regtrain.types import Exporter, dynamic_shapes

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from regtrain.types import ExportFacts, LoadedExport, Register, Sample

ABOUT = "metadata.json"
LINE = re.compile(r'File "([^"]+)", line (\d+)')


class TorchExport(Exporter):
    suffix = ".pt2"

    def export(self, model: nn.Module, sample: Sample, path: Path, facts: ExportFacts) -> None:
        import torch

        shapes = dynamic_shapes(model, sample) if sample.dynamic else None
        try:
            program = torch.export.export(model, sample.args, dynamic_shapes=shapes, strict=False)
        except Exception as problem:  # torch raises a dozen classes, some of them its own
            raise ValueError(_reason(problem)) from problem
        about = {**facts.metadata, "outputs": ",".join(facts.outputs), "inputs": ",".join(sample.names)}
        about["dtypes"] = ",".join(str(arg.dtype).removeprefix("torch.") for arg in sample.args)
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # paths and lines of the machine that it was exported on
        torch.export.save(program, path, extra_files={ABOUT: json.dumps(about)})

    def load(self, path: Path) -> LoadedExport:
        import torch

        extra = {ABOUT: ""}
        model = torch.export.load(path, extra_files=extra).module()
        about = json.loads(extra[ABOUT])
        inputs, outputs = about["inputs"].split(","), about["outputs"].split(",")
        dtypes = [getattr(torch, name) for name in about["dtypes"].split(",")]

        def run(arrays: Mapping[str, np.ndarray[Any, Any]]) -> Mapping[str, np.ndarray[Any, Any]]:
            tensors = [torch.from_numpy(arrays[name]).to(dtype) for name, dtype in zip(inputs, dtypes, strict=True)]
            with torch.no_grad():
                found = model(*tensors)
            found = found if isinstance(found, tuple) else (found,)
            return {name: _array(value) for name, value in zip(outputs, found, strict=True)}

        return run


def _array(tensor: Any) -> np.ndarray[Any, Any]:
    import torch

    found: np.ndarray[Any, Any] = (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).numpy()
    return found


def _reason(problem: BaseException) -> str:
    """The first line, and the last line of the user's own code that the report names."""
    text = str(problem)
    own = [f"{file}:{line}" for file, line in LINE.findall(text) if "site-packages" not in file]
    first = next((line.strip() for line in text.splitlines() if line.strip()), type(problem).__name__)
    first = f"the way that the code takes depends on the data: {first}" if "data-dependent" in first else first
    return first + (f" (at {own[-1]})" if own else "")


@hookimpl
def regtrain_register_exporters(register: Register) -> None:
    register("torch-export", TorchExport)

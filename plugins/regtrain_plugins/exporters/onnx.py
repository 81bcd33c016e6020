"""ONNX, by torch's own exporter: one file, checked with onnxruntime."""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl
from regtrain.types import Exporter, dynamic_shapes

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from regtrain.types import ExportFacts, LoadedExport, Register, Sample

LEAST, MOST = 7, 26  # opsets that torch's exporter accepts
LIMIT = 2 << 30  # bytes of one protobuf message
NOISY = ("torch.onnx", "onnxscript", "onnx_ir", "root")
LINE = re.compile(r'File "([^"]+)", line (\d+)')


class Onnx(Exporter):
    """A model in bfloat16 is exported in float32, since onnxruntime computes in bfloat16 on few devices.

    Args:
        opset: version of the operators; torch's choice when left out. Below 18 the graph is converted, where it can be.
    """

    suffix = ".onnx"

    def __init__(self, opset: int | None = None) -> None:
        if opset is not None and (isinstance(opset, bool) or not LEAST <= opset <= MOST):
            raise ValueError(
                f"there is no opset {opset}; there are {LEAST} to {MOST}, and 18 and later convert nothing"
            )
        self.opset = opset

    def export(self, model: nn.Module, sample: Sample, path: Path, facts: ExportFacts) -> None:
        import copy

        import torch

        tensors = (*model.parameters(), *model.buffers())
        if sum(tensor.numel() * tensor.element_size() for tensor in tensors) > LIMIT:
            raise ValueError("an ONNX file holds at most 2 GB, and the weights alone take more")
        if any(tensor.dtype is torch.bfloat16 for tensor in tensors):
            model = copy.deepcopy(model).float()
        args = tuple(arg.float() if arg.dtype is torch.bfloat16 else arg for arg in sample.args)
        with _quiet():
            try:
                program = torch.onnx.export(
                    model,
                    args,
                    dynamo=True,
                    input_names=list(sample.names),
                    output_names=list(facts.outputs),
                    dynamic_shapes=dynamic_shapes(model, sample) if sample.dynamic else None,
                    opset_version=self.opset,
                    verbose=False,
                )
            except Exception as problem:
                raise ValueError(_reason(problem)) from problem
        assert program is not None
        found = program.model.opset_imports.get("")
        if self.opset is not None and found != self.opset:
            raise ValueError(f"the model cannot be converted to opset {self.opset}: it has operators of opset {found}")
        for node in program.model.graph.all_nodes():
            node.metadata_props.clear()  # paths and lines of the machine that it was exported on
        program.model.metadata_props.update({str(key): str(value) for key, value in facts.metadata.items()})
        program.save(path, external_data=False)

    def load(self, path: Path) -> LoadedExport:
        import onnxruntime as ort

        _check_alone(path)
        options = ort.SessionOptions()
        options.log_severity_level = 3
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]

        def run(inputs: Mapping[str, np.ndarray[Any, Any]]) -> Mapping[str, np.ndarray[Any, Any]]:
            return dict(zip(names, session.run(names, dict(inputs)), strict=True))

        return run

    def quantize(
        self, source: Path, target: Path, batches: Iterable[Mapping[str, np.ndarray[Any, Any]]] | None
    ) -> None:
        """Weights, and with `batches` activations too, as 8-bit integers, by onnxruntime's own tools."""
        import onnx
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static

        with _quiet():
            if batches is None:
                quantize_dynamic(source, target, weight_type=QuantType.QInt8)
            else:
                quantize_static(source, target, _Batches(batches), quant_format=QuantFormat.QDQ, per_channel=True)
        about = {prop.key: prop.value for prop in onnx.load(str(source), load_external_data=False).metadata_props}
        made = onnx.load(str(target))
        onnx.helper.set_model_props(made, about)
        onnx.save(made, str(target))


class _Batches:
    """Calibration data as onnxruntime asks for them."""

    def __init__(self, batches: Iterable[Mapping[str, np.ndarray[Any, Any]]]) -> None:
        self._batches = iter(batches)

    def get_next(self) -> dict[str, np.ndarray[Any, Any]] | None:
        found = next(self._batches, None)
        return None if found is None else dict(found)


def _check_alone(path: Path) -> None:
    """Raises ValueError where the file names tensors in files that do not lie in its own folder."""
    import onnx
    from onnx.external_data_helper import ExternalDataInfo, uses_external_data

    model = onnx.load(str(path), load_external_data=False)
    for tensor in model.graph.initializer:
        if uses_external_data(tensor):
            place = (path.parent / ExternalDataInfo(tensor).location).resolve()
            if not place.is_relative_to(path.parent.resolve()):
                raise ValueError(f"tensor {tensor.name} is in {place}, outside of the folder of {path.name}")


def _reason(problem: BaseException) -> str:
    """The cause that torch's report of many lines ends with: an operator, or the line with the control flow."""
    deepest = problem
    while deepest.__cause__ is not None:
        deepest = deepest.__cause__
    text = re.sub("\x1b\\[[0-9;]*m", "", str(deepest) or str(problem))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    missing = re.search(r"No (?:ONNX function|decompositions).{0,40}? (\S*aten\S*|\S+::\S+)", text)
    own = [f"{file}:{line}" for file, line in LINE.findall(text) if "site-packages" not in file]
    reason = f"no ONNX operator for {missing[1]}" if missing else next(iter(lines), type(deepest).__name__)
    reason = f"the way that the code takes depends on the data: {reason}" if "data-dependent" in reason else reason
    return reason + (f" (at {own[-1]})" if own else "")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the log and the warnings of torch's exporter about its own parts."""
    loggers = [logging.getLogger(name) for name in NOISY]
    before = [log.level for log in loggers]
    for log in loggers:
        log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in zip(loggers, before, strict=True):
            log.setLevel(level)


@hookimpl
def regtrain_register_exporters(register: Register) -> None:
    register("onnx", Onnx, requires="onnxscript>=0.5")

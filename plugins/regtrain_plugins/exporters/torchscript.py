"""TorchScript: what libtorch and older releases of torch load, in C++ too."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from regtrain.hookspecs import hookimpl
from regtrain.types import Exporter

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from regtrain.types import ExportFacts, LoadedExport, Register, Sample

ABOUT = "metadata.json"


class TorchScript(Exporter):
    """Args:
    mode: `trace` records what one batch goes through, `script` compiles the code; `auto` traces, and compiles where
        the recording would depend on the numbers.
    """

    suffix = ".pt"

    def __init__(self, mode: Literal["auto", "trace", "script"] = "auto") -> None:
        if mode not in ("auto", "trace", "script"):
            raise ValueError(f"mode is {mode!r}; there are: auto, trace, script")
        self.mode = mode

    def export(self, model: nn.Module, sample: Sample, path: Path, facts: ExportFacts) -> None:
        import torch
        from torch.jit._trace import TracerWarning

        about = {**facts.metadata, "outputs": ",".join(facts.outputs), "inputs": ",".join(sample.names)}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            made = self._made(model, sample)
        for warning in caught:
            if not issubclass(warning.category, DeprecationWarning | TracerWarning):
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                torch.jit.save(made, str(path), _extra_files={ABOUT: json.dumps(about)})
            except RuntimeError as problem:
                raise ValueError(_reason(problem)) from problem

    def _made(self, model: nn.Module, sample: Sample) -> Any:
        import torch
        from torch.jit._trace import TracerWarning

        if self.mode == "script":
            return _script(model)
        with warnings.catch_warnings(record=True) as caught, torch.no_grad():
            warnings.simplefilter("always")
            trace = torch.jit.trace
            made = trace(model, sample.args, check_trace=False, strict=False)  # type: ignore[no-untyped-call]
        branches = [
            f"{w.filename}:{w.lineno}"
            for w in caught
            if issubclass(w.category, TracerWarning)
            and "Python boolean" in str(w.message)
            and "site-packages" not in w.filename
        ]
        if not branches or self.mode == "trace":
            return made
        try:
            return _script(model)
        except ValueError as problem:
            raise ValueError(
                f"which way the code takes at {branches[0]} depends on the data, and it cannot be compiled: {problem}"
            ) from problem

    def load(self, path: Path) -> LoadedExport:
        import torch

        extra = {ABOUT: ""}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            model = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)  # type: ignore[no-untyped-call]
        about = json.loads(extra[ABOUT])
        inputs, outputs = about["inputs"].split(","), about["outputs"].split(",")
        narrow = any(tensor.dtype is torch.bfloat16 for tensor in model.parameters())

        def run(arrays: Mapping[str, np.ndarray[Any, Any]]) -> Mapping[str, np.ndarray[Any, Any]]:
            tensors = [torch.from_numpy(arrays[name]) for name in inputs]
            with torch.no_grad():
                found = _called(model, tensors, narrow)
            found = found if isinstance(found, tuple) else (found,)
            return {name: _array(value) for name, value in zip(outputs, found, strict=True)}

        return run


def _called(model: Any, tensors: list[Any], narrow: bool) -> Any:
    """Inputs of a bfloat16 model come as float32; one that casts them itself takes them so."""
    import torch

    if not narrow:
        return model(*tensors)
    try:
        return model(*tensors)
    except RuntimeError:
        return model(*(t.to(torch.bfloat16) if t.dtype is torch.float32 else t for t in tensors))


def _array(tensor: Any) -> np.ndarray[Any, Any]:
    import torch

    found: np.ndarray[Any, Any] = (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).numpy()
    return found


def _script(model: nn.Module) -> Any:
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.jit.script(model)
    except Exception as problem:  # torch raises a dozen classes, some of them its own
        raise ValueError(_reason(problem)) from problem


def _reason(problem: BaseException) -> str:
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    place = next((line for line in lines if line.startswith("File ")), "")
    return f"{lines[0] if lines else type(problem).__name__}{f' ({place})' if place else ''}"


@hookimpl
def regtrain_register_exporters(register: Register) -> None:
    register("torchscript", TorchScript)

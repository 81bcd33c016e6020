"""Exporting, in a process of its own: the model built anew, samples with its outputs, the file."""

from __future__ import annotations

import platform
import traceback
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from regtrain.errors import ConfigValueError, ExportError, Guard, RegtrainError, brief
from regtrain.export.arrays import as_array, digest_of, time_calls, write_case
from regtrain.export.flat import flatten, named_inputs
from regtrain.export.rebuild import load_weights, rebuild
from regtrain.export.samples import Samples, find_samples
from regtrain.host import Host
from regtrain.job.making import make as call_factory
from regtrain.types import Exporter, ExportFacts, Sample
from regtrain.types.exporting import ExportRequest, Made, Timing

__all__ = ["make", "make_from"]

SIZES = (1, 2, 7)
TIMED = (1, 32)
EXAMPLE = 2  # samples that a format traces with: 0 and 1 are special to torch.export
PRECISION = ("float8_e4m3fn", "float8_e5m2", "bfloat16", "float16", "float32", "float64")


@dataclass(frozen=True)
class _Case:
    """What the model is called with, flat, and what it returned."""

    sample: Sample
    outputs: tuple[torch.Tensor, ...]


def make(request: ExportRequest, folder: Path, host: Host) -> Made:
    """Export into a folder: the file, the samples that it is checked with, and what is known of it.

    Raises:
        RegtrainError: the model cannot be built anew; nothing says what its inputs are.
        ExportError: the format cannot hold the model.
    """
    model = rebuild(request.source, host, load_weights(request.source))
    return make_from(model, request, folder, host)


def make_from(model: nn.Module, request: ExportRequest, folder: Path, host: Host) -> Made:
    """The same for a model that is there already."""
    model = getattr(model, "_orig_mod", model).eval()  # what torch.compile has made of it is of this process
    offer = host.offer("exporters", request.format)
    exporter: Exporter = call_factory(offer.factory, request.args, f"exporter {offer.name}", "export.options")
    file = folder / f"model{exporter.suffix}"
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    if not exporter.computes:
        notes = _export(exporter, offer.name, model, Sample((), ()), file, ExportFacts((), request.source.facts))
        weights = _weights(model)
        return Made(
            offer.name, file.name, (), (), "", "its own weights", weights=weights, notes=notes, versions=versions
        )
    samples = find_samples(request, host)
    example, flat, names = _example(model, samples, request.source.origin)
    metadata = _metadata(request, samples, example.sample, names)
    notes = _export(exporter, offer.name, flat, example.sample, file, ExportFacts(names, metadata))
    batched = _batched(example.sample)
    cases = _cases(flat, samples, batched, request.source.config.training.batch_size)
    for number, case in enumerate(cases):
        inputs = dict(zip(example.sample.names, map(as_array, case.sample.args), strict=True))
        write_case(folder / f"case-{number}.npz", inputs, dict(zip(names, map(as_array, case.outputs), strict=True)))
    return Made(
        offer.name,
        file.name,
        inputs=_described(example.sample.names, example.sample.args, example.sample.dynamic),
        outputs=_described(names, example.outputs, _output_axes(cases, names) if batched else {}),
        dtype=_precision(model, example.outputs),
        samples=samples.origin,
        cases=tuple(len(case.sample.args[0]) for case in cases),
        latency=_latency(flat, samples, folder, batched),
        notes=(*samples.notes, *notes),
        versions=versions,
    )


def _example(model: nn.Module, samples: Samples, origin: str) -> tuple[_Case, nn.Module, tuple[str, ...]]:
    """The batch that is traced, flat, with its outputs; the model that takes it; the names of the outputs."""
    sample = samples.batch(EXAMPLE)
    try:
        flat, flat_sample, names = flatten(model, sample)
        return _Case(flat_sample, _outputs(flat, flat_sample.args)), flat, names
    except RegtrainError:
        raise
    except (RuntimeError, TypeError, ValueError, IndexError) as problem:
        raise ConfigValueError(
            f"{origin} cannot be called with {samples.origin}: {brief(problem)}",
            "say what the model takes: --input-shape 1,28,28 --dtype float32 (without the batch)",
        ) from problem


def _outputs(model: nn.Module, args: tuple[Any, ...]) -> tuple[torch.Tensor, ...]:
    with torch.no_grad():
        found = model(*args)
    return found if isinstance(found, tuple) else (found,)


def _export(
    exporter: Exporter, name: str, model: nn.Module, sample: Sample, file: Path, facts: ExportFacts
) -> tuple[str, ...]:
    """Write the file; warnings of the exporter, once each.

    Raises:
        ExportError: with the operator, or the line of the user's file.
    """
    with warnings.catch_warnings(record=True) as caught, Guard() as call, torch.no_grad():
        warnings.simplefilter("default")
        exporter.export(model, sample, file, facts)
    problem = call.problem
    if isinstance(problem, RegtrainError | OSError):
        raise problem
    if problem is not None:
        line = _user_line(problem)
        raise ExportError(
            f"{name} cannot hold the model: {brief(problem)}{f' (at {line})' if line else ''}",
            "change what the line does, or export to another format",
        ) from problem
    if not file.is_file():
        raise ExportError(f"exporter {name} wrote no {file.name}", "this is a fault of the exporter")
    own = [w for w in caught if not issubclass(w.category, DeprecationWarning | FutureWarning)]
    return tuple(dict.fromkeys(str(w.message).splitlines()[0] for w in own))


def _user_line(problem: BaseException) -> str:
    """The last line of code outside of installed packages, in the trace of a problem or of what it came from."""
    seen: BaseException | None = problem
    found = ""
    while seen is not None and not found:
        frames = traceback.extract_tb(seen.__traceback__)
        own = [f for f in frames if "site-packages" not in f.filename and "/regtrain" not in f.filename]
        found = f"{own[-1].filename}:{own[-1].lineno}" if own and own[-1].filename.endswith(".py") else ""
        seen = seen.__cause__ or seen.__context__
    return found


def _cases(flat: nn.Module, samples: Samples, batched: bool, configured: int | None) -> list[_Case]:
    """Batches of several sizes, and where other axes may have any length, one that is shorter along each."""
    sizes = dict.fromkeys((*SIZES, configured or 1)) if batched else {EXAMPLE: None}
    found = [_flat(flat, samples.batch(size)) for size in sizes]
    sample = samples.batch(EXAMPLE)
    for word in {word for axes in sample.dynamic.values() for axis, word in axes.items() if axis}:
        found.append(_flat(flat, _shorter(sample, word)))
    return found


def _output_axes(cases: list[_Case], names: tuple[str, ...]) -> dict[str, dict[int, str]]:
    """The axes of each output that have the length of the batch whatever its size is."""
    found: dict[str, dict[int, str]] = {}
    for number, name in enumerate(names):
        shapes = [(len(case.sample.args[0]), case.outputs[number].shape) for case in cases]
        axes = range(min(len(shape) for _, shape in shapes))
        found[name] = {axis: "batch" for axis in axes if all(shape[axis] == size for size, shape in shapes)}
    return found


def _flat(flat: nn.Module, sample: Sample) -> _Case:
    names, tensors = named_inputs(sample)
    return _Case(Sample(tuple(tensors), tuple(names)), _outputs(flat, tuple(tensors)))


def _shorter(sample: Sample, word: str) -> Sample:
    """The sample cut by one along every axis that counts the same."""

    def cut(name: str, value: Any) -> Any:
        for axis, other in sample.dynamic.get(name, {}).items():
            if other == word and isinstance(value, torch.Tensor) and value.shape[axis] > 2:
                value = value.narrow(axis, 0, value.shape[axis] - 1)
        return value

    args = tuple(cut(name, arg) for name, arg in zip(sample.names, sample.args, strict=True))
    return Sample(args, sample.names, sample.dynamic)


def _batched(sample: Sample) -> bool:
    """Whether the number of samples may vary."""
    return all(0 in sample.dynamic.get(name, {}) for name in sample.names)


def _latency(flat: nn.Module, samples: Samples, folder: Path, batched: bool) -> Mapping[int, Timing]:
    """Of the model itself; the inputs are left for the other side."""
    found = {}
    for size in TIMED if batched else (EXAMPLE,):
        names, tensors = named_inputs(samples.batch(size))
        write_case(folder / f"timed-{size}.npz", dict(zip(names, map(as_array, tensors), strict=True)), {})
        with torch.no_grad():
            found[size] = time_calls(lambda tensors=tensors: flat(*tensors))  # type: ignore[misc]
    return found


def _weights(model: nn.Module) -> dict[str, tuple[str, tuple[int, ...], str]]:
    return {
        name: (str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape), digest_of(as_array(tensor)))
        for name, tensor in model.state_dict().items()
        if isinstance(tensor, torch.Tensor)
    }


def _described(names: tuple[str, ...], tensors: tuple[Any, ...], dynamic: Mapping[str, Mapping[int, str]]) -> Any:
    """Name, dtype and shape of each, with the names of the axes that may have any length."""
    return tuple(
        {
            "name": name,
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": [dynamic.get(name, {}).get(axis, side) for axis, side in enumerate(tensor.shape)],
        }
        for name, tensor in zip(names, tensors, strict=True)
    )


def _precision(model: nn.Module, outputs: tuple[torch.Tensor, ...]) -> str:
    """The least precise number format that the model computes in: how close an export can come."""
    tensors = (*model.parameters(), *model.buffers(), *outputs)
    there = {str(tensor.dtype).removeprefix("torch.") for tensor in tensors if tensor.is_floating_point()}
    return next((name for name in PRECISION if name in there), "float32")


def _metadata(request: ExportRequest, samples: Samples, sample: Sample, names: tuple[str, ...]) -> dict[str, str]:
    """What a reader of the file alone wants to know, as text."""
    found = {**request.source.facts, "inputs": ",".join(sample.names), "outputs": ",".join(names)}
    features = request.source.signature.get("features")
    if isinstance(features, list):
        found["features"] = ",".join(map(str, features))
    if samples.labels:
        found["labels"] = ",".join(samples.labels)
    return found

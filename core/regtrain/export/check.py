"""Checking an exported file by its own runtime, in a process that never imports the user's code. Loads no torch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from regtrain.errors import ExportError, Guard, brief
from regtrain.export.arrays import Array, digest_of, read_case, time_calls
from regtrain.host import Host
from regtrain.types import Exporter, LoadedExport
from regtrain.types.exporting import Made

__all__ = ["DEFAULT_TOLERANCE", "check", "compare"]

DEFAULT_TOLERANCE = {
    "float64": (1e-6, 1e-6),
    "float32": (1e-4, 1e-3),
    "float16": (1e-2, 1e-2),
    "bfloat16": (5e-2, 5e-2),
}


def check(made: Made, folder: Path, host: Host, args: Mapping[str, Any]) -> dict[str, Any]:
    """Load the file and compare what it computes, or holds, with what the model did; the report.

    Raises:
        ExportError: the runtime does not load or run it, or an output is out of tolerance.
    """
    exporter: Exporter = host.offer("exporters", made.format).factory(**args)
    file = folder / made.file
    size = sum(path.stat().st_size for path in (file, *map(file.with_suffix, exporter.companions)))
    report = {
        "format": made.format,
        "size_bytes": size,
        "samples": made.samples,
        "inputs": list(made.inputs),
        "outputs": list(made.outputs),
        "dtype": made.dtype,
        "versions": dict(made.versions),
        "notes": list(made.notes),
    }
    with Guard() as call, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = exporter.load(file)
        measured = _computed(loaded, made, folder, exporter) if exporter.computes else _held(loaded, made)
    if call.problem is not None and not isinstance(call.problem, ExportError):
        raise ExportError(
            f"{made.format}: the file cannot be used: {brief(call.problem)}", "export to another format"
        ) from call.problem
    call.check(f"exporter {made.format}")
    return report | measured


def _held(loaded: LoadedExport, made: Made) -> dict[str, Any]:
    """A format that holds weights: every tensor is there, bit by bit."""
    found = loaded({})
    wrong = [name for name in made.weights if name not in found or digest_of(found[name]) != made.weights[name][2]]
    wrong += [name for name in found if name not in made.weights]
    if wrong:
        raise ExportError(f"{made.format}: not the weights of the model: {', '.join(wrong[:3])}", "")
    return {"tensors": len(found), "max_absolute": 0.0, "max_relative": 0.0}


def _computed(loaded: LoadedExport, made: Made, folder: Path, exporter: Exporter) -> dict[str, Any]:
    absolute, relative = exporter.tolerance.get(made.dtype) or DEFAULT_TOLERANCE[made.dtype]
    worst = {"max_absolute": 0.0, "max_relative": 0.0}
    agreed = counted = 0
    for number, size in enumerate(made.cases):
        inputs, expected = read_case(folder / f"case-{number}.npz")
        found = loaded(inputs)
        for name, wanted in expected.items():
            _same_form(made.format, name, wanted, found)
            one = compare(wanted, found[name], absolute, relative)
            if one.get("out_of_tolerance"):
                raise ExportError(
                    f"{made.format}: {name} differs by {one['max_absolute']:.3g} with {size} "
                    f"{'sample' if size == 1 else 'samples'} (allowed: {absolute:g} + {relative:g} of the value, "
                    f"{made.dtype}); {one['out_of_tolerance']} of {wanted.size} values are out of tolerance",
                    "the file does not compute what the model does: look for control flow that depends on the data",
                )
            worst = {key: max(value, one[key]) for key, value in worst.items()}
            agreed += one.get("agreed", 0)
            counted += one.get("counted", 0)
    return {
        "batch_sizes": list(dict.fromkeys(made.cases)),
        **worst,
        "argmax_agreement": agreed / counted if counted else None,
        "tolerance": {"absolute": absolute, "relative": relative},
        "latency_ms": _latency(loaded, made, folder),
    }


def _same_form(format: str, name: str, wanted: Array, found: Mapping[str, Array]) -> None:
    if name not in found:
        raise ExportError(f"{format}: there is no output {name!r}; there are: {', '.join(found)}", "")
    if found[name].shape != wanted.shape:
        raise ExportError(
            f"{format}: {name} has the shape {list(found[name].shape)}, and the model's {list(wanted.shape)}",
            "an axis that may have any length was fixed: name it with --dynamic NAME:AXIS=WORD",
        )


def compare(wanted: Array, found: Array, absolute: float, relative: float) -> dict[str, Any]:
    """How far an output is off, and for scores of classes how often the highest is the same.

    `max_relative` is the difference over the largest value of the output. NaN equals NaN, an infinity itself.
    """
    if wanted.dtype.kind not in "fc":
        wrong = int((wanted != found).sum())
        return {"max_absolute": float(wrong > 0), "max_relative": float(wrong > 0), "out_of_tolerance": wrong}
    wanted, found = wanted.astype(np.float64), found.astype(np.float64)
    same = (wanted == found) | (np.isnan(wanted) & np.isnan(found))
    with np.errstate(invalid="ignore"):
        off = np.where(same, 0.0, np.abs(found - wanted))
    off = np.where(np.isnan(off), np.inf, off)
    usual = np.abs(wanted[np.isfinite(wanted)])
    largest = float(usual.max()) if usual.size else 0.0
    limit = absolute + relative * np.where(np.isfinite(wanted), np.abs(wanted), 0.0)
    report: dict[str, Any] = {
        "max_absolute": float(off.max(initial=0.0)),
        "max_relative": float(off.max(initial=0.0)) / largest if largest else 0.0,
        "out_of_tolerance": int((off > limit).sum()),
    }
    if wanted.ndim >= 2 and wanted.shape[-1] >= 2:
        equal = wanted.argmax(-1) == found.argmax(-1)
        report |= {"agreed": int(equal.sum()), "counted": int(equal.size)}
    return report


def _latency(loaded: LoadedExport, made: Made, folder: Path) -> dict[str, Any]:
    """Milliseconds of one call by batch size, of the model in torch and of the file in its runtime."""
    found = {}
    for size, model in made.latency.items():
        inputs, _ = read_case(folder / f"timed-{size}.npz")
        file = time_calls(lambda inputs=inputs: loaded(inputs))  # type: ignore[misc]
        found[str(size)] = {
            side: {"median": timing.median, "low": timing.low, "high": timing.high}
            for side, timing in (("model", model), ("export", file))
        }
    return found

"""Samples that an export is compared on: held-out ones of the run's own data, or random numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.utils.data import Subset

from regtrain.errors import ConfigValueError, RegtrainError, brief
from regtrain.export.rebuild import job_of
from regtrain.host import Host
from regtrain.job.making import make, planned_code
from regtrain.job.parts import build_data
from regtrain.trainer.rows import rows_of
from regtrain.types import Sample
from regtrain.types.exporting import ExportRequest

__all__ = ["Samples", "find_samples"]


@dataclass(frozen=True)
class Samples:
    """`batch(n)` is what the model is called with for n samples; `origin` says what they are."""

    batch: Callable[[int], Sample]
    origin: str
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_samples(request: ExportRequest, host: Host) -> Samples:
    """The samples of a request.

    Raises:
        ConfigValueError: neither data nor a signature say what the inputs look like.
    """
    if request.shapes:
        return _with_axes(_random(_given(request), "random numbers of the given shapes"), request.dynamic)
    why = request.no_data
    if request.use_data:
        try:
            return _with_axes(_held_out(request, host), request.dynamic)
        except (RegtrainError, OSError, ImportError, RuntimeError, ValueError, TypeError, KeyError) as problem:
            why = f"the data cannot be built: {brief(problem)}"
    inputs = request.source.signature.get("inputs")
    described = _described(inputs) if inputs else None
    if not described:
        raise ConfigValueError(
            f"{request.source.origin} has no signature of its inputs, and {why or 'its data are not used'}",
            "say what the model takes: --input-shape 1,28,28 --dtype float32 (without the batch)",
        )
    found = _random(described, "random numbers of the signature's shapes")
    return _with_axes(replace(found, notes=(why,) if why else ()), request.dynamic)


def _held_out(request: ExportRequest, host: Host) -> Samples:
    job = job_of(request.source, host, ("data",))
    planned_code(job.plan)
    splits = build_data(job)
    split = "validation" if splits.val is not None else "training"
    dataset = splits.val if splits.val is not None else splits.train
    offer = host.offer("tasks", job.plan.task)
    task = make(offer.factory, job.config.experiment.task_args, f"task {offer.name}", "experiment.task_args")
    rows = rows_of(dataset, splits.collate, False)

    def batch(count: int) -> Sample:
        numbers = torch.arange(count) % len(rows)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            found: Sample = task.sample(rows.fetch(numbers))
        return found

    batch(2)
    return Samples(batch, f"the run's {split} data", _labels(dataset))


def _labels(dataset: Any) -> tuple[str, ...]:
    """Names of the classes, where a dataset has them as torchvision's do."""
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    names = getattr(dataset, "classes", ())
    return tuple(map(str, names)) if isinstance(names, list | tuple) else ()


@dataclass(frozen=True)
class _Input:
    shape: tuple[int, ...]
    dtype: torch.dtype


def _given(request: ExportRequest) -> dict[str, _Input]:
    only = request.dtypes.get("", "float32")
    return {
        name or "inputs": _Input(tuple(shape), _dtype(request.dtypes.get(name, only)))
        for name, shape in request.shapes.items()
    }


def _described(inputs: Any) -> dict[str, _Input] | None:
    """A signature as it is recorded, where it is one tensor or a table of them."""
    table = {"inputs": inputs} if isinstance(inputs, Mapping) and "shape" in inputs else inputs
    if not isinstance(table, Mapping):
        return None
    try:
        return {
            str(name): _Input(tuple(int(side) for side in item["shape"][1:]), _dtype(item["dtype"]))
            for name, item in table.items()
        }
    except (TypeError, KeyError, ValueError, ConfigValueError):
        return None


def _dtype(name: str) -> torch.dtype:
    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype):
        raise ConfigValueError(f"--dtype {name}: torch has no such type", "write e.g. float32, int64 or bool")
    return found


def _random(inputs: Mapping[str, _Input], origin: str) -> Samples:
    def batch(count: int) -> Sample:
        generator = torch.Generator().manual_seed(0)
        tensors = tuple(_numbers((count, *one.shape), one.dtype, generator) for one in inputs.values())
        return Sample(tensors, tuple(inputs), {name: {0: "batch"} for name in inputs})

    return Samples(batch, origin)


def _numbers(shape: tuple[int, ...], dtype: torch.dtype, generator: torch.Generator) -> torch.Tensor:
    if dtype.is_floating_point or dtype.is_complex:
        return torch.randn(shape, generator=generator).to(dtype)
    return torch.randint(0, 2, shape, generator=generator).to(dtype)  # 0 and 1 are in every vocabulary


def _with_axes(samples: Samples, dynamic: Mapping[str, Mapping[int, str]]) -> Samples:
    if not dynamic:
        return samples

    def batch(count: int) -> Sample:
        found = samples.batch(count)
        unknown = [name for name in dynamic if name not in found.names]
        if unknown:
            raise ConfigValueError(
                f"--dynamic {unknown[0]}: no input has this name", f"there are: {', '.join(found.names)}"
            )
        axes = {name: {**found.dynamic.get(name, {}), **dynamic.get(name, {})} for name in found.names}
        return Sample(found.args, found.names, axes)

    return replace(samples, batch=batch)

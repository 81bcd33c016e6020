"""Quantizing and pruning a trained model, and measuring what that costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from regtrain.checkpoint.durable import tensor_chunks, write_chunks
from regtrain.errors import ConfigValueError, ExportError
from regtrain.export.arrays import as_array
from regtrain.export.flat import named_inputs
from regtrain.export.from_file import FromFile
from regtrain.export.make import make_from
from regtrain.export.measure import held_out_metrics, task_of
from regtrain.export.rebuild import job_of, load_weights, rebuild
from regtrain.host import Host
from regtrain.job.making import planned_code
from regtrain.job.parts import build_data
from regtrain.trainer.rows import rows_of
from regtrain.types import Exporter, Quantizer, Splits, Task
from regtrain.types.exporting import Compressed, CompressRequest, ExportRequest

__all__ = ["compress", "prune_smallest"]

FORMAT = "onnx"  # what onnxruntime quantizes, and runs in 8 bits on every processor
BATCH = 32  # calibration samples that are given at a time


def compress(request: CompressRequest, folder: Path, host: Host) -> Compressed:
    """The compressed model as a file in the folder, with the metrics before and after.

    Raises:
        RegtrainError: the model, its data or its task cannot be built anew; the format cannot hold the model.
    """
    weights = load_weights(request.source)
    model = rebuild(request.source, host, weights)
    job = job_of(request.source, host, ("data", "loss"))
    planned_code(job.plan)
    task, splits = task_of(job), build_data(job)
    before = held_out_metrics(job, model, splits, task)
    if request.method == "magnitude":
        made: nn.Module = model
        facts = prune_smallest(model, request.amount)
        file = folder / "model.safetensors"
        write_chunks(file, tensor_chunks(_named(model, weights)))
        assert request.source.weights is not None
        size = request.source.weights.stat().st_size
    else:
        made, file, size, facts = _quantized(request, model, splits, task, folder, host)
    after = held_out_metrics(job, made, splits, task)
    return Compressed(file.name, before, after, size, file.stat().st_size, facts)


def prune_smallest(model: nn.Module, amount: float) -> dict[str, Any]:
    """Set the share `amount` of the weights to zero, the smallest of all layers together. Biases and the scales of
    normalisation, which have one axis, stay."""
    weights = list({id(p): p for p in model.parameters() if p.ndim > 1 and p.is_floating_point()}.values())
    if not weights:
        raise ConfigValueError("the model has no weights of two axes or more", "there is nothing to prune")
    sizes = torch.cat([weight.detach().abs().flatten().float() for weight in weights])
    count = int(amount * len(sizes))
    if count:
        limit = sizes.kthvalue(count).values
        with torch.no_grad():
            for weight in weights:
                weight[weight.abs() <= limit] = 0
    zeros = sum(int((weight == 0).sum()) for weight in weights)
    return {"amount": amount, "weights": len(sizes), "zeros": zeros}


def _named(model: nn.Module, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state under the names that it was stored with."""
    own = {name.replace("_orig_mod.", ""): tensor for name, tensor in model.state_dict().items()}
    return {name: own[name.replace("_orig_mod.", "")] for name in weights}


def _quantized(
    request: CompressRequest, model: nn.Module, splits: Splits, task: Task, folder: Path, host: Host
) -> tuple[nn.Module, Path, int, dict[str, Any]]:
    """The module that runs the file, the file, the bytes of the file before, and facts."""
    exporter: Exporter = host.offer("exporters", FORMAT).factory()
    quantizer: object = exporter
    if not isinstance(quantizer, Quantizer):
        raise ExportError(f"exporter {FORMAT} does not quantize", "use the one that comes with regtrain")
    made = make_from(model, ExportRequest(request.source, FORMAT), folder, host)
    whole, file = folder / made.file, folder / f"model.int8{exporter.suffix}"
    inputs = tuple(str(one["name"]) for one in made.inputs)
    rows = rows_of(splits.train, splits.collate, False)
    count = min(request.samples, len(rows))

    def batches() -> Iterator[dict[str, Any]]:
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:count]
        for start in range(0, count, BATCH):
            names, tensors = named_inputs(task.sample(rows.fetch(order[start : start + BATCH])))
            yield dict(zip(names, map(as_array, tensors), strict=True))

    quantizer.quantize(whole, file, batches() if request.method == "static" else None)
    with torch.no_grad():
        example = model(*task.sample(rows.fetch(torch.arange(2) % len(rows))).args)
    facts: dict[str, Any] = {
        "inputs": list(made.inputs),
        "outputs": list(made.outputs),
        "versions": dict(made.versions),
    }
    facts |= {"calibrated_on": count} if request.method == "static" else {}
    module = FromFile(exporter.load(file), inputs, example)
    return module, file, whole.stat().st_size, facts

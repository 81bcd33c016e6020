"""What decides a version's number, read off the trained model: its inputs and outputs, its weights, its code."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import torch
from torch import nn

from regtrain.job.making import Job, Section
from regtrain.trainer import Parts
from regtrain.types import Indexed, Kind, chosen

__all__ = ["code_of", "measures_of", "signature_of", "state_shapes"]

KINDS: dict[Section, Kind] = {"model": "models", "data": "datasets"}


def state_shapes(model: nn.Module) -> dict[str, list[Any]]:
    """Name → [shape, dtype] of every tensor of the state dict."""
    return {
        name: [list(value.shape), str(value.dtype).removeprefix("torch.")]
        for name, value in model.state_dict().items()
        if isinstance(value, torch.Tensor)
    }


def signature_of(parts: Parts, features: Sequence[str] = ()) -> dict[str, Any]:
    """Shapes and dtypes of inputs and outputs, the batch dimension as None; empty when the model cannot be asked.

    features: names of the columns of a table, which say what each input is.
    """
    was_training = parts.model.training
    try:
        batch = parts.strategy.to_device(next(iter(parts.train.epoch(0))))  # closed by now: loaded in this process
        sample = parts.task.sample(batch.batch if isinstance(batch, Indexed) else batch)
        parts.model.eval()
        with torch.no_grad():
            outputs = parts.model(*sample.args)
    except Exception:  # the training went well: a signature that cannot be had must not spoil it
        return {}
    finally:
        parts.model.train(was_training)
    inputs = sample.args[0] if len(sample.args) == 1 else dict(zip(sample.names, sample.args, strict=True))
    named = {"features": list(features)} if features else {}
    return {"inputs": _described(inputs), "outputs": _described(outputs), **named}


def _described(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return {"dtype": str(value.dtype).removeprefix("torch."), "shape": [None, *value.shape[1:]]}
    if isinstance(value, Mapping):
        return {str(key): _described(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_described(item) for item in value]
    return type(value).__name__


def measures_of(job: Job, data: Mapping[str, str]) -> dict[str, str]:
    """What metrics depend on besides the weights: digests of data, loss, and evaluation."""
    config = job.config
    evaluator = config.evaluation.evaluator.model_dump(mode="json")
    values = {
        "data": dict(data),
        "loss": [_origin(job, "loss"), config.loss.args],
        "evaluation": [job.plan.task, config.experiment.task_args, evaluator],
    }
    return {
        name: "sha256:" + hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
        for name, value in values.items()
    }


def code_of(job: Job) -> dict[str, str]:
    """Section → digest of the user's file, or the plugin and the version of its distribution."""
    return {section: _origin(job, section) for section in get_args(Section)}


def _layers(module: nn.Module) -> str:
    """Digest of what a module prints of itself, which names its layers and their settings, not their weights."""
    text = re.sub(r" at 0x[0-9a-f]+", "", repr(module))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _origin(job: Job, section: Section) -> str:
    objects = {"model": job.given.model, "data": job.given.data and job.given.data.train, "loss": job.given.criterion}
    given = objects[section]
    if given is not None:
        name = f"{type(given).__module__}.{type(given).__qualname__}"
        return f"{name} {_layers(given)}" if isinstance(given, nn.Module) else name
    keys = getattr(job.config, section)
    if keys.target:  # as it was planned, and so as it was run; the file may be another one by now
        return f"{keys.target} {job.plan.code[section]}"
    if section == "loss":
        return chosen(job.config.loss.name)
    offer = job.host.offer(KINDS[section], chosen(keys.name))
    version = next(info.version for info in job.host.plugins if info.name == offer.plugin)
    return f"{offer.name} of {offer.distribution} {version}"

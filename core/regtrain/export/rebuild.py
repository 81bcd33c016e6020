"""A trained model built anew from its config and code, with its weights."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from regtrain.checkpoint.weights import fill, read_verified, tensors_in, without_random_weights
from regtrain.errors import RegtrainError
from regtrain.host import Host
from regtrain.job.making import GivenObjects, Job, planned_code
from regtrain.job.parts import build_model
from regtrain.run_dir import RunDir
from regtrain.run_dir.records import RecordWriter
from regtrain.types import Choice, Plan, Settled
from regtrain.types.config.editing import with_values
from regtrain.types.exporting import ModelSource

__all__ = ["job_of", "load_weights", "rebuild"]


def job_of(source: ModelSource, host: Host, sections: tuple[str, ...] = ("model",)) -> Job:
    """A job that builds the parts of the model's run anew, on the CPU. Only the code of these sections may run."""
    config = source.config
    if config.model.pretrained:  # all weights are replaced: nothing is fetched
        config = with_values(config, {"model.pretrained": False})
    choices = tuple(
        Choice(f"{name}.{key}", value, "as it was trained")
        for name in ("model", "data")
        for key in ("name", "target")
        if (value := getattr(getattr(config, name), key))
    )
    defaults = (
        Choice("experiment.task", config.experiment.task or "classification", "as it was trained"),
        Choice("distributed.strategy", "single", "one process"),
    )
    plan = Plan(
        run_id="export",
        run_name="export",
        model_name=source.facts.get("model", "model"),
        config=config,
        public=config,
        base_dir=source.code.resolve() if source.code != Path() else Path(),
        choices=(*choices, *defaults),
        allow_imports=source.allow_imports,
        code={name: digest for name, digest in source.digests.items() if name in sections},
        given=tuple(name for name in ("model", "data", "loss") if name not in sections),
    )
    settled = Settled("export", "cpu", {}, ())
    log = logging.Logger("regtrain.export", logging.WARNING)
    log.addHandler(logging.StreamHandler(sys.stderr))
    return Job(RunDir(source.code), plan, config, settled, host, GivenObjects(), log, RecordWriter(None))


def load_weights(source: ModelSource) -> dict[str, torch.Tensor]:
    """The weights at the source's path, verified.

    Raises:
        CheckpointDamagedError: they have another digest, or are no safetensors.
    """
    assert source.weights is not None
    return tensors_in(read_verified(source.weights, source.digest), source.origin)


def rebuild(source: ModelSource, host: Host, weights: Mapping[str, torch.Tensor]) -> nn.Module:
    """The model with these weights, in evaluation mode.

    Raises:
        RegtrainError: its code fails or has changed, its plugin is missing, the weights do not fit.
    """
    job = job_of(source, host)
    planned_code(job.plan)
    try:
        with without_random_weights():
            model = build_model(job)
    except RegtrainError as problem:
        problem.message = f"{source.origin} cannot be built anew: {problem.message}"
        raise
    fill(model, weights, source.origin)
    return model.eval()

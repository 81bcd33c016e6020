"""Weights that a model begins with: compared with the model, then loaded."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from regtrain.checkpoint.finite import not_finite
from regtrain.checkpoint.weights import COMPILED, misfits, some
from regtrain.errors import CheckpointDamagedError, CheckpointMismatchError, ConfigValueError
from regtrain.job.making import Job
from regtrain.types import chosen

__all__ = ["begin_with", "check_finite", "tensors_of"]


def begin_with(job: Job, model: nn.Module) -> None:
    """Load the weights that the plan names, if it names any; all of them, unless `model.init_strict` is false.

    Raises:
        CheckpointDamagedError: the file cannot be read.
        CheckpointMismatchError: names up to three tensors that do not fit; or none fits at all.
        ConfigValueError: weights that are not finite.
    """
    if job.plan.initial_weights is None:
        return
    file = job.run_dir.path / job.plan.initial_weights
    ref = chosen(job.config.model.init_from)
    try:
        weights = load_file(file)
    except (OSError, ValueError, SafetensorError) as problem:
        raise CheckpointDamagedError(f"the weights of {ref} cannot be read: {problem}", f"verify {ref}") from problem
    own = tensors_of(model)
    differ = misfits(own, weights, ref)
    fitting = {name: tensor for name, tensor in weights.items() if name in own and own[name].shape == tensor.shape}
    if differ and job.config.model.init_strict is not False:
        raise CheckpointMismatchError(
            f"model.init_from: {ref} does not fit the model: {some(differ)}",
            "give the model the same shape, or take what fits with model.init_strict: false",
        )
    if not fitting:
        raise CheckpointMismatchError(
            f"model.init_from: nothing of {ref} fits the model: {some(differ)}", "leave model.init_from out"
        )
    check_finite(model, fitting, f"model.init_from: {ref}", "name another version")
    spelled = {name.removeprefix(COMPILED): name for name in model.state_dict()}
    model.load_state_dict({spelled[name]: tensor for name, tensor in fitting.items()}, strict=False)
    if differ:
        job.log.warning("%d of %d tensors begin with %s; not %s", len(fitting), len(own), ref, some(differ))
    job.log.info("the model begins with the weights of %s", ref)
    job.events.event("begun", version=ref, tensors=len(fitting))


def tensors_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """Name → tensor of the state dict, whether the model is compiled or not."""
    return {
        name.removeprefix(COMPILED): tensor
        for name, tensor in model.state_dict().items()
        if isinstance(tensor, torch.Tensor)
    }


def check_finite(model: nn.Module, weights: Mapping[str, torch.Tensor], origin: str, hint: str) -> None:
    """Refuse weights of a model that diverged: whatever is trained from them is NaN.

    Raises:
        ConfigValueError: names up to three tensors.
    """
    parameters = {name.removeprefix(COMPILED) for name, _ in model.named_parameters()}
    bad = not_finite(weights, parameters)
    if bad:
        raise ConfigValueError(f"{origin} has weights that are not finite: {some(bad)}", hint)

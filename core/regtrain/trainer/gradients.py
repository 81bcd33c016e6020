"""The total norm of gradients, dense and sparse, and clipping by it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_, get_total_norm

__all__ = ["total_norm"]


def total_norm(parameters: Sequence[nn.Parameter], clip: float | None) -> torch.Tensor:
    """The norm of all gradients together, before they are scaled down to `clip`."""
    try:
        if clip:
            return clip_grad_norm_(parameters, clip)
        return get_total_norm([p.grad for p in parameters if p.grad is not None])
    except (RuntimeError, NotImplementedError):  # torch's functions take dense gradients only
        if not any(p.grad is not None and p.grad.is_sparse for p in parameters):
            raise
    return _with_sparse(parameters, clip)


@torch.no_grad()
def _with_sparse(parameters: Sequence[nn.Parameter], clip: float | None) -> torch.Tensor:
    values = []
    for parameter in parameters:
        if parameter.grad is None:
            continue
        if parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()  # entries of one row that occur twice add up first
            values.append(parameter.grad.values())
        else:
            values.append(parameter.grad)
    norm = get_total_norm(values)
    if clip:
        scale = torch.clamp(clip / (norm + 1e-6), max=1.0)
        for value in values:
            value.mul_(scale.to(value.device))
    return norm

"""State as a checkpoint keeps it: JSON and named tensors."""

from __future__ import annotations

import json
from typing import Any

import torch

from regtrain.checkpoint.tree import decode, encode

__all__ = ["through_store"]


def through_store(state: Any) -> Any:
    """`state` after it was written as a checkpoint writes it and read again; its tensors are copies."""
    tensors: dict[str, torch.Tensor] = {}
    text = json.dumps(encode(state, tensors), allow_nan=False)
    return decode(json.loads(text), {path: tensor.clone() for path, tensor in tensors.items()})

"""Training state as plain JSON and named tensors, and back. No pickle.

A state is a tree of dicts, lists, tuples, numbers, text and tensors, as `state_dict()` of optimizers, schedulers and
scalers returns it. JSON knows no tuples, no int keys and no infinities: such values are written as a mapping with one
key that starts with `$`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch

from regtrain.errors import CheckpointMismatchError

__all__ = ["decode", "encode"]


def encode(value: Any, tensors: dict[str, torch.Tensor], path: str = "") -> Any:
    """`value` as JSON; its tensors go into `tensors` under their path in the tree.

    Raises:
        CheckpointMismatchError: the state holds something that is neither a number, text, container nor tensor.
    """
    if isinstance(value, torch.Tensor):
        while path in tensors:  # {"a.b": …} and {"a": {"b": …}} have one path
            path += "'"
        tensors[path] = value.detach()
        return {"$tensor": path}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": str(value)}
    if isinstance(value, Mapping):
        return _encode_mapping(value, tensors, path)
    if isinstance(value, list | tuple):
        items = [encode(item, tensors, f"{path}.{i}") for i, item in enumerate(value)]
        return {"$tuple": items} if isinstance(value, tuple) else items
    raise CheckpointMismatchError(
        f"state {path!r} holds a {type(value).__name__}, which cannot be written without pickle",
        "give state_dict() numbers, text, lists, dicts and tensors only",
    )


def _encode_mapping(value: Mapping[Any, Any], tensors: dict[str, torch.Tensor], path: str) -> Any:
    if isinstance(value, Counter) or not all(isinstance(key, str) and not key.startswith("$") for key in value):
        pairs = [[encode(k, tensors, path), encode(v, tensors, f"{path}.{k}")] for k, v in value.items()]
        return {"$counter" if isinstance(value, Counter) else "$pairs": pairs}
    return {key: encode(item, tensors, f"{path}.{key}" if path else key) for key, item in value.items()}


def decode(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """The tree that `encode` was given; tensors are looked up by their path."""
    if isinstance(value, list):
        return [decode(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (mark, content), *_ = value.items()
        if mark == "$tensor":
            return tensors[content]
        if mark == "$float":
            return float(content)
        if mark == "$tuple":
            return tuple(decode(item, tensors) for item in content)
        if mark in ("$pairs", "$counter"):
            pairs = {decode(k, tensors): decode(v, tensors) for k, v in content}
            return Counter(pairs) if mark == "$counter" else pairs
    return {key: decode(item, tensors) for key, item in value.items()}

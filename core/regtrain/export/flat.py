"""A model that takes and returns any structure, as one that takes tensors by name and returns a tuple."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from regtrain.errors import ExportError
from regtrain.types import Sample

__all__ = ["Flat", "flatten", "named_inputs", "named_outputs"]


class Flat(nn.Module):
    """Puts tensors back into the structure that the model takes, and takes those out of what it returns."""

    def __init__(self, model: nn.Module, leaves: Sequence[Any], spec: pytree.TreeSpec) -> None:
        super().__init__()
        self.model = model
        self._constants = [None if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        self._places = [number for number, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)]
        self._spec = spec

    def forward(self, *tensors: torch.Tensor) -> Any:
        leaves = list(self._constants)
        for place, tensor in zip(self._places, tensors, strict=True):
            leaves[place] = tensor
        outputs = self.model(*pytree.tree_unflatten(leaves, self._spec))
        found = [leaf for leaf in pytree.tree_leaves(outputs) if isinstance(leaf, torch.Tensor)]
        return found[0] if len(found) == 1 else tuple(found)


def flatten(model: nn.Module, sample: Sample) -> tuple[nn.Module, Sample, tuple[str, ...]]:
    """The model with tensors in and tensors out, the sample of it, and the names of its outputs.

    A model that takes tensors alone, and returns one or a tuple of them, is taken as it is.

    Raises:
        ExportError: it takes or returns no tensors.
    """
    names, tensors = named_inputs(sample)
    with torch.no_grad():
        outputs = model(*sample.args)
    output_names = named_outputs(outputs)
    dynamic = {name: axes for name, axes in _spread(sample, names).items() if name in names}
    plain = all(isinstance(arg, torch.Tensor) for arg in sample.args) and (
        isinstance(outputs, torch.Tensor)
        or (type(outputs) is tuple and all(isinstance(item, torch.Tensor) for item in outputs))
    )
    if not plain:
        leaves, spec = pytree.tree_flatten(sample.args)
        model = Flat(model, leaves, spec).eval()
    return model, Sample(tuple(tensors), tuple(names), dynamic), output_names


def named_inputs(sample: Sample) -> tuple[list[str], list[torch.Tensor]]:
    """The tensors of the arguments, in order; those inside of a mapping by their keys."""
    names: list[str] = []
    tensors: list[torch.Tensor] = []
    for argument, name in zip(sample.args, sample.names, strict=True):
        for path, leaf in pytree.tree_flatten_with_path(argument)[0]:
            if isinstance(leaf, torch.Tensor):
                inner = "_".join(_key(key) for key in path)
                alone = len(sample.args) == 1 and isinstance(argument, Mapping)
                names.append(inner if alone else f"{name}_{inner}" if inner else name)
                tensors.append(leaf)
    if not tensors:
        raise ExportError(
            f"the model takes no tensors: {', '.join(type(arg).__name__ for arg in sample.args) or 'nothing'}",
            "let the task's sample() return tensors",
        )
    return names, tensors


def named_outputs(outputs: Any) -> tuple[str, ...]:
    """A name for each tensor: `output`, `output_0`…, or its key.

    Raises:
        ExportError: there is none.
    """
    names = []
    for path, leaf in pytree.tree_flatten_with_path(outputs)[0]:
        if isinstance(leaf, torch.Tensor):
            inner = "_".join(_key(key) for key in path)
            names.append(inner if isinstance(outputs, Mapping) or hasattr(outputs, "_fields") else _joined(inner))
    if not names:
        raise ExportError(
            f"the model returns a {type(outputs).__name__}, which holds no tensors",
            "return a tensor, or a tuple, list or dict of tensors",
        )
    return tuple(names)


def _joined(inner: str) -> str:
    return f"output_{inner}" if inner else "output"


def _spread(sample: Sample, names: Sequence[str]) -> dict[str, Mapping[int, str]]:
    """Dynamic axes by the names of tensors; those of a mapping hold for each tensor in it."""
    found = dict(sample.dynamic)
    for argument, name in zip(sample.args, sample.names, strict=True):
        if name in sample.dynamic and not isinstance(argument, torch.Tensor):
            inside = [n for n in names if n == name or n.startswith(f"{name}_") or len(sample.args) == 1]
            found |= {n: sample.dynamic[name] for n in inside if n not in sample.dynamic}
    return found


def _key(key: Any) -> str:
    for attribute in ("key", "idx", "name"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)

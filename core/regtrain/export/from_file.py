"""A model that is an exported file, as a module that is called like the one it came from."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from regtrain.export.arrays import as_array
from regtrain.types import LoadedExport

__all__ = ["FromFile"]


class FromFile(nn.Module):
    """Runs a file by its own runtime, on the CPU and without gradients.

    Args:
        example: what the model itself returned once, whose structure the outputs get; a tensor, a tuple or a dict by
            the names of the outputs when left out.
    """

    def __init__(self, loaded: LoadedExport, inputs: tuple[str, ...], example: Any = None) -> None:
        super().__init__()
        self._loaded = loaded
        self._inputs = inputs
        self._leaves, self._spec = pytree.tree_flatten(example)

    def forward(self, *args: Any) -> Any:
        tensors = [leaf for leaf in pytree.tree_leaves(args) if isinstance(leaf, torch.Tensor)]
        found = self._loaded(dict(zip(self._inputs, map(as_array, tensors), strict=True)))
        outputs = iter([torch.from_numpy(array) for array in found.values()])
        if not any(isinstance(leaf, torch.Tensor) for leaf in self._leaves):
            return next(outputs) if len(found) == 1 else dict(zip(found, outputs, strict=True))
        leaves = [next(outputs) if isinstance(leaf, torch.Tensor) else leaf for leaf in self._leaves]
        return pytree.tree_unflatten(leaves, self._spec)

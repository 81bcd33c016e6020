"""Weights alone: safetensors, and a state dict as torch.save writes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl
from regtrain.types import Exporter

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn

    from regtrain.types import ExportFacts, LoadedExport, Register, Sample


class Safetensors(Exporter):
    """Weights that are tied are written under each of their names, so that every loader takes the file."""

    suffix = ".safetensors"
    computes = False

    def export(self, model: nn.Module, sample: Sample, path: Path, facts: ExportFacts) -> None:
        from safetensors.torch import save_file

        save_file({name: tensor.clone() for name, tensor in _state(model).items()}, path, dict(facts.metadata))

    def load(self, path: Path) -> LoadedExport:
        from safetensors.torch import load_file

        return _held(load_file(path))


class StateDict(Exporter):
    """A state dict for `torch.load(weights_only=True)`."""

    suffix = ".pth"
    computes = False

    def export(self, model: nn.Module, sample: Sample, path: Path, facts: ExportFacts) -> None:
        import torch

        torch.save(_state(model), path)

    def load(self, path: Path) -> LoadedExport:
        import torch

        return _held(torch.load(path, map_location="cpu", weights_only=True))


def _state(model: nn.Module) -> dict[str, torch.Tensor]:
    """The tensors of a state dict, contiguous."""
    import torch

    state = model.state_dict()
    return {name: tensor.detach().contiguous() for name, tensor in state.items() if isinstance(tensor, torch.Tensor)}


def _held(tensors: Mapping[str, torch.Tensor]) -> LoadedExport:
    import torch

    def weights(inputs: Mapping[str, np.ndarray[Any, Any]]) -> Mapping[str, np.ndarray[Any, Any]]:
        wide = {name: t.float() if t.dtype is torch.bfloat16 else t for name, t in tensors.items()}
        return {name: tensor.numpy() for name, tensor in wide.items()}

    return weights


@hookimpl
def regtrain_register_exporters(register: Register) -> None:
    register("safetensors", Safetensors)
    register("pytorch", StateDict)

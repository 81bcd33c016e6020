"""One process, one device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    from torch import nn

    from regtrain.types import Register


class Single:
    """The whole model on one device."""

    rank = 0
    world_size = 1

    def __init__(self, device: str) -> None:
        import torch

        self.device = torch.device(device)
        self._stays = self.device.type == "cpu"

    def prepare(self, model: nn.Module) -> nn.Module:
        return model if self._stays else model.to(self.device)

    def to_device(self, batch: Any) -> Any:
        """The batch with every tensor on the device; containers keep their type where they are dict, list or tuple."""
        if self._stays:
            return batch
        return self._moved(batch)

    def _moved(self, value: Any) -> Any:
        if hasattr(value, "to"):
            return value.to(self.device, non_blocking=True)
        if isinstance(value, dict):
            return {key: self._moved(item) for key, item in value.items()}
        if hasattr(value, "_fields"):  # a named tuple takes its items one by one
            return type(value)(*map(self._moved, value))
        if isinstance(value, list | tuple):
            return type(value)([self._moved(item) for item in value])
        return value


@hookimpl
def regtrain_register_strategies(register: Register) -> None:
    register("single", Single)

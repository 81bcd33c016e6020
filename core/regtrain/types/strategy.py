"""Where the model is placed and how processes work together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["Strategy"]


class Strategy(Protocol):
    """Where the model lives and how processes work together."""

    device: torch.device
    rank: int
    world_size: int

    def prepare(self, model: nn.Module) -> nn.Module:
        """Move or wrap the model before the optimizer is made."""
        ...

    def to_device(self, batch: Any) -> Any: ...

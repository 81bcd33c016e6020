"""Number formats of the forward pass: 32 bits, bfloat16, float16 with gradient scaling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

__all__ = ["Precision"]


class Precision:
    """Wraps forward, backward and step. For 32 bits all three are torch's own, with nothing between."""

    def __init__(self, name: str, device: torch.device) -> None:
        self.name = name
        self._dtype = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(name)
        self._device = device.type
        self._scaler = torch.amp.GradScaler(self._device) if name == "16-mixed" else None

    def wrap(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        """`forward` under autocast; itself for 32 bits."""
        if self._dtype is None:
            return forward
        device, dtype = self._device, self._dtype

        def under_autocast(*args: Any) -> Any:
            with torch.autocast(device, dtype=dtype):
                return forward(*args)

        return under_autocast

    def backward(self, loss: torch.Tensor) -> None:
        (self._scaler.scale(loss) if self._scaler else loss).backward()  # type: ignore[no-untyped-call]

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Bring gradients to their true size before they are measured or clipped."""
        if self._scaler:
            self._scaler.unscale_(optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        if self._scaler:
            self._scaler.step(optimizer)
            self._scaler.update()
        else:
            optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        return self._scaler.state_dict() if self._scaler else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self._scaler and state:
            self._scaler.load_state_dict(state)

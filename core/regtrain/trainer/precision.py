"""Number formats of the forward pass: 32 bits, bfloat16, float16 with gradient scaling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.optim import Optimizer

__all__ = ["Precision"]


class Precision:
    """`run` calls a function under autocast; None for 32 bits, where no wrapper is needed."""

    def __init__(self, name: str, device: torch.device) -> None:
        self.name = name
        dtype = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(name)
        self._scaler = torch.amp.GradScaler(device.type) if name == "16-mixed" else None
        self.scales = self._scaler is not None
        self._done: set[Optimizer] = set()
        self._watched: set[Optimizer] = set()
        self.run: Callable[..., Any] | None = None
        if dtype is not None:

            def under_autocast(function: Callable[..., Any], *args: Any) -> Any:
                with torch.autocast(device.type, dtype=dtype):
                    return function(*args)

            self.run = under_autocast

    def backward(self, loss: torch.Tensor) -> None:
        (self._scaler.scale(loss) if self._scaler else loss).backward()  # type: ignore[no-untyped-call]

    def unscale(self, optimizers: Sequence[Optimizer]) -> None:
        """Bring gradients to their true size before they are measured or clipped."""
        if self._scaler:
            for optimizer in optimizers:
                self._scaler.unscale_(optimizer)

    def step(self, optimizers: Sequence[Optimizer]) -> list[bool]:
        """Step each optimizer whose gradients are finite; which of them made one. For float16 only."""
        assert self._scaler is not None
        self._done.clear()
        for optimizer in optimizers:
            if optimizer not in self._watched:
                # asking the scaler instead would wait for the device once more
                optimizer.register_step_post_hook(lambda stepped, args, kwargs: self._done.add(stepped))
                self._watched.add(optimizer)
            self._scaler.step(optimizer)
        self._scaler.update()
        return [optimizer in self._done for optimizer in optimizers]

    def state_dict(self) -> dict[str, Any]:
        return self._scaler.state_dict() if self._scaler else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self._scaler and state:
            self._scaler.load_state_dict(state)

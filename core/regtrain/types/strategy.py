"""Where the model is placed and how processes work together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    import torch

    from regtrain.types.engine import Engine, EngineSetup

__all__ = ["Place", "Strategy", "StrategyFactory", "moved"]


@dataclass(frozen=True)
class Place:
    """One process among those of a run. Rank 0 alone writes, logs and calls callbacks."""

    rank: int = 0
    local_rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        return self.rank == 0


class Strategy(Protocol):
    """Where the model is placed and how processes work together; a context manager around the whole job.

    It is made before seeds, data and model. Every method but `to_device` is collective: each process calls it, in the
    same order.
    """

    place: Place
    device: torch.device

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def prepare(self, setup: EngineSetup) -> Engine:
        """Place the modules, make the optimizers of what is placed, and return the engine that runs them."""
        ...

    def to_device(self, batch: Any) -> Any:
        """The batch with every tensor on the device; containers keep their type."""
        ...

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        ...

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes by rank: tensors of one shape stay tensors, any other object is copied."""
        ...

    def broadcast(self, value: Any) -> Any:
        """The object of rank 0."""
        ...

    def barrier(self) -> None: ...


StrategyFactory = Callable[..., Strategy]


def moved(value: Any, device: torch.device) -> Any:
    """A batch with every tensor on a device; containers keep their type where they are dict, list or tuple."""
    if hasattr(value, "to"):
        return value.to(device, non_blocking=True)
    if isinstance(value, dict):
        return {key: moved(item, device) for key, item in value.items()}
    if hasattr(value, "_fields"):  # a named tuple takes its items one by one
        return type(value)(*(moved(item, device) for item in value))
    if isinstance(value, list | tuple):
        return type(value)([moved(item, device) for item in value])
    return value

"""One process, one device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from regtrain.hookspecs import hookimpl
from regtrain.types import Place
from regtrain.types.strategy import moved

if TYPE_CHECKING:
    from regtrain.types import Engine, EngineSetup, Register


class Single:
    """The whole model on one device."""

    place = Place()

    def __init__(self, device: str) -> None:
        import torch

        self.device = torch.device(device)
        self._stays = self.device.type == "cpu"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None: ...

    def prepare(self, setup: EngineSetup) -> Engine:
        if not self._stays:
            setup.trainable.to(self.device)
        return setup.engine(setup, setup.make_optimizers())

    def to_device(self, batch: Any) -> Any:
        """The batch with every tensor on the device."""
        return batch if self._stays else moved(batch, self.device)

    def any(self, flag: bool) -> bool:
        return flag

    def gather(self, value: Any) -> list[Any]:
        return [value]

    def broadcast(self, value: Any) -> Any:
        return value

    def barrier(self) -> None: ...


@hookimpl
def regtrain_register_strategies(register: Register) -> None:
    register("single", Single, traits={"processes": "one"})

"""Optimizers that need no schedule (Defazio and others, "The Road Less Scheduled"), from the package schedulefree."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from regtrain.types import Register

NAMES = ("AdamWScheduleFree", "RAdamScheduleFree", "SGDScheduleFree")


class ScheduleFree:
    """Factory of one class of schedulefree; its signature and documentation are those of the class."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, params: Any, **args: Any) -> Optimizer:
        return self._class()(params, **args)  # type: ignore[no-any-return]

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        return self._class()

    def _class(self) -> Callable[..., Any]:
        import schedulefree

        found: Callable[..., Any] = getattr(schedulefree, self.name)
        return found


@hookimpl
def regtrain_register_optimizers(register: Register) -> None:
    for name in NAMES:
        register(name, ScheduleFree(name), requires="schedulefree>=1.4", traits={"modes": True})

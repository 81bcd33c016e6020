"""Every optimizer of torch.optim, by its class name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from regtrain.types import Register

__all__ = ["NAMES"]

# Spelled out, so that names are known without loading torch; a test holds the list against torch itself.
NAMES = (
    "ASGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "LBFGS",
    "Muon",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SGD",
    "SparseAdam",
)

TRAITS = {"LBFGS": {"closure": True}, "SparseAdam": {"sparse_gradients": True}}


class TorchOptimizer:
    """Factory of one class of torch.optim; signature and documentation are those of the class, loaded on demand."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, params: Any, **args: Any) -> Optimizer:
        return self._class()(params, **args)  # type: ignore[no-any-return]

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        return self._class()

    def _class(self) -> Callable[..., Any]:
        import torch

        found: Callable[..., Any] = getattr(torch.optim, self.name)
        return found


@hookimpl
def regtrain_register_optimizers(register: Register) -> None:
    for name in NAMES:
        register(name, TorchOptimizer(name), traits=TRAITS.get(name))

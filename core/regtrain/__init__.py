"""regtrain: train a PyTorch model from a YAML file and get a registered, versioned model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regtrain.api import RunResult, Trainer, load
    from regtrain.types import Splits

__all__ = ["RunResult", "Splits", "Trainer", "load"]


def __getattr__(name: str) -> Any:
    """Loaded when first used: the command line imports this package and must not load torch."""
    if name in ("RunResult", "Trainer", "load"):
        from regtrain import api

        return getattr(api, name)
    if name == "Splits":
        from regtrain.types import Splits

        return Splits
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

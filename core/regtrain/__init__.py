"""regtrain: train a PyTorch model from a YAML file and get a registered, versioned model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regtrain.api import RunResult, Trainer, load
    from regtrain.types import Splits
    from regtrain.user_log import log, log_figure, log_histogram, log_table

__all__ = ["RunResult", "Splits", "Trainer", "load", "log", "log_figure", "log_histogram", "log_table"]


def __getattr__(name: str) -> Any:
    """Loaded when first used: the command line imports this package and must not load torch."""
    if name in ("RunResult", "Trainer", "load"):
        from regtrain import api

        return getattr(api, name)
    if name == "Splits":
        from regtrain.types import Splits

        return Splits
    if name in __all__:
        from regtrain import user_log

        found = globals()[name] = getattr(user_log, name)  # called at every step: looked up once
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

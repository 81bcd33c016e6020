"""The launched side of a run, `python -m regtrain.job RUN_DIR`. It never sees the registry.

Importing this loads no torch yet, so that `__main__` can say first what a signal means while torch is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regtrain.job.making import GivenObjects
    from regtrain.job.training import execute, main

__all__ = ["GivenObjects", "execute", "main"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from regtrain.job import training

    return getattr(training, name)

"""The life of a run: plan, prepare, launch, complete. Loads no torch; the job does.

Loaded when first used: `regtrain models list` wants to know where the registry is, and nothing of the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regtrain.run.completion import RunResult, complete
    from regtrain.run.execution import execute, run
    from regtrain.run.planning import Planned, Request, plan_resolved, plan_run

__all__ = ["Planned", "Request", "RunResult", "complete", "execute", "plan_resolved", "plan_run", "run"]

_MODULES = {"RunResult": "completion", "complete": "completion", "execute": "execution", "run": "execution"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'planning')}"), name)

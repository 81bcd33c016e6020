"""The story of a run: plan → launch → register. Loads no torch; the job does.

Loaded when first used: `regtrain models list` wants to know where the registry is, and nothing of the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regtrain.run.story import Request, RunResult, plan_resolved, plan_run, run, tell

__all__ = ["Request", "RunResult", "plan_resolved", "plan_run", "run", "tell"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from regtrain.run import story

    return getattr(story, name)

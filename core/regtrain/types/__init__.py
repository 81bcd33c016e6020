"""The types that cross hooks: frozen values and Protocols, by topic. torch is imported under TYPE_CHECKING only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regtrain.types.data import Splits
from regtrain.types.events import Alert, CheckpointEvent, RunEvent, VersionEvent
from regtrain.types.kinds import KINDS, Kind, Register
from regtrain.types.launching import JobCommand, JobState, Launched, Launcher, RemoteLauncher
from regtrain.types.schedule import Schedule
from regtrain.types.strategy import Strategy
from regtrain.types.task import Evaluator, EvaluatorFactory, Task
from regtrain.types.tracking import Tracker, TrackerContext

if TYPE_CHECKING:
    from regtrain.types.planning import Choice, Plan, Resources, Settled, chosen

__all__ = [
    "KINDS",
    "Alert",
    "CheckpointEvent",
    "Choice",
    "Evaluator",
    "EvaluatorFactory",
    "JobCommand",
    "JobState",
    "Kind",
    "Launched",
    "Launcher",
    "Plan",
    "Register",
    "RemoteLauncher",
    "Resources",
    "RunEvent",
    "Schedule",
    "Settled",
    "Splits",
    "Strategy",
    "Task",
    "Tracker",
    "TrackerContext",
    "VersionEvent",
    "chosen",
]


def __getattr__(name: str) -> Any:
    """Plans hold the typed config: pydantic is loaded when one is needed, not for `--help` or a list of plugins."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from regtrain.types import planning

    return getattr(planning, name)

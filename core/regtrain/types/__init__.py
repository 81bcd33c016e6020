"""The types that cross hooks: frozen values and Protocols, by topic. torch is imported under TYPE_CHECKING only."""

from regtrain.types.data import Splits
from regtrain.types.events import CheckpointEvent, RunEvent, VersionEvent
from regtrain.types.kinds import KINDS, Kind, Register
from regtrain.types.launching import JobCommand, Launcher
from regtrain.types.planning import Choice, Plan
from regtrain.types.schedule import Schedule
from regtrain.types.strategy import Strategy
from regtrain.types.task import Evaluator, EvaluatorFactory, Task
from regtrain.types.tracking import Tracker, TrackerContext

__all__ = [
    "KINDS",
    "CheckpointEvent",
    "Choice",
    "Evaluator",
    "EvaluatorFactory",
    "JobCommand",
    "Kind",
    "Launcher",
    "Plan",
    "Register",
    "RunEvent",
    "Schedule",
    "Splits",
    "Strategy",
    "Task",
    "Tracker",
    "TrackerContext",
    "VersionEvent",
]

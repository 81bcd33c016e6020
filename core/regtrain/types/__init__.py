"""The types that cross hooks: frozen values and Protocols, by topic. torch is imported under TYPE_CHECKING only."""

from regtrain.types.data import Splits
from regtrain.types.events import Alert, CheckpointEvent, RunEvent, VersionEvent
from regtrain.types.kinds import KINDS, Kind, Register
from regtrain.types.launching import JobCommand, JobState, Launched, Launcher, RemoteLauncher
from regtrain.types.planning import Choice, Plan, Resources, Settled, chosen
from regtrain.types.schedule import Schedule
from regtrain.types.strategy import Strategy
from regtrain.types.task import Evaluator, EvaluatorFactory, Task
from regtrain.types.tracking import Tracker, TrackerContext

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

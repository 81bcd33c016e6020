"""The types that cross hooks: frozen values and Protocols, by topic. torch is imported under TYPE_CHECKING only."""

from regtrain.types.callbacks import Callback, CallbackContext, CallbackFactory, Fit
from regtrain.types.data import Indexed, Splits
from regtrain.types.engine import Engine, EngineSetup, OptimizerPart, StepReport
from regtrain.types.events import Alert, CheckpointEvent, RunEvent, VersionEvent
from regtrain.types.kinds import KINDS, Kind, Register
from regtrain.types.launching import JobCommand, JobState, Launched, Launcher, RemoteLauncher
from regtrain.types.planning import Choice, Plan, Resources, Settled, chosen
from regtrain.types.schedule import Schedule
from regtrain.types.strategy import Place, Strategy
from regtrain.types.task import Evaluator, EvaluatorFactory, Sample, StepOutput, Task, TaskContext
from regtrain.types.tracking import Tracker, TrackerContext

__all__ = [
    "KINDS",
    "Alert",
    "Callback",
    "CallbackContext",
    "CallbackFactory",
    "CheckpointEvent",
    "Choice",
    "Engine",
    "EngineSetup",
    "Evaluator",
    "EvaluatorFactory",
    "Fit",
    "Indexed",
    "JobCommand",
    "JobState",
    "Kind",
    "Launched",
    "Launcher",
    "OptimizerPart",
    "Place",
    "Plan",
    "Register",
    "RemoteLauncher",
    "Resources",
    "RunEvent",
    "Sample",
    "Schedule",
    "Settled",
    "Splits",
    "StepOutput",
    "StepReport",
    "Strategy",
    "Task",
    "TaskContext",
    "Tracker",
    "TrackerContext",
    "VersionEvent",
    "chosen",
]

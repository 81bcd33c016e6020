"""The types that cross hooks: frozen values and Protocols, by topic. torch is imported under TYPE_CHECKING only."""

from regtrain.types.callbacks import Callback, CallbackContext, CallbackFactory, Fit
from regtrain.types.data import Indexed, Splits
from regtrain.types.engine import Engine, EngineSetup, OptimizerPart, StepReport
from regtrain.types.events import CheckpointEvent, RunEvent, VersionEvent
from regtrain.types.kinds import KINDS, Kind, Register
from regtrain.types.launching import JobCommand, Launcher
from regtrain.types.planning import Choice, Plan
from regtrain.types.schedule import Schedule
from regtrain.types.strategy import Place, Strategy
from regtrain.types.task import Evaluator, EvaluatorFactory, Sample, StepOutput, Task, TaskContext
from regtrain.types.tracking import Tracker, TrackerContext

__all__ = [
    "KINDS",
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
    "Kind",
    "Launcher",
    "OptimizerPart",
    "Place",
    "Plan",
    "Register",
    "RunEvent",
    "Sample",
    "Schedule",
    "Splits",
    "StepOutput",
    "StepReport",
    "Strategy",
    "Task",
    "TaskContext",
    "Tracker",
    "TrackerContext",
    "VersionEvent",
]

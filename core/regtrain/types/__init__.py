"""The types that cross hooks: frozen values and Protocols, by topic. torch is imported under TYPE_CHECKING only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regtrain.types.callbacks import Callback, CallbackContext, CallbackFactory, Fit
from regtrain.types.data import Indexed, Splits
from regtrain.types.engine import Engine, EngineSetup, OptimizerPart, StepReport
from regtrain.types.events import Alert, CheckpointEvent, RunEvent, VersionEvent
from regtrain.types.exporters import Exporter, ExportFacts, LoadedExport, Quantizer, dynamic_shapes
from regtrain.types.kinds import KINDS, Kind, Register
from regtrain.types.launching import JobCommand, JobState, Launched, Launcher, RemoteLauncher
from regtrain.types.schedule import Schedule
from regtrain.types.strategy import Place, Strategy
from regtrain.types.task import Evaluator, EvaluatorFactory, Sample, StepOutput, Task, TaskContext
from regtrain.types.tracking import Artifact, RecordBatch, TrackedRun, Tracker, TrackerFactory

if TYPE_CHECKING:
    from regtrain.types.planning import Choice, Plan, Resources, Settled, chosen

__all__ = [
    "KINDS",
    "Alert",
    "Artifact",
    "Callback",
    "CallbackContext",
    "CallbackFactory",
    "CheckpointEvent",
    "Choice",
    "Engine",
    "EngineSetup",
    "Evaluator",
    "EvaluatorFactory",
    "ExportFacts",
    "Exporter",
    "Fit",
    "Indexed",
    "JobCommand",
    "JobState",
    "Kind",
    "Launched",
    "Launcher",
    "LoadedExport",
    "OptimizerPart",
    "Place",
    "Plan",
    "Quantizer",
    "RecordBatch",
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
    "TrackedRun",
    "Tracker",
    "TrackerFactory",
    "VersionEvent",
    "chosen",
    "dynamic_shapes",
]


def __getattr__(name: str) -> Any:
    """Plans hold the typed config: pydantic is loaded when one is needed, not for `--help` or a list of plugins."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from regtrain.types import planning

    return getattr(planning, name)

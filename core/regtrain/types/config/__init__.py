"""The canonical config: every key, its type, its default and what it means. Nothing here reads files.

Sections with `args` are open: what is given there goes to the user's own code or to a plugin's factory.
"""

from __future__ import annotations

from pydantic import Field

from regtrain.types.config.placement import Distributed, Launcher, Reproducibility
from regtrain.types.config.publishing import Card, Export, RegistryKeys, Retention
from regtrain.types.config.recording import Callback, Checkpoint, Evaluation, Evaluator, Logging, Profiling, Tracker
from regtrain.types.config.section import NOT_IN_RECIPE, Mode, Section
from regtrain.types.config.subject import Augmentation, Data, Experiment, Loss, Model
from regtrain.types.config.training import EarlyStopping, Optimizer, OptimizerGroup, Scheduler, Training
from regtrain.types.config.tuning import Parallel, Pruning, SearchRange, Tuning

__all__ = [
    "CONFIG_SECTIONS",
    "Augmentation",
    "Callback",
    "Card",
    "Checkpoint",
    "Config",
    "Data",
    "Distributed",
    "EarlyStopping",
    "Evaluation",
    "Evaluator",
    "Experiment",
    "Export",
    "Launcher",
    "Logging",
    "Loss",
    "Mode",
    "Model",
    "Optimizer",
    "OptimizerGroup",
    "Parallel",
    "Profiling",
    "Pruning",
    "RegistryKeys",
    "Reproducibility",
    "Retention",
    "Scheduler",
    "SearchRange",
    "Section",
    "Tracker",
    "Training",
    "Tuning",
]


class Config(Section):
    """A whole run. Partial configs are allowed; `regtrain run` asks for what is missing."""

    experiment: Experiment = Field(Experiment(), description="What the run is.")
    model: Model = Field(Model(), description="What is trained.")
    data: Data = Field(Data(), description="What it is trained on.")
    loss: Loss = Field(Loss(), description="What is minimised.")
    training: Training = Field(Training(), description="How long and how.")
    optimizer: Optimizer = Field(Optimizer(), description="What changes the weights.")
    scheduler: Scheduler | None = Field(None, description="What changes the learning rate.")
    checkpoint: Checkpoint = Field(
        Checkpoint(), description="What is kept while training.", json_schema_extra=NOT_IN_RECIPE
    )
    early_stopping: EarlyStopping | None = Field(
        None, description="When to stop early.", json_schema_extra=NOT_IN_RECIPE
    )
    evaluation: Evaluation = Field(Evaluation(), description="How it is measured.", json_schema_extra=NOT_IN_RECIPE)
    logging: Logging = Field(Logging(), description="How often it is written down.", json_schema_extra=NOT_IN_RECIPE)
    callbacks: dict[str, Callback] = Field(
        {},
        description="What is called in the loop, besides metrics_file and progress.",
        json_schema_extra=NOT_IN_RECIPE,
    )
    trackers: dict[str, Tracker] = Field(
        {}, description="Where metrics go besides logs/metrics.jsonl.", json_schema_extra=NOT_IN_RECIPE
    )
    distributed: Distributed = Field(
        Distributed(), description="More than one process.", json_schema_extra=NOT_IN_RECIPE
    )
    launcher: Launcher = Field(Launcher(), description="Where the job runs.", json_schema_extra=NOT_IN_RECIPE)
    reproducibility: Reproducibility = Field(
        Reproducibility(), description="The same run twice.", json_schema_extra=NOT_IN_RECIPE
    )
    profiling: Profiling | None = Field(None, description="Where the time goes.", json_schema_extra=NOT_IN_RECIPE)
    registry: RegistryKeys = Field(
        RegistryKeys(), description="Where the model is registered.", json_schema_extra=NOT_IN_RECIPE
    )
    export: Export = Field(Export(), description="Which files come out besides.", json_schema_extra=NOT_IN_RECIPE)
    tuning: Tuning | None = Field(None, description="Search over configs.", json_schema_extra=NOT_IN_RECIPE)


CONFIG_SECTIONS = tuple(Config.model_fields)

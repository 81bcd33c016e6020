"""What is measured, logged and kept during a run."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from regtrain.types.config.section import Args, Metric, Mode, NotNegative, Positive, Section

__all__ = ["Callback", "Checkpoint", "Evaluation", "Evaluator", "Logging", "Profiling", "Tracker"]


class Checkpoint(Section):
    save_dir: str = Field("checkpoints", description="Folder inside the run folder.")
    save_best: bool = Field(True, description="Keep the best by monitor.")
    save_last: bool = Field(True, description="Keep the newest.")
    every_n_epochs: Positive | None = Field(None, description="Save and keep every N epochs.")
    every_n_steps: Positive | None = Field(None, description="Save and keep every N optimizer steps.")
    keep_top_k: NotNegative = Field(0, description="Keep the best K by monitor.")
    monitor: Metric | None = Field(None, description="Metric that decides what is best; the task's own when left out.")
    mode: Mode | None = Field(None, description="Whether less or more is better; from the metric's name when left out.")
    pth_names: bool = Field(False, description="Also write best_model.pth and last_model.pth (weights only).")
    resume_from: str | None = Field(
        None, description="Checkpoint, run folder, its config, or MODEL@VERSION to go on from."
    )


class Evaluator(Section):
    name: str | None = Field(
        None, description="An evaluator that a plugin offers, or none for the loss alone; the task's own when left out."
    )
    args: Args = Field({}, description="Arguments of the evaluator; other keys of this section land here.")


class Evaluation(Section):
    every_n_epochs: Positive = Field(1, description="Validate every N epochs.")
    every_n_steps: Positive | None = Field(None, description="Validate every N optimizer steps as well.")
    metrics: list[str] | None = Field(
        None, description="Metrics to keep of those the evaluator computes; all when left out."
    )
    save_predictions: bool = Field(False, description="Write the predictions of the last validation to the run folder.")
    evaluator: Evaluator = Field(Evaluator(), description="What turns predictions into metrics.")


class Logging(Section):
    every_n_steps: Positive = Field(50, description="Steps between two lines of metrics.")
    log_dir: str = Field("logs", description="Folder inside the run folder.")
    system_metrics: bool | None = Field(
        None, description="Log the load of the machine; when left out, where there is a tracker."
    )
    system_metrics_every: Annotated[float, Field(gt=0)] = Field(15, description="Seconds between two samples.")


class Callback(Section):
    enabled: bool = Field(True, description="Whether the callback is used.")
    args: Args = Field({}, description="Arguments of the callback; other keys of this section land here.")


class Tracker(Section):
    enabled: bool = Field(True, description="Whether the tracker is used.")
    artifacts: bool = Field(
        False, description="Also send config, logs and the best weights when the run has ended, as artifacts."
    )
    args: Args = Field({}, description="Arguments of the tracker; other keys of this section land here.")


class Profiling(Section):
    enabled: bool = Field(False, description="Write a torch.profiler trace.")
    profile_memory: bool = Field(False, description="Trace memory.")
    record_shapes: bool = Field(False, description="Trace shapes.")
    with_stack: bool = Field(False, description="Trace Python stacks.")

"""How the weights are changed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from regtrain.types.config.section import NOT_IN_RECIPE, Args, Metric, Mode, NotNegative, Positive, Section
from regtrain.types.config.values import as_precision

__all__ = ["EarlyStopping", "Optimizer", "OptimizerGroup", "Scheduler", "Training"]


class Training(Section):
    epochs: Positive | None = Field(None, description="Passes over the training data.", json_schema_extra=NOT_IN_RECIPE)
    max_steps: Positive | None = Field(
        None, description="Stop after this many optimizer steps.", json_schema_extra=NOT_IN_RECIPE
    )
    batch_size: Positive | None = Field(None, description="Samples per batch (per process); 32 when left out.")
    auto_batch_size: bool = Field(
        False, description="Choose the batch size from model and memory.", json_schema_extra=NOT_IN_RECIPE
    )
    target_batch_size: Positive | None = Field(
        None, description="Samples per optimizer step to reach by accumulation.", json_schema_extra=NOT_IN_RECIPE
    )
    gradient_accumulation_steps: Positive = Field(1, description="Batches per optimizer step.")
    gradient_clip_norm: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Clip the total gradient norm to this."
    )
    mixed_precision: bool | None = Field(
        None, description="true: what the hardware does well; false: 32 bits.", json_schema_extra=NOT_IN_RECIPE
    )
    precision: Annotated[Literal["auto", "32", "16-mixed", "bf16-mixed"], BeforeValidator(as_precision)] = Field(
        "auto", description="Number format of the forward pass."
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        "auto", description="Where to train.", json_schema_extra=NOT_IN_RECIPE
    )
    debug: bool = Field(False, description="One batch through every stage.", json_schema_extra=NOT_IN_RECIPE)


class Scheduler(Section):
    name: str | None = Field(None, description="A class of torch.optim.lr_scheduler, or step, cosine, plateau.")
    interval: Literal["epoch", "step"] | None = Field(None, description="When it steps; epoch when left out.")
    args: Args = Field({}, description="Arguments of the scheduler; other keys of this section land here.")
    monitor: Metric | None = Field(None, description="Metric that ReduceLROnPlateau watches; val/loss when left out.")
    warmup_epochs: NotNegative | None = Field(None, description="Epochs of linear warm-up.")
    warmup_steps: NotNegative | None = Field(None, description="Steps of linear warm-up.")
    min_lr: Annotated[float, Field(ge=0)] | None = Field(None, description="Lowest learning rate.")


class OptimizerGroup(Section):
    name: str | None = Field(None, description="Optimizer of this component, in any letter case.")
    lr: Annotated[float, Field(ge=0)] | None = Field(None, description="Learning rate of this component.")
    args: Args = Field({}, description="Other arguments of the optimizer.")
    scheduler: Scheduler | None = Field(
        None, description="What changes the learning rate of this component; the run's own scheduler when left out."
    )


class Optimizer(Section):
    name: str | None = Field(None, description="Optimizer in any letter case, e.g. AdamW; AdamW when left out.")
    lr: Annotated[float, Field(ge=0)] | None = Field(
        None, description="Learning rate; the optimizer's own default when left out."
    )
    args: Args = Field({}, description="Other arguments of the optimizer; other keys of this section land here.")
    strict: bool = Field(
        False,
        description="An argument that the optimizer does not take is an error, not a warning.",
        json_schema_extra=NOT_IN_RECIPE,
    )
    groups: dict[str, OptimizerGroup] = Field({}, description="Component or pattern → its own optimizer.")


class EarlyStopping(Section):
    enabled: bool = Field(True, description="Stop when the metric no longer improves.")
    patience: Positive = Field(10, description="Validations without improvement before the run stops.")
    monitor: Metric | None = Field(None, description="Metric to watch; checkpoint.monitor when left out.")
    mode: Mode | None = Field(None, description="Whether less or more is better.")
    min_delta: Annotated[float, Field(ge=0)] = Field(0.0, description="Smallest change that counts as an improvement.")

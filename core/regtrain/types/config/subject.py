"""What is trained, and on what."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from regtrain.types.config.section import NOT_IN_RECIPE, Args, NotNegative, Positive, Section

__all__ = ["Augmentation", "Data", "Experiment", "Loss", "Model"]


class Experiment(Section):
    name: str | None = Field(
        None,
        description="What the run is called; made from model and data when left out.",
        json_schema_extra=NOT_IN_RECIPE,
    )
    description: str = Field(
        "", description="One sentence for people; stored and shown.", json_schema_extra=NOT_IN_RECIPE
    )
    task: str | None = Field(None, description="What is learned: classification, regression, or a plugin's task.")
    task_args: Args = Field({}, description="Arguments of the task.")
    seed: NotNegative | None = Field(
        None,
        description="Seed of Python, NumPy, torch and the sampler; 42 when left out.",
        json_schema_extra=NOT_IN_RECIPE,
    )
    output_dir: str = Field(
        "runs",
        description="Folder that gets one folder per run; relative to the config file.",
        json_schema_extra=NOT_IN_RECIPE,
    )


class Model(Section):
    name: str | None = Field(None, description="A model that a plugin offers.")
    target: str | None = Field(None, description="Your own factory: ./file.py:function, beside the config.")
    args: Args = Field({}, description="Arguments of the factory; other keys of this section land here.")
    pretrained: bool | None = Field(None, description="Start from published weights, where the model has them.")
    init_from: str | None = Field(
        None, description="A registered version whose weights the run begins with: MODEL, MODEL@VERSION, MODEL@^1.2."
    )
    init_strict: bool | None = Field(
        None, description="false: of init_from what fits the model; true, or left out: every tensor must fit."
    )
    compile: bool = Field(False, description="Compile with torch.compile.", json_schema_extra=NOT_IN_RECIPE)
    compile_mode: Literal["default", "reduce-overhead", "max-autotune"] = Field(
        "default", description="Mode of torch.compile.", json_schema_extra=NOT_IN_RECIPE
    )
    gradient_checkpointing: bool = Field(
        False, description="Recompute activations to save memory.", json_schema_extra=NOT_IN_RECIPE
    )


class Augmentation(Section):
    random_flip: bool = Field(False, description="Flip images left to right at random.")
    random_crop: bool = Field(False, description="Crop images at random after padding.")
    normalize: str | None = Field(None, description="Normalise with the named statistics, e.g. imagenet.")


class Data(Section):
    name: str | None = Field(None, description="A dataset that a plugin offers.")
    target: str | None = Field(None, description="Your own factory: ./file.py:function, beside the config.")
    args: Args = Field({}, description="Arguments of the factory; other keys of this section land here.")
    data_dir: str | None = Field(None, description="Folder of the data; handed to the factory.")
    train_path: str | None = Field(None, description="Training data by path.")
    val_path: str | None = Field(None, description="Validation data by path.")
    image_size: Positive | None = Field(None, description="Side of the images in pixels; handed to the factory.")
    auto_optimize: bool = Field(
        True, description="Choose workers and pinning where they are left out.", json_schema_extra=NOT_IN_RECIPE
    )
    num_workers: NotNegative | None = Field(
        None, description="Processes that load data; 0 loads in the training process.", json_schema_extra=NOT_IN_RECIPE
    )
    pin_memory: bool | None = Field(
        None, description="Page-locked memory for copies to a GPU.", json_schema_extra=NOT_IN_RECIPE
    )
    persistent_workers: bool | None = Field(
        None, description="Keep loading processes between epochs.", json_schema_extra=NOT_IN_RECIPE
    )
    prefetch_factor: Positive | None = Field(
        None, description="Batches that each loading process prepares ahead.", json_schema_extra=NOT_IN_RECIPE
    )
    drop_last: bool = Field(False, description="Leave out the last batch of an epoch when it is not full.")
    augmentation: Augmentation | None = Field(None, description="Image augmentation of the training data.")
    fingerprint: bool = Field(
        True,
        description="Digest the files of data_dir, train_path and val_path, so that versions are found by them.",
        json_schema_extra=NOT_IN_RECIPE,
    )


class Loss(Section):
    name: str | None = Field(
        None, description="A class of torch.nn by name, e.g. CrossEntropyLoss; the task's own when left out."
    )
    target: str | None = Field(None, description="Your own factory: ./file.py:function, beside the config.")
    args: Args = Field({}, description="Arguments of the loss; other keys of this section land here.")

"""The canonical config: every key, its type, its default and what it means. Nothing here reads files.

Sections that end in `args` are open: what stands there goes to the user's own code or to a plugin's factory.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from regtrain.config.values import as_bytes, as_devices, as_metric, as_precision, as_span, as_walltime

__all__ = ["CONFIG_SECTIONS", "Config"]

Positive = Annotated[int, Field(ge=1)]
NotNegative = Annotated[int, Field(ge=0)]
Metric = Annotated[str, BeforeValidator(as_metric)]
Mode = Literal["min", "max"]
Args = dict[str, Any]


class Section(BaseModel):
    """Frozen, strict, and closed: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Experiment(Section):
    name: str | None = Field(None, description="What the run is called; made from model and data when left out.")
    description: str = Field("", description="One sentence for people; stored and shown.")
    task: str | None = Field(None, description="What is learned: classification, regression, or a plugin's task.")
    seed: NotNegative | None = Field(
        None, description="Seed of Python, NumPy, torch and the sampler; 42 when left out."
    )
    output_dir: str = Field("runs", description="Folder that gets one folder per run; relative to the config file.")


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
    compile: bool = Field(False, description="Compile with torch.compile.")
    compile_mode: Literal["default", "reduce-overhead", "max-autotune"] = Field(
        "default", description="Mode of torch.compile."
    )
    gradient_checkpointing: bool = Field(False, description="Recompute activations to save memory.")


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
    auto_optimize: bool = Field(True, description="Choose workers and pinning where they are left out.")
    num_workers: NotNegative | None = Field(
        None, description="Processes that load data; 0 loads in the training process."
    )
    pin_memory: bool | None = Field(None, description="Page-locked memory for copies to a GPU.")
    persistent_workers: bool | None = Field(None, description="Keep loading processes between epochs.")
    prefetch_factor: Positive | None = Field(None, description="Batches that each loading process prepares ahead.")
    drop_last: bool = Field(False, description="Leave out the last batch of an epoch when it is not full.")
    augmentation: Augmentation | None = Field(None, description="Image augmentation of the training data.")
    fingerprint: bool = Field(
        True, description="Digest the files of data_dir, train_path and val_path, so that versions are found by them."
    )


class Loss(Section):
    name: str | None = Field(
        None, description="A class of torch.nn by name, e.g. CrossEntropyLoss; the task's own when left out."
    )
    target: str | None = Field(None, description="Your own factory: ./file.py:function, beside the config.")
    args: Args = Field({}, description="Arguments of the loss; other keys of this section land here.")


class Training(Section):
    epochs: Positive | None = Field(None, description="Passes over the training data.")
    max_steps: Positive | None = Field(None, description="Stop after this many optimizer steps.")
    batch_size: Positive | None = Field(None, description="Samples per batch (per process); 32 when left out.")
    auto_batch_size: bool = Field(False, description="Choose the batch size from model and memory.")
    target_batch_size: Positive | None = Field(None, description="Samples per optimizer step to reach by accumulation.")
    gradient_accumulation_steps: Positive = Field(1, description="Batches per optimizer step.")
    gradient_clip_norm: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Clip the total gradient norm to this."
    )
    mixed_precision: bool | None = Field(None, description="true: what the hardware does well; false: 32 bits.")
    precision: Annotated[Literal["auto", "32", "16-mixed", "bf16-mixed"], BeforeValidator(as_precision)] = Field(
        "auto", description="Number format of the forward pass."
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="Where to train.")
    debug: bool = Field(False, description="One batch through every stage.")


class OptimizerGroup(Section):
    name: str | None = Field(None, description="Optimizer of this component, in any letter case.")
    lr: Annotated[float, Field(ge=0)] | None = Field(None, description="Learning rate of this component.")
    args: Args = Field({}, description="Other arguments of the optimizer.")


class Optimizer(Section):
    name: str | None = Field(None, description="Optimizer in any letter case, e.g. AdamW; AdamW when left out.")
    lr: Annotated[float, Field(ge=0)] | None = Field(
        None, description="Learning rate; the optimizer's own default when left out."
    )
    args: Args = Field({}, description="Other arguments of the optimizer; other keys of this section land here.")
    strict: bool = Field(False, description="An argument that the optimizer does not take is an error, not a warning.")
    groups: dict[str, OptimizerGroup] = Field({}, description="Component or pattern → its own optimizer.")


class Scheduler(Section):
    name: str | None = Field(None, description="A class of torch.optim.lr_scheduler, or step, cosine, plateau.")
    interval: Literal["epoch", "step"] | None = Field(None, description="When it steps; epoch when left out.")
    args: Args = Field({}, description="Arguments of the scheduler; other keys of this section land here.")
    monitor: Metric | None = Field(None, description="Metric that ReduceLROnPlateau watches; val/loss when left out.")
    warmup_epochs: NotNegative | None = Field(None, description="Epochs of linear warm-up.")
    warmup_steps: NotNegative | None = Field(None, description="Steps of linear warm-up.")
    min_lr: Annotated[float, Field(ge=0)] | None = Field(None, description="Lowest learning rate.")


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


class EarlyStopping(Section):
    enabled: bool = Field(True, description="Stop when the metric no longer improves.")
    patience: Positive = Field(10, description="Validations without improvement before the run stops.")
    monitor: Metric | None = Field(None, description="Metric to watch; checkpoint.monitor when left out.")
    mode: Mode | None = Field(None, description="Whether less or more is better.")
    min_delta: Annotated[float, Field(ge=0)] = Field(0.0, description="Smallest change that counts as an improvement.")


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


class Tracker(Section):
    enabled: bool = Field(True, description="Whether the tracker is used.")
    args: Args = Field({}, description="Arguments of the tracker; other keys of this section land here.")


class Distributed(Section):
    auto_detect: bool = Field(True, description="Read RANK, WORLD_SIZE, SLURM and LSF variables.")
    backend: Literal["nccl", "gloo"] | None = Field(
        None, description="Communication backend; from the device when left out."
    )
    strategy: str | None = Field(None, description="single, or what a plugin offers; chosen when left out.")
    sharding_strategy: str | None = Field(None, description="How FSDP shards.")
    deepspeed: bool | None = Field(None, description="Use DeepSpeed.")
    zero_stage: Annotated[int, Field(ge=0, le=3)] | None = Field(None, description="ZeRO stage of DeepSpeed.")
    use_accelerate: bool | None = Field(None, description="Use Accelerate.")
    devices: Annotated[list[int], BeforeValidator(as_devices)] | None = Field(
        None, description="GPUs to use, by index."
    )


class Launcher(Section):
    name: str | None = Field(None, description="local, or what a plugin offers; chosen when left out.")
    nproc: Positive | None = Field(None, description="Processes per node.")
    nodes: Positive | None = Field(None, description="Nodes.")
    num_gpus: NotNegative | None = Field(None, description="GPUs per node.")
    partition: str | None = Field(None, description="SLURM partition.")
    queue: str | None = Field(None, description="LSF queue.")
    walltime: Annotated[str, BeforeValidator(as_walltime)] | None = Field(
        None, description="Time limit, e.g. 24:00 or 12:00:00."
    )
    memory: Annotated[int | float, Field(gt=0)] | None = Field(None, description="Memory in GB.")


class Reproducibility(Section):
    deterministic: bool = Field(False, description="Only algorithms that give the same bits each time.")
    benchmark: bool = Field(False, description="Let cuDNN time its algorithms and take the fastest.")


class Profiling(Section):
    enabled: bool = Field(False, description="Write a torch.profiler trace.")
    profile_memory: bool = Field(False, description="Trace memory.")
    record_shapes: bool = Field(False, description="Trace shapes.")
    with_stack: bool = Field(False, description="Trace Python stacks.")


class Retention(Section):
    keep_best: Positive | None = Field(None, description="Keep so many of the best versions by each metric.")
    monitor: Metric | list[Metric] | None = Field(
        None, description="Metrics that say which versions are best; that of the checkpoints when left out."
    )
    mode: Mode | list[Mode] | None = Field(None, description="Whether less or more of each is better; from the names.")
    keep_newest: Positive | None = Field(None, description="Keep so many of the newest versions.")
    keep_per_major: Positive | None = Field(None, description="Keep so many of the highest versions of each major.")
    keep_per_minor: Positive | None = Field(None, description="Keep so many of the highest versions of each minor.")
    younger_than: Annotated[str, BeforeValidator(as_span)] | None = Field(
        None, description="Keep what is younger, e.g. 30d or 12h."
    )
    total_size: Annotated[str, BeforeValidator(as_bytes)] | None = Field(
        None, description="Room for all versions of the model, e.g. 20GB; the worst and oldest go first."
    )
    with_descendants: bool | None = Field(None, description="Keep what something came from, also where that expired.")


class Card(Section):
    license: str | None = Field(None, description="License of the weights, e.g. apache-2.0.")
    language: list[str] = Field([], description="Languages of the data, e.g. [en].")
    library_name: str | None = Field(None, description="What loads the weights; pytorch when left out.")
    pipeline_tag: str | None = Field(
        None, description="Task as Hugging Face names it; from task and inputs when left out."
    )
    base_model: list[str] = Field([], description="Models that this one comes from; the parents when left out.")
    datasets: list[str] = Field([], description="Names of the data; from the config when left out.")
    tags: list[str] = Field([], description="Words to find the model by.")
    intended_use: str | None = Field(None, description="What the model is for.")
    limitations: str | None = Field(None, description="What it is not for, and where it fails.")
    training_data: str | None = Field(None, description="Where the data come from.")
    ethics: str | None = Field(None, description="Risks for people.")
    contact: str | None = Field(None, description="Whom to ask.")
    citation: str | None = Field(None, description="How to cite it.")


class RegistryKeys(Section):
    enabled: bool = Field(True, description="Record the run and register what it trained.")
    uri: str | None = Field(None, description="Database URL; sqlite:///.regtrain/registry.db when left out.")
    store: str | None = Field(None, description="Where weights are kept; .regtrain/blobs when left out.")
    model: str | None = Field(None, description="Name in the registry; the run's name when left out.")
    bump: Literal["major", "minor", "patch"] | None = Field(
        None, description="Overrule the computed part of the version."
    )
    version: str | None = Field(None, description="Overrule the version: X.Y.Z.")
    force: bool = Field(False, description="Take a bump or version that says less than what changed.")
    force_network_fs: bool = Field(False, description="Keep SQLite on a network file system, whatever becomes of it.")
    retention: Retention | None = Field(
        None, description="Which versions of the model stay after this one; the model's own policy when left out."
    )
    card: Card | None = Field(None, description="What only people know, for the model card.")


class Export(Section):
    formats: list[str] = Field([], description="Formats to export after the run.")


class SearchRange(Section):
    type: Literal["uniform", "loguniform", "int", "categorical"] = Field(description="How values are drawn.")
    low: int | float | None = Field(None, description="Lowest value.")
    high: int | float | None = Field(None, description="Highest value.")
    choices: list[Any] | None = Field(None, description="Values of a categorical.")


class Pruning(Section):
    enabled: bool = Field(True, description="Stop trials that fall behind.")
    patience: NotNegative | None = Field(None, description="Reports without improvement before a trial stops.")
    min_epochs: NotNegative | None = Field(None, description="Epochs that every trial gets.")
    intermediate_metric: Metric | None = Field(None, description="Metric that pruning watches.")


class Parallel(Section):
    n_jobs: Positive = Field(1, description="Trials at once.")
    gpu_per_trial: Annotated[int | float, Field(ge=0)] | None = Field(None, description="GPUs per trial.")


class Tuning(Section):
    backend: str | None = Field(None, description="optuna on one machine, ray on several.")
    search_space: dict[str, SearchRange | list[Any]] = Field(
        {}, description="Key → range, or [low, high], or a list of choices."
    )
    method: Literal["grid", "random", "bayesian"] | None = Field(None, description="How trials are chosen.")
    metric: Metric | None = Field(None, description="Metric to optimise.")
    direction: Literal["minimize", "maximize"] | None = Field(None, description="Whether less or more is better.")
    n_trials: Positive | None = Field(None, description="Trials in all.")
    timeout_per_trial: Annotated[int | float, Field(gt=0)] | None = Field(None, description="Seconds a trial may take.")
    n_startup_trials: NotNegative | None = Field(None, description="Random trials before the search learns.")
    pruning: Pruning | None = Field(None, description="Stopping hopeless trials early.")
    parallel: Parallel | None = Field(None, description="Trials side by side.")


class Config(Section):
    """A whole run. Partial configs are allowed; `regtrain run` asks for what is missing."""

    experiment: Experiment = Field(Experiment(), description="What the run is.")
    model: Model = Field(Model(), description="What is trained.")
    data: Data = Field(Data(), description="What it is trained on.")
    loss: Loss = Field(Loss(), description="What is minimised.")
    training: Training = Field(Training(), description="How long and how.")
    optimizer: Optimizer = Field(Optimizer(), description="What changes the weights.")
    scheduler: Scheduler | None = Field(None, description="What changes the learning rate.")
    checkpoint: Checkpoint = Field(Checkpoint(), description="What is kept while training.")
    early_stopping: EarlyStopping | None = Field(None, description="When to stop early.")
    evaluation: Evaluation = Field(Evaluation(), description="How it is measured.")
    logging: Logging = Field(Logging(), description="How often it is written down.")
    trackers: dict[str, Tracker] = Field({}, description="Where metrics go besides logs/metrics.jsonl.")
    distributed: Distributed = Field(Distributed(), description="More than one process.")
    launcher: Launcher = Field(Launcher(), description="Where the job runs.")
    reproducibility: Reproducibility = Field(Reproducibility(), description="The same run twice.")
    profiling: Profiling | None = Field(None, description="Where the time goes.")
    registry: RegistryKeys = Field(RegistryKeys(), description="Where the model is registered.")
    export: Export = Field(Export(), description="Which files come out besides.")
    tuning: Tuning | None = Field(None, description="Search over configs.")


CONFIG_SECTIONS = tuple(Config.model_fields)

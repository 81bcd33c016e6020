"""The one table of accepted spellings. Left: what people write; right: where it goes.

A rule also moves the keys below its left side; rules apply again until none fits; `*` is any name.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from regtrain.config.leaves import Path

__all__ = ["FLAGS", "SCALAR_KEYS", "SHORT_VARIABLES", "SPELLINGS", "rules", "spelled_at"]

_ROOT = {
    "name": "experiment.name",
    "experiment_name": "experiment.name",
    "description": "experiment.description",
    "task": "experiment.task",
    "task_type": "experiment.task",
    "seed": "experiment.seed",
    "output_dir": "experiment.output_dir",
    "data_dir": "data.data_dir",
    "epoch": "training.epochs",
    "epochs": "training.epochs",
    "max_epochs": "training.epochs",
    "max_steps": "training.max_steps",
    "batch": "training.batch_size",
    "batch_size": "training.batch_size",
    "accumulate_grad_batches": "training.gradient_accumulation_steps",
    "gradient_accumulation_steps": "training.gradient_accumulation_steps",
    "gradient_clip_val": "training.gradient_clip_norm",
    "gradient_clip": "training.gradient_clip_norm",
    "gradient_clip_norm": "training.gradient_clip_norm",
    "mixed_precision": "training.mixed_precision",
    "precision": "training.precision",
    "device": "training.device",
    "debug": "training.debug",
    "lr": "optimizer.lr",
    "learning_rate": "optimizer.lr",
    "weight_decay": "optimizer.args.weight_decay",
    "num_workers": "data.num_workers",
    "resume": "checkpoint.resume_from",
    "resume_from": "checkpoint.resume_from",
    "dataset": "data",
    "criterion": "loss",
    "lr_scheduler": "scheduler",
    "checkpointing": "checkpoint",
    "evaluator": "evaluation.evaluator",
    "search_space": "tuning.search_space",
    "optimization": "tuning",
    "pruning": "tuning.pruning",
    "parallel": "tuning.parallel",
    "gpu.use": "distributed.devices",
    "gpu.mixed_precision": "training.mixed_precision",
    "gpu.precision": "training.precision",
    "dataloader.batch_size": "training.batch_size",
    "dataloader.num_workers": "data.num_workers",
    "dataloader.pin_memory": "data.pin_memory",
    "dataloader.persistent_workers": "data.persistent_workers",
    "dataloader.prefetch_factor": "data.prefetch_factor",
    "dataloader.drop_last": "data.drop_last",
}

_TRAINING = {
    "epoch": "training.epochs",
    "max_epochs": "training.epochs",
    "batch": "training.batch_size",
    "gradient_clip": "training.gradient_clip_norm",
    "gradient_clip_val": "training.gradient_clip_norm",
    "max_grad_norm": "training.gradient_clip_norm",
    "accumulate_grad_batches": "training.gradient_accumulation_steps",
    "optimizer": "optimizer",
    "lr": "optimizer.lr",
    "learning_rate": "optimizer.lr",
    "weight_decay": "optimizer.args.weight_decay",
    "scheduler": "scheduler",
    "lr_scheduler": "scheduler",
    "loss": "loss",
    "criterion": "loss",
    "temperature": "loss.args.temperature",
    "early_stopping": "early_stopping",
    "validation_frequency": "evaluation.every_n_epochs",
    "val_every_n_epochs": "evaluation.every_n_epochs",
    "check_val_every_n_epoch": "evaluation.every_n_epochs",
    "eval_steps": "evaluation.every_n_steps",
    "log_steps": "logging.every_n_steps",
    "log_every_n_steps": "logging.every_n_steps",
    "save_frequency": "checkpoint.every_n_epochs",
    "save_every_n_epochs": "checkpoint.every_n_epochs",
    "save_steps": "checkpoint.every_n_steps",
    "deepspeed": "distributed.deepspeed",
    "zero_stage": "distributed.zero_stage",
    "use_accelerate": "distributed.use_accelerate",
    "gradient_checkpointing": "model.gradient_checkpointing",
    "num_workers": "data.num_workers",
    "seed": "experiment.seed",
    "output_dir": "experiment.output_dir",
}

_LOGGING = {
    "log_steps": "logging.every_n_steps",
    "log_every_n_steps": "logging.every_n_steps",
    "log_frequency": "logging.every_n_steps",
    "val_every_n_epochs": "evaluation.every_n_epochs",
    "backend": "trackers",
    "tensorboard": "trackers.tensorboard",
    "mlflow": "trackers.mlflow",
    "wandb": "trackers.wandb",
    "clearml": "trackers.clearml",
    "use_tensorboard": "trackers.tensorboard.enabled",
    "use_mlflow": "trackers.mlflow.enabled",
    "use_wandb": "trackers.wandb.enabled",
    "use_clearml": "trackers.clearml.enabled",
    "mlflow_experiment_name": "trackers.mlflow.args.experiment",
    "mlflow_tracking_uri": "trackers.mlflow.args.uri",
    "mlflow.experiment_name": "trackers.mlflow.args.experiment",
    "mlflow.tracking_uri": "trackers.mlflow.args.uri",
    "wandb_project": "trackers.wandb.args.project",
}

_SECTIONS = {
    "model.architecture": "model.name",
    "model.type": "model.name",
    "model.precision": "training.precision",
    "data.type": "data.name",
    "data.dataset": "data.name",
    "data.batch": "training.batch_size",
    "data.batch_size": "training.batch_size",
    "loss.type": "loss.name",
    "optimizer.type": "optimizer.name",
    "optimizer.learning_rate": "optimizer.lr",
    "optimizer.groups.*.type": "optimizer.groups.*.name",
    "optimizer.groups.*.learning_rate": "optimizer.groups.*.lr",
    "optimizer.groups.*.scheduler.type": "optimizer.groups.*.scheduler.name",
    "scheduler.type": "scheduler.name",
    "checkpoint.save_top_k": "checkpoint.keep_top_k",
    "checkpoint.save_frequency": "checkpoint.every_n_epochs",
    "checkpoint.save_every_n_epochs": "checkpoint.every_n_epochs",
    "checkpoint.save_every_n_steps": "checkpoint.every_n_steps",
    "checkpoint.metric": "checkpoint.monitor",
    "checkpoint.resume": "checkpoint.resume_from",
    "early_stopping.metric": "early_stopping.monitor",
    "evaluation.frequency": "evaluation.every_n_epochs",
    "evaluation.eval_steps": "evaluation.every_n_steps",
    "evaluation.evaluator.type": "evaluation.evaluator.name",
    "distributed.precision": "training.precision",
    "launcher.type": "launcher.name",
    "reproducibility.seed": "experiment.seed",
    "registry.retention.keep_top_k": "registry.retention.keep_best",
    "registry.retention.save_top_k": "registry.retention.keep_best",
    "registry.retention.keep_last": "registry.retention.keep_newest",
    "registry.retention.metric": "registry.retention.monitor",
}

SPELLINGS: Mapping[str, str] = {
    **_ROOT,
    **{f"training.{key}": target for key, target in _TRAINING.items()},
    **{f"logging.{key}": target for key, target in _LOGGING.items()},
    **_SECTIONS,
}

# The key that takes a scalar given in place of a section without `name` or `enabled`.
SCALAR_KEYS: Mapping[str, str] = {
    "distributed": "strategy",
    "tuning.parallel": "n_jobs",
    "export": "formats",
}

# Canonical key → command line flag.
FLAGS: Mapping[str, str] = {
    "experiment.name": "--name",
    "experiment.seed": "--seed",
    "experiment.output_dir": "--output-dir",
    "data.data_dir": "--data-dir",
    "training.epochs": "--epochs",
    "training.batch_size": "--batch-size",
    "training.mixed_precision": "--mixed-precision",
    "training.debug": "--debug",
    "optimizer.lr": "--learning-rate",
    "optimizer.name": "--optimizer",
    "optimizer.args": "--optimizer-args",
    "scheduler.name": "--scheduler",
    "scheduler.args": "--scheduler-args",
    "scheduler.interval": "--scheduler-interval",
    "checkpoint.resume_from": "--resume",
    "registry.allow_nonfinite": "--allow-nonfinite",
    "launcher.name": "--launcher",
    "launcher.nproc": "--nproc",
    "launcher.nodes": "--nodes",
    "launcher.num_gpus": "--num-gpus",
    "launcher.partition": "--partition",
    "launcher.queue": "--queue",
    "launcher.walltime": "--walltime",
    "launcher.memory": "--memory",
}

# Environment variables besides REGTRAIN_SECTION__KEY.
SHORT_VARIABLES: Mapping[str, str] = {
    "REGTRAIN_DATA_DIR": "data.data_dir",
    "REGTRAIN_OUTPUT_DIR": "experiment.output_dir",
    "REGTRAIN_BATCH_SIZE": "training.batch_size",
    "RAT_DATA_DIR": "data.data_dir",
    "RAT_OUTPUT_DIR": "experiment.output_dir",
    "RAT_BATCH_SIZE": "training.batch_size",
}


@cache
def rules() -> Mapping[Path, Path]:
    """The table with paths instead of dotted text."""
    return {tuple(left.split(".")): tuple(right.split(".")) for left, right in SPELLINGS.items()}


@cache
def spelled_at(parent: Path) -> tuple[str, ...]:
    """The accepted spellings directly below a section, e.g. `gpu` and `lr` below the root."""
    depth = len(parent)
    return tuple(dict.fromkeys(left[depth] for left in rules() if len(left) > depth and left[:depth] == parent))

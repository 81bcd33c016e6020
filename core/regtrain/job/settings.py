"""Plan → the numbers that the loop goes by."""

from __future__ import annotations

from collections.abc import Sequence

from regtrain.checkpoint.keep import KeepPolicy
from regtrain.job.making import Job
from regtrain.trainer import EarlyStopping, Settings
from regtrain.types import Schedule, chosen
from regtrain.types.config import Config

__all__ = ["early_stopping_of", "monitored_metrics", "settings_of"]


def settings_of(job: Job, batches: int, processes: int) -> tuple[Settings, Schedule]:
    config, training = job.config, job.config.training
    accumulate = training.gradient_accumulation_steps
    per_epoch = -(-batches // (accumulate * processes))
    epochs, max_steps = training.epochs, training.max_steps
    if training.debug:
        epochs, max_steps = 1, None
    epochs = epochs or -(-chosen(max_steps) // per_epoch)
    total = min(epochs * per_epoch, max_steps or epochs * per_epoch)
    settings = Settings(
        epochs=epochs,
        max_steps=max_steps,
        accumulate=accumulate,
        log_every=config.logging.every_n_steps,
        validate_every_epochs=config.evaluation.every_n_epochs,
        validate_every_steps=config.evaluation.every_n_steps,
        save_every_steps=config.checkpoint.every_n_steps,
        metrics=_metrics(config.evaluation.metrics),
        interactive=job.interactive,
    )
    return settings, Schedule(epochs, per_epoch, total, "epoch")


def monitored_metrics(policy: KeepPolicy, early_stopping: EarlyStopping | None) -> list[str]:
    """Metrics that decide which checkpoint is best and when the run stops."""
    best = [policy.monitor] if policy.save_best or policy.keep_top_k else []
    return [*best, *([early_stopping.monitor] if early_stopping else [])]


def _metrics(names: Sequence[str] | None) -> list[str] | None:
    """Bare names of metrics as evaluators call them."""
    spellings = {"f1_score": "f1"}
    return None if names is None else [spellings.get(n, n) for n in (name.removeprefix("val/") for name in names)]


def early_stopping_of(config: Config) -> EarlyStopping | None:
    keys = config.early_stopping
    if not keys or not keys.enabled:
        return None
    return EarlyStopping(chosen(keys.monitor), chosen(keys.mode), keys.patience, keys.min_delta)

"""Plan → the numbers that the loop goes by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from regtrain.checkpoint.keep import KeepPolicy, mode_of
from regtrain.job.making import Job
from regtrain.trainer import EarlyStopping, Settings
from regtrain.types import Schedule, chosen
from regtrain.types.config import Config

__all__ = ["early_stopping_of", "settings_of"]


def settings_of(job: Job, batches: int, val: bool, watched: Sequence[str]) -> tuple[Settings, Schedule]:
    config, training = job.config, job.config.training
    accumulate = training.gradient_accumulation_steps
    per_epoch = -(-batches // accumulate)
    epochs, max_steps = training.epochs, training.max_steps
    if training.debug:
        epochs, max_steps = 1, None
    epochs = epochs or -(-chosen(max_steps) // per_epoch)
    total = min(epochs * per_epoch, max_steps or epochs * per_epoch)
    interval: Literal["epoch", "step"] = chosen(config.scheduler.interval) if config.scheduler else "epoch"
    monitor = (config.scheduler.monitor if config.scheduler else None) or ("val/loss" if val else "train/loss")
    settings = Settings(
        epochs=epochs,
        max_steps=max_steps,
        accumulate=accumulate,
        clip=training.gradient_clip_norm,
        log_every=config.logging.every_n_steps,
        validate_every_epochs=config.evaluation.every_n_epochs,
        validate_every_steps=config.evaluation.every_n_steps,
        save_every_steps=config.checkpoint.every_n_steps,
        scheduler_interval=interval,
        scheduler_monitor=monitor,
        metrics=_metrics(config.evaluation.metrics),
        watched=job.watched,
        monitored=[*watched, *([monitor] if _is_plateau(job.config) else [])],
    )
    return settings, Schedule(epochs, per_epoch, total, interval)


def _metrics(names: Sequence[str] | None) -> list[str] | None:
    """Bare names of metrics as evaluators call them."""
    spellings = {"f1_score": "f1"}
    return None if names is None else [spellings.get(n, n) for n in (name.removeprefix("val/") for name in names)]


def _is_plateau(config: Config) -> bool:
    return config.scheduler is not None and config.scheduler.name in ("ReduceLROnPlateau", "plateau")


def early_stopping_of(config: Config, policy: KeepPolicy) -> EarlyStopping | None:
    keys = config.early_stopping
    if not keys or not keys.enabled:
        return None
    monitor = keys.monitor or policy.monitor
    mode = keys.mode or (policy.mode if monitor == policy.monitor else mode_of(monitor))
    return EarlyStopping(monitor, mode, keys.patience, keys.min_delta)

"""Plan → the numbers that the loop goes by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from regtrain.checkpoint.keep import KeepPolicy, mode_of
from regtrain.job.making import Job
from regtrain.trainer import EarlyStopping, Settings
from regtrain.types import Plan, Schedule

__all__ = ["early_stopping_of", "keep_policy", "settings_of"]


def settings_of(job: Job, batches: int, val: bool, watched: Sequence[str]) -> tuple[Settings, Schedule]:
    plan = job.plan
    config, training = plan.config, plan.config["training"]
    accumulate = int(plan.choice("training.gradient_accumulation_steps"))
    per_epoch = -(-batches // accumulate)
    epochs, max_steps = training["epochs"], training["max_steps"]
    if training["debug"]:
        epochs, max_steps = 1, None
    epochs = epochs or -(-max_steps // per_epoch)
    total = min(epochs * per_epoch, max_steps or epochs * per_epoch)
    interval: Literal["epoch", "step"] = plan.choice("scheduler.interval") if config["scheduler"] else "epoch"
    monitor = (config["scheduler"] or {}).get("monitor") or ("val/loss" if val else "train/loss")
    settings = Settings(
        epochs=epochs,
        max_steps=max_steps,
        accumulate=accumulate,
        clip=training["gradient_clip_norm"],
        log_every=config["logging"]["every_n_steps"],
        validate_every_epochs=config["evaluation"]["every_n_epochs"],
        validate_every_steps=config["evaluation"]["every_n_steps"],
        save_every_steps=config["checkpoint"]["every_n_steps"],
        scheduler_interval=interval,
        scheduler_monitor=monitor,
        metrics=_metrics(config["evaluation"]["metrics"]),
        watched=job.watched,
        monitored=[*watched, *([monitor] if _is_plateau(plan) else [])],
    )
    return settings, Schedule(epochs, per_epoch, total, interval)


def _metrics(names: Sequence[str] | None) -> list[str] | None:
    """Bare names of metrics as evaluators call them."""
    spellings = {"f1_score": "f1"}
    return None if names is None else [spellings.get(n, n) for n in (name.removeprefix("val/") for name in names)]


def _is_plateau(plan: Plan) -> bool:
    return bool(plan.config["scheduler"]) and plan.choice("scheduler.name") in ("ReduceLROnPlateau", "plateau")


def keep_policy(plan: Plan, val: bool) -> KeepPolicy:
    config = plan.config["checkpoint"]
    monitor, mode = str(plan.choice("checkpoint.monitor")), plan.choice("checkpoint.mode")
    if not val and monitor.startswith("val/"):
        monitor, mode = "train/loss", "min"
    names = ("save_best", "save_last", "every_n_epochs", "every_n_steps", "keep_top_k")
    return KeepPolicy(monitor, mode, **{name: config[name] for name in names})


def early_stopping_of(plan: Plan, policy: KeepPolicy) -> EarlyStopping | None:
    settings = plan.config["early_stopping"]
    if not settings or not settings["enabled"]:
        return None
    monitor = settings["monitor"] or policy.monitor
    mode = settings["mode"] or (policy.mode if monitor == policy.monitor else mode_of(monitor))
    return EarlyStopping(monitor, mode, settings["patience"], settings["min_delta"])

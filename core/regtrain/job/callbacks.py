"""The callbacks of a run: its own record, its progress, and those that a config or a Python caller adds."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regtrain.job.making import Job, make
from regtrain.run_dir.logger import RunLogger
from regtrain.run_dir.records import RecordWriter
from regtrain.types import Callback, CallbackContext, Fit, Schedule

__all__ = ["LogRecords", "MetricsFile", "build_callbacks"]

PROGRESS = "regtrain:progress"  # also where another plugin offers that name


class LogRecords(Callback):
    """Each validation as a line of train.log; what is logged every few steps is in metrics.jsonl."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def on_record(self, fit: Fit, record: Mapping[str, Any]) -> None:
        if "val/loss" in record:
            metrics = " ".join(f"{k} {v:.6g}" for k, v in record.items() if isinstance(v, float) and k != "time")
            self._log.info("epoch %d step %d: %s", record["epoch"], record["step"], metrics)


class MetricsFile(Callback):
    """Every record as a line of metrics.jsonl, the run's own record: a disk that is full is an error of the run."""

    required = True

    def __init__(self, path: Path) -> None:
        self._writer = RecordWriter(path)

    def on_record(self, fit: Fit, record: Mapping[str, Any]) -> None:
        self._writer.write(record)

    def on_fit_end(self, fit: Fit) -> None:
        self._writer.close()


class FollowStep(Callback):
    """What user code logs gets the step of the training, once the training has begun."""

    required = True

    def __init__(self, logger: RunLogger) -> None:
        self._logger = logger

    def on_fit_start(self, fit: Fit) -> None:
        self._logger.follow(fit)


def build_callbacks(job: Job, schedule: Schedule, first_step: int, logger: RunLogger) -> list[Callback]:
    """The file of metrics and the progress always, then those that the config names, then objects."""
    plan, host = job.plan, job.host
    log_dir = job.run_dir.logs(plan.config)
    context = CallbackContext(
        plan.run_id, plan.run_name, job.run_dir.path, log_dir, job.interactive, schedule.total_steps, first_step
    )
    made: list[Callback] = [FollowStep(logger), MetricsFile(log_dir / "metrics.jsonl"), LogRecords(job.log)]
    named = job.config.callbacks
    progress = next((name for name in named if name.lower() in (PROGRESS, "progress")), PROGRESS)
    for name in (progress, *(name for name in named if name != progress)):
        keys = named.get(name)
        if keys is None or keys.enabled:
            factory = host.offer("callbacks", name).factory
            args = keys.args if keys else {}
            made.append(make(lambda f=factory, **a: f(context, **a), args, f"callback {name}", f"callbacks.{name}"))
    return [*made, *job.given.callbacks]

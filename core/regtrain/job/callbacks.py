"""The callbacks of a run: its own record, its progress, and those that a config or a Python caller adds."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from regtrain.job.making import Job, make
from regtrain.types import Callback, CallbackContext, Fit, Schedule, Tracker, TrackerContext

__all__ = ["LogRecords", "TrackerCallback", "build_callbacks"]

ALWAYS = ("metrics_file", "progress")


class LogRecords(Callback):
    """Each validation as a line of train.log; what is logged every few steps is in metrics.jsonl."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def on_record(self, fit: Fit, record: Mapping[str, Any]) -> None:
        if "val/loss" in record:
            metrics = " ".join(f"{k} {v:.6g}" for k, v in record.items() if isinstance(v, float) and k != "time")
            self._log.info("epoch %d step %d: %s", record["epoch"], record["step"], metrics)


class TrackerCallback(Callback):
    """A tracker, called in the loop."""

    def __init__(self, name: str, tracker: Tracker) -> None:
        self.name = name
        self._tracker = tracker

    def on_record(self, fit: Fit, record: Mapping[str, Any]) -> None:
        self._tracker.log(record)

    def on_advance(self, fit: Fit) -> None:
        self._tracker.advance(fit.step)

    def on_fit_end(self, fit: Fit) -> None:
        self._tracker.close()


def build_callbacks(job: Job, schedule: Schedule, first_step: int) -> list[Callback]:
    """The file of metrics and the progress always, then those that the config names, then objects."""
    plan, host = job.plan, job.host
    log_dir = job.run_dir.logs(plan.config)
    context = CallbackContext(
        plan.run_id, plan.run_name, job.run_dir.path, log_dir, job.interactive, schedule.total_steps, first_step
    )
    made: list[Callback] = [LogRecords(job.log)]
    named = job.config.callbacks
    for name in (*ALWAYS, *(name for name in named if name.lower() not in ALWAYS)):
        keys = named.get(name)
        if keys is None or keys.enabled or name == ALWAYS[0]:
            factory = host.offer("callbacks", name).factory
            args = keys.args if keys else {}
            made.append(make(lambda f=factory, **a: f(context, **a), args, f"callback {name}", f"callbacks.{name}"))
    return [*made, *_trackers(job, schedule, first_step), *job.given.callbacks]


def _trackers(job: Job, schedule: Schedule, first_step: int) -> list[Callback]:
    plan = job.plan
    context = TrackerContext(
        run_id=plan.run_id,
        run_name=plan.run_name,
        run_dir=job.run_dir.path,
        log_dir=job.run_dir.logs(plan.config),
        config=plan.public.model_dump(mode="json"),
        interactive=job.interactive,
        total_steps=schedule.total_steps,
        first_step=first_step,
    )
    made: list[Callback] = []
    for name, keys in job.config.trackers.items():
        if keys.enabled:
            tracker = job.host.offer("trackers", name).factory(context, **keys.args)
            made.append(TrackerCallback(name, tracker))
    return [*made, *(TrackerCallback(type(tracker).__name__, tracker) for tracker in job.given.trackers)]

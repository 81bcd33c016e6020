"""The trackers of a run. A tracker never raises into the loop: one that fails is named once and left out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from regtrain.job.making import Job
from regtrain.types import Schedule, Tracker, TrackerContext
from regtrain.types.config import Tracker as TrackerKeys

__all__ = ["build_trackers"]


class Guarded:
    """A tracker whose failures end its own work, not the run."""

    def __init__(self, name: str, tracker: Tracker, log: logging.Logger) -> None:
        self._name = name
        self._tracker: Tracker | None = tracker
        self._log = log

    def log(self, record: Mapping[str, Any]) -> None:
        self._call("log", record)

    def advance(self, step: int) -> None:
        self._call("advance", step)

    def close(self) -> None:
        self._call("close")

    def _call(self, method: str, *arguments: Any) -> None:
        if self._tracker is None:
            return
        try:
            getattr(self._tracker, method)(*arguments)
        except Exception as problem:
            self._tracker = None
            self._log.warning("tracker %r failed and is left out from here on: %r", self._name, problem)


class LogLines:
    """Each validation as a line of train.log; what is logged every few steps stands in metrics.jsonl."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def log(self, record: Mapping[str, Any]) -> None:
        if "val/loss" in record:
            metrics = " ".join(f"{k} {v:.6g}" for k, v in record.items() if isinstance(v, float) and k != "time")
            self._log.info("epoch %d step %d: %s", record["epoch"], record["step"], metrics)

    def advance(self, step: int) -> None: ...

    def close(self) -> None: ...


def build_trackers(job: Job, schedule: Schedule, first_step: int) -> list[Tracker]:
    """JSON lines and progress always, then those that the config names.

    The file of metrics is the run's own record, so that a disk that is full there is an error of the run.
    """
    plan, host = job.plan, job.host
    context = TrackerContext(
        run_id=plan.run_id,
        run_name=plan.run_name,
        run_dir=job.run_dir.path,
        log_dir=job.run_dir.logs(plan.config),
        config=job.plan.public.model_dump(mode="json"),
        interactive=job.watched,
        total_steps=schedule.total_steps,
        first_step=first_step,
    )
    record: Tracker = host.offer("trackers", "jsonl").factory(context)
    named = {"progress": TrackerKeys(), **job.config.trackers}
    made: list[Tracker] = [record, LogLines(job.log)]
    for name, settings in named.items():
        if settings.enabled and name.lower() != "jsonl":
            made.append(Guarded(name, host.offer("trackers", name).factory(context, **settings.args), job.log))
    return [*made, *(Guarded(type(tracker).__name__, tracker, job.log) for tracker in job.live.trackers)]

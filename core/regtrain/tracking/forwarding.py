"""Sending the records of a run folder to its trackers.

The run folder is the spool: each tracker has a cursor of its own in `logs/trackers/NAME.json`, which is written after
the tracker has taken a batch. What was not taken is sent by the next call, however much later that is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from regtrain.errors import Guard, RegtrainError, brief
from regtrain.host import Host
from regtrain.run_dir import RunDir
from regtrain.run_dir.codec import read_value, write_value
from regtrain.run_dir.records import START, Cursor, records_from
from regtrain.types import Plan, RecordBatch, TrackedRun, Tracker, VersionEvent

__all__ = ["Forwarding", "forward_all"]


@dataclass(frozen=True)
class Forwarding:
    """How far a tracker has come. `remote_id`: its own name of the run; `version`, `status`: what it was sent."""

    metrics: Cursor = START
    events: Cursor = START
    remote_id: str | None = None
    version: str | None = None
    status: str | None = None
    format: int = 1


def forward_all(
    run_dir: RunDir, plan: Plan, host: Host, status: str | None, version: VersionEvent | None = None
) -> list[str]:
    """Send what each tracker of the config has not taken yet.

    Args:
        status: how the run ended; None while it goes on.
        version: what was registered of it.

    Returns:
        A line for each tracker that failed; the others are served, and the run is none the worse.
    """
    problems = []
    for name, keys in plan.config.trackers.items():
        if not keys.enabled:
            continue
        with Guard() as call:
            tracker: Tracker = host.offer("trackers", name).factory(**keys.args)
            _forward(run_dir, plan, name, tracker, status, version)
        if call.problem is not None:
            said = _reason(call.problem)
            problems.append(f"tracker {name!r}: {said}; `regtrain runs sync {run_dir.path}` sends what is missing")
    return problems


def _reason(problem: BaseException) -> str:
    if isinstance(problem, RegtrainError):
        return problem.message
    return f"{type(problem).__name__}: {brief(problem)}"


def _forward(
    run_dir: RunDir, plan: Plan, name: str, tracker: Tracker, status: str | None, version: VersionEvent | None
) -> None:
    place = run_dir.logs(plan.config) / "trackers" / f"{_file_name(name)}.json"
    place.parent.mkdir(exist_ok=True)
    done = _read(place)
    config = plan.public.model_dump(mode="json")
    run = TrackedRun(plan.run_id, plan.run_name, run_dir.path, config)
    done = replace(done, remote_id=tracker.open(run, done.remote_id))
    write_value(place, done)
    try:
        for batch, after in _batches(run_dir.logs(plan.config), done):
            tracker.send(batch)
            done = after
            write_value(place, done)
        if version is not None and done.version != version.digest:
            tracker.version(version)
            done = replace(done, version=version.digest)
            write_value(place, done)
    finally:
        tracker.close(status)
    write_value(place, replace(done, status=status))


def _batches(logs: Path, done: Forwarding) -> Iterator[tuple[RecordBatch, Forwarding]]:
    """Each batch with how far the tracker has come once it has taken it."""
    while True:
        page = records_from(logs / "metrics.jsonl", done.metrics)
        if page.cursor == done.metrics:
            break
        first, done = 0 if page.restarted else done.metrics.line, replace(done, metrics=page.cursor)
        yield RecordBatch("metrics", first, page.records), done
    while True:
        page = records_from(logs / "events.jsonl", done.events)
        if page.cursor == done.events:
            break
        first, done = 0 if page.restarted else done.events.line, replace(done, events=page.cursor)
        yield RecordBatch("events", first, page.records), done


def _read(place: Path) -> Forwarding:
    """A cursor that is damaged begins anew: a tracker that counts lines leaves out what it has."""
    try:
        return read_value(place, Forwarding, newest=1)
    except RegtrainError:
        return Forwarding()


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name.lower())

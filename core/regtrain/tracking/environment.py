"""Variables that trackers offer for the job, so that user code which calls a tracker lands in the same run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from regtrain.errors import RegtrainError
from regtrain.host import Host
from regtrain.run_dir import RunDir
from regtrain.run_dir.codec import read_value, write_value
from regtrain.tracking import cursors
from regtrain.tracking.system import missing_sampler
from regtrain.types import Plan

__all__ = ["JobEnvironment", "job_environment", "missing_packages", "write_environment"]

PATIENCE = 5.0  # seconds that a job waits for all trackers together
LOOK = 0.02  # seconds between two looks


@dataclass(frozen=True)
class JobEnvironment:
    """Name → value; `problem`: why a tracker has none."""

    values: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None
    format: int = 1


def write_environment(path: Path, found: JobEnvironment) -> None:
    """Readable by its owner only: an address may hold a password."""
    write_value(path, found, 0o600)


@contextmanager
def job_environment(
    run_dir: RunDir, plan: Plan, host: Host, warn: Callable[[str], None], patience: float = PATIENCE
) -> Iterator[None]:
    """Inside, the variables of trackers with the trait `environment` are set; a tracker that is late goes without."""
    offering = [name for name in cursors.enabled(plan) if _offers(host, name)]
    if not offering:
        yield
        return
    before = dict(os.environ)
    deadline = time.monotonic() + patience
    for name in offering:
        found = _wait(cursors.file_of(run_dir, plan, name, "environment.json"), deadline)
        if found is None:
            warn(f"tracker {name!r} was not open after {patience:g} seconds: the job does without its variables")
        elif found.problem is not None:
            warn(f"tracker {name!r} could not be opened, and the job does without its variables: {found.problem}")
        else:
            os.environ.update(found.values)
    changed = {key for key in os.environ if os.environ[key] != before.get(key)}
    try:
        yield
    finally:
        for key in changed:
            if key in before:
                os.environ[key] = before[key]
            else:
                os.environ.pop(key, None)


def missing_packages(plan: Plan, host: Host) -> list[str]:
    """A line for each tracker of the config that cannot be used here, and for system metrics, with the remedy."""
    lines = missing_sampler(plan)
    for name in cursors.enabled(plan):
        try:
            host.offer("trackers", name)
        except RegtrainError as problem:
            lines.append(f"{problem.message}, and the run goes on without it: {problem.hint}")
    return lines


def _offers(host: Host, name: str) -> bool:
    try:
        return bool(host.offer("trackers", name).traits.get("environment"))
    except RegtrainError:  # not installed, which is a warning of its own
        return False


def _wait(path: Path, deadline: float) -> JobEnvironment | None:
    while not path.exists():
        if time.monotonic() > deadline:
            return None
        time.sleep(LOOK)
    try:
        return read_value(path, JobEnvironment, newest=1)
    except RegtrainError as problem:
        return JobEnvironment({}, problem.message)

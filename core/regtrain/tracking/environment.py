"""Variables that trackers offer for the job, so that user code which calls a tracker lands in the same run."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
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
LOOK, LATE_LOOK = 0.02, 0.5  # seconds between two looks, while the job waits and later


@dataclass(frozen=True)
class JobEnvironment:
    """Name → value; `problem`: why a tracker has none."""

    values: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None
    format: int = 1


def write_environment(path: Path, found: JobEnvironment) -> None:
    """Readable by its owner only: an address may hold a password."""
    write_value(path, found, 0o600)


class _Variables:
    """What was set in the environment of this process, and what stood there before."""

    def __init__(self) -> None:
        self._before: dict[str, str | None] = {}
        self._lock = threading.Lock()
        self._open = True

    def set(self, values: Mapping[str, str]) -> None:
        with self._lock:
            for key, value in values.items() if self._open else ():
                self._before.setdefault(key, os.environ.get(key))
                os.environ[key] = value

    def restore(self) -> None:
        with self._lock:
            self._open = False
            for key, value in self._before.items():
                if value is None:
                    os.environ.pop(key, None)
                else:
                    os.environ[key] = value


@contextmanager
def job_environment(
    run_dir: RunDir, plan: Plan, host: Host, warn: Callable[[str], None], patience: float = PATIENCE
) -> Iterator[None]:
    """Inside, the variables of trackers with the trait `environment` are set; those of one that is late come later."""
    places = {
        name: cursors.file_of(run_dir, plan, name, "environment.json")
        for name in cursors.enabled(plan)
        if _offers(host, name)
    }
    if not places:
        yield
        return
    variables, ended, late = _Variables(), threading.Event(), {}
    deadline = time.monotonic() + patience
    for name, place in places.items():
        while (found := _read(place)) is None and time.monotonic() < deadline:
            time.sleep(LOOK)
        if found is None:
            late[name] = place
            warn(f"tracker {name!r} was not open after {patience:g} seconds: its variables are set when it is")
        elif found.problem is not None:
            warn(f"tracker {name!r} could not be opened, and the job does without its variables: {found.problem}")
        else:
            variables.set(found.values)
    thread = threading.Thread(target=_set_late, args=(late.values(), variables, ended), daemon=True)
    if late:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        variables.restore()


def _set_late(places: Iterable[Path], variables: _Variables, ended: threading.Event) -> None:
    waiting = list(places)
    while waiting and not ended.wait(LATE_LOOK):
        for place in list(waiting):
            found = _read(place)
            if found is not None:
                variables.set(found.values)
                waiting.remove(place)


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


def _read(path: Path) -> JobEnvironment | None:
    """None where there is no such file yet."""
    if not path.exists():
        return None
    try:
        return read_value(path, JobEnvironment, newest=1)
    except RegtrainError as problem:
        return JobEnvironment({}, problem.message)

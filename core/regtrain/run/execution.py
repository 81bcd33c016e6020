"""A run from its request to its version: plan, prepare, launch, complete. Loads no torch; the job does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from regtrain.errors import ConfigValueError
from regtrain.host import Host
from regtrain.run.completion import RunResult, complete
from regtrain.run.launching import launch, submits
from regtrain.run.planning import Planned, Request, plan_run
from regtrain.run.prepare import prepare
from regtrain.run.record import end_of_launch, record_end, started_event
from regtrain.run_dir import RunDir
from regtrain.tracking import ForwarderProcess, closing_seconds
from regtrain.tracking import start as start_forwarder
from regtrain.types import Launched, Plan

__all__ = ["execute", "refuse_ranks", "run"]


def run(request: Request, started: Callable[[Plan, RunDir], None] = lambda plan, run_dir: None) -> RunResult:
    """Plan, launch, record, register. Anything that can be known to be wrong is refused before the folder exists.

    Raises:
        RegtrainError, RegistryError: with the exit code of what went wrong.
    """
    refuse_ranks()
    host = Host()
    planned = plan_run(request, host)
    waits = not submits(planned.plan, host)
    return execute(planned, host, lambda run_dir: launch(planned.plan, host, run_dir), started, waits=waits)


def refuse_ranks(environ: Mapping[str, str] = os.environ) -> None:
    """Each process of another launcher would train and register a run of its own.

    Raises:
        ConfigValueError: this process is one of several that torchrun, or another launcher, has started.
    """
    world = environ.get("WORLD_SIZE", "1")
    if "RANK" in environ and world.isdecimal() and int(world) > 1:
        raise ConfigValueError(
            f"this is process {environ['RANK']} of {world} (RANK and WORLD_SIZE are set), and each would be a run",
            f"call regtrain once and let it start them: regtrain run CONFIG --nproc {world}",
        )


def execute(
    planned: Planned,
    host: Host,
    start: Callable[[RunDir], Launched],
    started: Callable[[Plan, RunDir], None] = lambda plan, run_dir: None,
    *,
    waits: bool = True,
) -> RunResult:
    """Record a run from its start to its end around `start`, which trains, or submits what trains.

    Args:
        waits: `start` returns when the job has ended; the job of another starts the forwarder of the run itself.
    """
    with _closed_to_others():
        return _execute(planned, host, start, started, waits)


@contextmanager
def _closed_to_others() -> Iterator[None]:
    """No file of a run is made for everybody to write into, whatever the umask of the caller is, such as a notebook."""
    before = os.umask(0o077)  # the mask cannot be read without setting one
    os.umask(before | 0o002)
    try:
        yield
    finally:
        os.umask(before)


def _execute(
    planned: Planned,
    host: Host,
    start: Callable[[RunDir], Launched],
    started: Callable[[Plan, RunDir], None],
    waits: bool,
) -> RunResult:
    plan = planned.plan
    run_dir, registry, warnings = prepare(planned)
    notes = warnings + host.run_started(started_event(plan, run_dir))
    with _forwarder(run_dir, plan, waits, notes) as forwarder:
        try:
            started(plan, run_dir)
            launched = start(run_dir)
        except BaseException as problem:
            record_end(registry, plan, end_of_launch(run_dir, problem))
            raise
        result = complete(run_dir, registry, host, launched, forwarder)
    return result.with_notes(notes)


@contextmanager
def _forwarder(run_dir: RunDir, plan: Plan, waits: bool, notes: list[str]) -> Iterator[ForwarderProcess | None]:
    """What feeds the trackers beside the job. It closes them, too, when the run cannot be completed."""
    forwarder = None
    try:
        forwarder = start_forwarder(run_dir, plan) if waits else None
    except OSError as problem:  # a tracker is no reason to train nothing
        notes.append(f"the trackers get nothing while the run goes on: {problem.strerror or problem}")
    try:
        yield forwarder
    except Exception:
        if forwarder is not None:
            forwarder.finish(closing_seconds())
        raise
    finally:
        if forwarder is not None and forwarder.is_alive:
            forwarder.leave()

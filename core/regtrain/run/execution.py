"""A run from its request to its version: plan, prepare, launch, complete. Loads no torch; the job does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from regtrain.errors import ConfigValueError
from regtrain.host import Host
from regtrain.run.completion import RunResult, complete
from regtrain.run.launching import launch
from regtrain.run.planning import Planned, Request, plan_run
from regtrain.run.prepare import prepare
from regtrain.run.record import end_of_launch, record_end, started_event
from regtrain.run_dir import RunDir
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
    return execute(planned, host, lambda run_dir: launch(planned.plan, host, run_dir), started)


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
) -> RunResult:
    """Record a run from its start to its end around `start`, which trains, or submits what trains."""
    with _closed_to_others():
        return _execute(planned, host, start, started)


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
) -> RunResult:
    plan = planned.plan
    run_dir, registry, warnings = prepare(planned)
    notes = warnings + host.run_started(started_event(plan, run_dir))
    try:
        started(plan, run_dir)
        launched = start(run_dir)
    except BaseException as problem:
        record_end(registry, plan, end_of_launch(run_dir, problem))
        raise
    result = complete(run_dir, registry, host, launched)
    return result.with_notes(notes)

"""`regtrain runs sync` and `runs cancel`: runs that go on, or went on, elsewhere."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from regtrain.cli.output import json_option, print_json, say
from regtrain.errors import RegtrainError, RunNotFoundError
from regtrain.host import Host
from regtrain.run.completion import RunResult, complete
from regtrain.run.launching import cancel as cancel_job
from regtrain.run.launching import read_submission
from regtrain.run.open_registry import open_registry
from regtrain.run.resume import run_dir_of
from regtrain.run_dir import RunDir

__all__ = ["cancel", "sync"]

OPEN = ("queued", "running")


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--watch", is_flag=True, help="Look again until every run has ended.")
@click.option("--every", default=10.0, show_default=True, help="Seconds between two looks.")
@json_option
def sync(runs: tuple[str, ...], watch: bool, every: float, as_json: bool) -> None:
    """Read in what became of runs: their state, and the versions that came out of them.

    RUN is a folder, an id or a name. It may be repeated: a run that was read in stays one run with one version.
    """
    host = Host()
    waiting, results, code = [_owner(run) for run in runs], [], 0
    while waiting:
        found = [(owner, *_synced(owner, host)) for owner in waiting]
        results += [result for _, result, _ in found if result.status not in OPEN or not watch]
        code = next((failed for _, _, failed in found if failed), code)
        waiting = [owner for owner, result, _ in found if result.status in OPEN] if watch else []
        if waiting:
            time.sleep(every)
    if as_json:
        print_json([result.to_json() for result in results])
    for result in () if as_json else results:
        say(f"{result.run_id}: {result.status}{f', registered: {result.version.ref}' if result.version else ''}")
    raise SystemExit(code)


def _synced(owner: RunDir, host: Host) -> tuple[RunResult, int]:
    """The run as it is now, and the exit code of one that failed."""
    plan = owner.read_plan()
    keys = plan.config.registry
    beside = plan.base_dir if plan.base_dir.is_dir() else owner.path.parent
    registry = open_registry(Path.cwd(), beside, keys, create=True) if keys.enabled else None
    try:
        result = complete(owner, registry, host)
    except RegtrainError as problem:
        outcome = owner.read_outcome()
        if outcome is None or outcome.status != "failed":
            raise
        for line in (f"{plan.run_id}: {problem.message}", *problem.warnings):
            say(f"warning: {line}", err=True)
        return RunResult(
            plan.run_id, plan.run_name, "failed", owner.path, problem.exit_code, outcome
        ), problem.exit_code
    for note in result.notes:
        say(f"warning: {note}", err=True)
    return result, 0


@click.command()
@click.argument("run")
def cancel(run: str) -> None:
    """Ask a submitted RUN to save and stop."""
    owner = _owner(run)
    submission = read_submission(owner)
    if submission is None:
        raise RunNotFoundError(
            f"run {run!r} was not submitted: a terminal waits for it", "press Ctrl-C there, or send SIGTERM to its job"
        )
    cancel_job(submission, Host())
    say(f"asked job {submission.external_id} of launcher {submission.launcher} to stop")


def _owner(run: str) -> RunDir:
    path = Path(os.path.realpath(run))  # unlike resolve(), it takes a link to itself
    owner = run_dir_of(path) if path.exists() else run_dir_of(Path(open_registry(Path.cwd()).run(run).run_dir))
    if owner is None:
        raise RunNotFoundError(f"{run} is no run folder", "`regtrain runs list` shows the folders of runs")
    return owner

"""Starting the job of a run, and asking for one that was submitted."""

from __future__ import annotations

from dataclasses import dataclass

from regtrain.errors import Guard, PluginError, RunBusyError
from regtrain.host import Host
from regtrain.run_dir import RunDir, read_json
from regtrain.run_dir.codec import write_json
from regtrain.types import JobCommand, JobState, Launched, Launcher, Plan, RemoteLauncher

__all__ = ["Submission", "cancel", "launch", "poll", "read_submission", "submits"]


@dataclass(frozen=True)
class Submission:
    """A job that outlives the process that submitted it: its launcher, and the id by which the launcher knows it."""

    launcher: str
    external_id: str


def launch(plan: Plan, host: Host, run_dir: RunDir) -> Launched:
    """Start the job; one that was submitted is noted in the run folder."""
    # A file in the working directory, such as queue.py, is not to be taken for one of Python's own modules.
    environment = {"REGTRAIN_RUN_DIR": str(run_dir.path), "PYTHONSAFEPATH": "1"}
    command = JobCommand(("-m", "regtrain.job", str(run_dir.path)), run_dir.path, environment)
    offer = host.offer("launchers", plan.launcher)
    launched: object = None
    with Guard() as call:
        launcher: Launcher = offer.factory()
        launched = launcher.launch(command, plan.resources)
    call.check(f"launcher {plan.launcher!r}")
    if not isinstance(launched, Launched):
        raise PluginError(
            f"launcher {plan.launcher!r} returned a {type(launched).__name__}", "its plugin has to return a Launched"
        )
    if launched.external_id is not None:
        write_json(run_dir.submission, {"launcher": plan.launcher, "external_id": launched.external_id})
    return launched


def submits(plan: Plan, host: Host) -> bool:
    """Whether the launcher returns before the job has ended."""
    launcher: object = None
    with Guard():  # launching says what is wrong with it
        launcher = host.offer("launchers", plan.launcher).factory()
    return isinstance(launcher, RemoteLauncher)


def read_submission(run_dir: RunDir) -> Submission | None:
    """How the job was submitted; None for one that its submitter waited for."""
    if not run_dir.submission.exists():
        return None
    value = read_json(run_dir.submission)
    return Submission(str(value.get("launcher")), str(value.get("external_id")))


def poll(submission: Submission, host: Host) -> JobState:
    with Guard() as call:
        state = _remote(submission, host).poll(submission.external_id)
    call.check(f"launcher {submission.launcher!r}")
    return JobState(state)  # a plugin may return the plain word


def cancel(submission: Submission, host: Host) -> None:
    with Guard() as call:
        _remote(submission, host).cancel(submission.external_id)
    call.check(f"launcher {submission.launcher!r}")


def _remote(submission: Submission, host: Host) -> RemoteLauncher:
    launcher = host.offer("launchers", submission.launcher).factory()
    if not isinstance(launcher, RemoteLauncher):
        raise RunBusyError(
            f"launcher {submission.launcher!r} cannot be asked for job {submission.external_id}",
            "its plugin needs poll() and cancel()",
        )
    return launcher

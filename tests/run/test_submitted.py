"""A launcher may return before the job has ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from regtrain.run_dir import RunDir
from support.cli.projects import Project

# A scheduler as a plugin: it takes the job and runs it when the test says so.
SCHEDULER = """\
from pathlib import Path

from regtrain.hookspecs import hookimpl
from regtrain.types import JobState, Launched

STATES = {}


class Scheduler:
    def launch(self, job, resources):
        STATES["job-1"] = JobState.QUEUED
        STATES["asked"] = resources
        return Launched(external_id="job-1")

    def poll(self, external_id):
        return STATES.get(external_id, JobState.GONE)

    def cancel(self, external_id):
        STATES["cancelled"] = external_id


@hookimpl
def regtrain_register_launchers(register):
    register("scheduler", Scheduler)
"""


@pytest.fixture
def states(project: Project, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    project.write("site/scheduler_here.py", SCHEDULER)
    info = "site/scheduler_here-1.0.dist-info/"
    project.write(info + "METADATA", "Metadata-Version: 2.1\nName: scheduler-here\nVersion: 1.0\n")
    project.write(info + "entry_points.txt", "[regtrain]\nscheduler-here = scheduler_here\n")
    monkeypatch.syspath_prepend(project.folder / "site")
    import scheduler_here  # type: ignore[import-not-found]

    scheduler_here.STATES.clear()
    found: dict[str, Any] = scheduler_here.STATES
    return found


def statuses(project: Project) -> list[str]:
    return [run["status"] for run in project.runs()]


def test_a_submitted_run_is_followed(project: Project, states: dict[str, Any]) -> None:
    """Queued, running, finished: each look records what the scheduler says, and the last one registers."""
    submitted = project("run", "run.yaml", "--launcher", "scheduler", "--partition", "gpu", "--memory", "8", "--json")
    assert submitted.code == 0, submitted.err
    result = submitted.json()
    assert (result["status"], result["version"], result["metrics"]) == ("queued", None, {})
    assert (states["asked"].partition, states["asked"].memory, states["asked"].processes) == ("gpu", 8.0, 1)
    assert statuses(project) == ["queued"]
    states["job-1"] = "running"
    assert project("runs", "sync", result["run_id"], "--json").json()[0]["status"] == "running"
    assert statuses(project) == ["running"]
    from regtrain.job import main

    assert main(Path(result["run_dir"])) == 0
    del states["job-1"]
    done = project("runs", "sync", result["run_id"], "--json").json()[0]
    assert (done["status"], done["version"]) == ("finished", "1.0.0")
    assert statuses(project) == ["finished"]


def test_it_is_not_lost_with_its_submitter(project: Project, states: dict[str, Any]) -> None:
    """The process that submitted it has ended; the run is recorded without one."""
    result = project("run", "run.yaml", "--launcher", "scheduler", "--json").json()
    shown = project("runs", "show", result["run_id"], "--json").json()
    assert (shown["status"], shown["pid"]) == ("queued", None)


def test_a_job_that_vanished_has_failed(project: Project, states: dict[str, Any]) -> None:
    """The scheduler does not know it any more, and it left no outcome."""
    result = project("run", "run.yaml", "--launcher", "scheduler", "--json").json()
    del states["job-1"]
    said = project("runs", "sync", result["run_id"])
    assert said.code == 1
    assert statuses(project) == ["failed"]


def test_a_submitted_run_can_be_cancelled(project: Project, states: dict[str, Any]) -> None:
    """The scheduler is asked to stop the job."""
    result = project("run", "run.yaml", "--launcher", "scheduler", "--json").json()
    said = project("runs", "cancel", result["run_id"])
    assert said.code == 0, said.err
    assert states["cancelled"] == "job-1"


def test_a_run_that_was_not_submitted_cannot_be_cancelled(project: Project) -> None:
    """One error, with what to do instead."""
    result = project.train()
    said = project("runs", "cancel", result["run_id"])
    assert said.code == 2
    assert "Ctrl-C" in said.err


@pytest.mark.slow
def test_in_the_background(project: Project) -> None:
    """A real job in a session of its own; `runs sync --watch` waits for it and registers it."""
    project.config(launcher={"name": "background"})
    result = project("run", "run.yaml", "--json").json()
    assert result["status"] == "running"
    done = project("runs", "sync", result["run_dir"], "--watch", "--every", "0.05", "--json").json()
    assert (done[-1]["status"], done[-1]["version"]) == ("finished", "1.0.0")
    assert RunDir(Path(result["run_dir"])).completed.exists()

"""Signals to a real run: the step is finished, the state saved, the way back said, and the way back works."""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
from collections.abc import Callable

import pytest

from support.cli.projects import Project
from support.run.gates import DATA, PATIENCE, Started, started

pytestmark = pytest.mark.slow

TO: dict[str, Callable[[Started, signal.Signals], None]] = {
    "parent": lambda run, number: os.kill(run.process.pid, number),
    "group": lambda run, number: os.killpg(run.process.pid, number),
}


# Every Python process imports this module first; it stops the one that loads torch.
STOPS_AT_TORCH = """\
import os
import sys


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "torch" and "regtrain.job" in sys.orig_argv:
            with open("gate", "w") as gate:
                print(os.getpid(), file=gate, flush=True)
            os.read(os.open("never", os.O_RDONLY), 1)


sys.meta_path.insert(0, Finder())
"""


@pytest.fixture
def gated(project: Project) -> Project:
    """A project whose job waits at the fifth sample of the second step: before it, one sample is looked at and the sanity check takes a batch."""
    project.write("data.py", DATA)
    project.config(launcher=None)
    return project


@pytest.mark.parametrize(
    ("to", "number", "terminal"),
    [
        ("parent", signal.SIGTERM, False),
        ("parent", signal.SIGUSR1, False),
        ("parent", signal.SIGINT, False),
        ("group", signal.SIGTERM, False),
        ("group", signal.SIGINT, True),
        ("group", signal.SIGINT, False),
    ],
)
def test_a_run_that_is_asked_to_stop(to: str, number: signal.Signals, terminal: bool, gated: Project) -> None:
    """The run finishes its step, saves, says how to go on, exits with 75, is listed as interrupted, and goes on."""
    with started(gated, "run", "run.yaml", "--epochs", "3", terminal=terminal) as run:
        job = int(run.at_gate())
        (listed,) = gated.runs()
        assert (listed["status"], listed["pid"]) == ("running", run.process.pid)
        assert job != run.process.pid
        TO[to](run, number)
        assert run.at_gate() == "signal"
        assert run.end() == 75
    assert f"stopped by {number.name}; saved at step 2" in run.said[1]
    (listed,) = gated.runs()
    assert (listed["status"], listed["steps"], listed["version"]) == ("interrupted", 2, None)
    (checkpoint,) = gated("checkpoints", "list", listed["run_id"], "--json").json()
    assert checkpoint["step"] == 2
    command = shlex.split(run.said[1].strip().splitlines()[-1])
    assert command[:2] == ["regtrain", "run"]
    finished = gated.train(*command[3:], "launcher.name=here", config=command[2])
    assert (finished["status"], finished["epochs"], finished["steps"]) == ("finished", 3, 6)
    assert [r["status"] for r in gated.runs()] == ["finished", "interrupted"]


def test_a_result_of_an_interrupted_run_is_json(gated: Project) -> None:
    """With --json an interrupted run still prints its one document."""
    with started(gated, "run", "run.yaml", "--json") as run:
        run.at_gate()
        os.kill(run.process.pid, signal.SIGTERM)
        assert run.end() == 75
    result = json.loads(run.said[0])
    assert (result["status"], result["steps"], result["version"]) == ("interrupted", 2, None)


@pytest.mark.parametrize(("to", "terminal"), [("parent", False), ("group", True)])
def test_a_second_interrupt_ends_at_once(to: str, terminal: bool, gated: Project) -> None:
    """A second Ctrl-C does not wait for the step: exit code 130, nothing saved, and that is said."""
    with started(gated, "run", "run.yaml", signals=3, terminal=terminal) as run:
        run.at_gate()
        TO[to](run, signal.SIGINT)
        assert run.at_gate() == "signal"
        TO[to](run, signal.SIGINT)
        assert run.end() == 130
    assert "nothing was saved" in run.said[1]
    assert "Traceback" not in run.said[1]
    assert [r["status"] for r in gated.runs()] == ["interrupted"]


def test_a_parent_that_was_killed_is_lost(gated: Project) -> None:
    """A run whose parent process was killed is listed as lost; its job saves, stops, and can be gone on from."""
    with started(gated, "run", "run.yaml") as run:
        job = int(run.at_gate())
        waiting = os.pidfd_open(job)
        run.process.kill()
        run.process.wait()
        assert [r["status"] for r in gated.runs()] == ["lost"]
        assert run.at_gate() == "signal"
        ended, _, _ = select.select([waiting], [], [], PATIENCE)
        os.close(waiting)
        assert ended
    (folder,) = gated.run_folders()
    assert json.loads((folder / "outcome.json").read_bytes())["reason"] == "SIGTERM"
    finished = gated.train("launcher.name=here", config=folder / "config.yaml")
    assert finished["status"] == "finished"


def test_a_job_that_was_killed_is_a_failure(gated: Project) -> None:
    """A job that was killed (as for lack of memory) fails the run: exit code 1, one message, what was saved stays."""
    # The third epoch: the checkpoint of the first is complete by then, since the second waits for it.
    gated.write("data.py", DATA.replace("gate: int = 22", "gate: int = 54"))
    with started(gated, "run", "run.yaml", "--epochs", "3", "--json") as run:
        os.kill(int(run.at_gate()), signal.SIGKILL)
        assert run.end() == 1
    assert run.said[0] == ""
    error = json.loads(run.said[1].strip().splitlines()[-1])["error"]
    assert (error["code"], "SIGKILL" in error["message"]) == ("job_failed", True)
    (listed,) = gated.runs()
    assert (listed["status"], listed["error"]) == ("failed", error["message"])
    (folder,) = gated.run_folders()
    assert json.loads((folder / "outcome.json").read_bytes())["status"] == "failed"
    finished = gated.train("launcher.name=here", config=folder / "config.yaml")
    assert (finished["status"], finished["steps"]) == ("finished", 6)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_training(number: signal.Signals, gated: Project) -> None:
    """A run that is stopped while the job still starts is interrupted, not failed, and says that nothing was saved."""
    gated.write("early/sitecustomize.py", STOPS_AT_TORCH)
    os.mkfifo(gated.folder / "never")
    with started(gated, "run", "run.yaml", environ={"PYTHONPATH": str(gated.folder / "early")}) as run:
        run.at_gate()
        os.kill(run.process.pid, number)
        assert run.end() == 128 + number
    assert "nothing was saved" in run.said[1]
    assert [r["status"] for r in gated.runs()] == ["interrupted"]
    assert "Traceback" not in run.said[1]
    said = gated("run", gated.run_folders()[0] / "config.yaml", "--json")
    assert (said.code, said.error()["code"]) == (2, "run_not_found")  # there is nothing to go on from


def test_an_interrupt_of_the_parent_with_a_terminal(gated: Project) -> None:
    """SIGINT to the parent alone reaches the job, also where standard input is a terminal."""
    with started(gated, "run", "run.yaml", terminal=True) as run:
        run.at_gate()
        os.kill(run.process.pid, signal.SIGINT)
        assert run.end() == 75
    assert "stopped by SIGINT" in run.said[1]

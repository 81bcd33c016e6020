"""The forwarder of a run is a process of its own: beside the job, at the end of the run, and after an outage."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from regtrain.host import Host
from regtrain.run_dir import RunDir
from regtrain.run_dir.records import RecordWriter, read_records
from regtrain.tracking import environment, job_environment, settle, start
from support.cli.projects import Project
from support.run.gates import DATA, PATIENCE, started
from support.tracking import odd
from support.tracking.runs import HOST, TrackedFolder, install_odd, until


def records(run_dir: Path) -> list[str]:
    return (run_dir / "records.txt").read_text().splitlines()


def numbers(lines: list[str], stream: str) -> list[int]:
    return [int(line.split()[2]) for line in lines if line.split()[1] == stream]


def written(run_dir: Path, stream: str) -> int:
    return len(list(read_records(run_dir / "logs" / f"{stream}.jsonl")))


@pytest.mark.slow
def test_a_run_arrives_whole_and_once(project: Project) -> None:
    """Every record of both files, the version, the status; reading the run in again sends what is new only."""
    project.config(trackers=["lines", "tensorboard"], logging={"every_n_steps": 1})
    run_dir = Path(project.train()["run_dir"])
    lines = records(run_dir)
    losses = EventAccumulator(str(run_dir / "logs/tensorboard")).Reload().Scalars("train/loss")
    assert [event.step for event in losses] == [1, 2, 3, 4]
    for stream in ("metrics", "events"):
        assert numbers(lines, stream) == list(range(written(run_dir, stream)))
    assert written(run_dir, "metrics") >= 4
    assert [line.split()[1] for line in lines][-2:] == ["version", "status"]
    assert "tiny@1.0.0 digest=" in lines[-2]
    assert project("runs", "sync", run_dir).err == ""
    assert records(run_dir) == lines, "nothing was missing"
    writer = RecordWriter(run_dir / "logs" / "metrics.jsonl")
    writer.write({"step": 99, "epoch": 9, "time": 0.0, "train/loss": 0.25})
    writer.close()
    assert project("runs", "sync", run_dir).code == 0
    new = [line for line in records(run_dir)[len(lines) :] if " metrics " in line]
    assert len(new) == 1
    assert "train/loss=0.25" in new[0]
    assert sum(" version " in line for line in records(run_dir)) == 1


def test_a_run_without_trackers_starts_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process, no file."""
    monkeypatch.setattr("regtrain.tracking.process.subprocess", None)
    run_dir = RunDir(Path(project.train()["run_dir"]))
    assert start(run_dir, run_dir.read_plan()) is None
    assert settle(run_dir, run_dir.read_plan(), Host([]), None, ended=True, launched=False) == []
    assert not (run_dir.path / "logs" / "trackers").exists()


@pytest.mark.slow
def test_trackers_that_fail_cost_a_line_each(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that exits and one whose package is missing: a warning each, exit code 0, a version; the other is served."""
    install_odd(project, monkeypatch)
    project.config(trackers={"absent": {}, "failing": {"fault": "an exit"}, "lines": {}})
    said = project("run", "run.yaml", "--json")
    assert said.code == 0, said.err
    assert said.json()["version"] == "1.0.0"
    run_dir = Path(said.json()["run_dir"])
    assert records(run_dir)[-1].endswith("status finished")
    for name, word in {"absent": "pip install", "failing": "SystemExit: 3"}.items():
        lines = [line for line in said.err.splitlines() if f"tracker {name!r}" in line]
        assert len(lines) == 1, said.err
        assert lines[0].startswith("warning: ")
        assert word in lines[0]


@pytest.mark.slow
def test_closing_comes_to_an_end(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tracker that never answers is killed and said to be behind; the run is done, and `runs sync` sends the rest."""
    install_odd(project, monkeypatch)
    monkeypatch.setenv("REGTRAIN_TRACKER_SECONDS", "0.2")
    os.mkfifo(project.folder / "never")
    monkeypatch.setenv("NEVER", str(project.folder / "never"))
    project.config(trackers={"hanging": {}})
    said = project("run", "run.yaml", "--json")
    assert (said.code, said.json()["version"]) == (0, "1.0.0")
    warned = (
        f"warning: tracker 'hanging': it has not taken everything yet; `regtrain runs sync {said.json()['run_dir']}`"
    )
    assert warned in said.err
    monkeypatch.delenv("NEVER")
    monkeypatch.delenv("REGTRAIN_TRACKER_SECONDS")
    synced = project("runs", "sync", said.json()["run_dir"])
    assert (synced.code, synced.err) == (0, "")
    noted = (Path(said.json()["run_dir"]) / "noted.txt").read_text().splitlines()
    assert noted[-2:] == ["version tiny@1.0.0", "closed finished"]


def test_a_job_gets_the_variables_of_its_trackers(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are set before the user's code is built, and not any more afterwards."""
    install_odd(project, monkeypatch)
    project.write(
        "model.py",
        "import os\nfrom pathlib import Path\nfrom torch import nn\n\n\ndef build():\n"
        f"    Path({str(project.folder / 'seen')!r}).write_text(os.environ['NOTED_RUN'])\n"
        "    return nn.Linear(3, 2)\n",
    )
    project.config(trackers={"noted": {}})
    run = project.train()
    assert (project.folder / "seen").read_text() == run["run_id"]
    assert "NOTED_RUN" not in os.environ


def test_a_tracker_that_is_late_or_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job waits no longer than it has to, and says why it does without; what comes later is set then."""
    monkeypatch.setattr(environment, "LATE_LOOK", 0.001)
    monkeypatch.setenv("NOTED_RUN", "mine")
    folder = TrackedFolder(tmp_path, noted={})
    said: list[str] = []
    with job_environment(folder.run_dir, folder.plan, HOST, said.append, patience=0.0):
        assert os.environ["NOTED_RUN"] == "mine"
        folder.forward()
        until(lambda: os.environ["NOTED_RUN"] == "run")
    assert os.environ["NOTED_RUN"] == "mine"
    assert len(said) == 1
    assert "was not open after 0 seconds" in said[0]
    monkeypatch.setattr(odd.Noted, "open", lambda *arguments: {}["key"])
    (folder.cursors / "noted.environment.json").unlink()
    folder.forward()
    with job_environment(folder.run_dir, folder.plan, HOST, said.append):
        assert os.environ["NOTED_RUN"] == "mine"
    assert "KeyError" in said[1]


def test_two_forwarders_of_a_run(tmp_path: Path) -> None:
    """A second one is not started while the first lives; at the end somebody who waited is told."""
    folder = TrackedFolder(tmp_path, lines={})
    folder.metrics(1.0)
    first = start(folder.run_dir, folder.plan)
    assert first is not None
    assert start(folder.run_dir, folder.plan) is None
    assert settle(folder.run_dir, folder.plan, HOST, None, ended=False, launched=False) == []
    folder.end()
    first.finish(PATIENCE)
    assert not first.is_alive
    assert folder.lines("records.txt")[-1].endswith("status finished")


def test_names_and_arguments_of_trackers(project: Project) -> None:
    """An unknown tracker, and an argument that it does not take, are errors before anything is built."""
    wrong: list[Any] = []
    for trackers, word, near in (
        ({"linez": {}}, "linez", "lines"),
        ({"lines": {"pth": "x"}}, "trackers.lines.pth", "path"),
    ):
        project.config(trackers=trackers)
        said = project("run", "run.yaml")
        if said.code != 2 or word not in said.err or near not in said.err or project.run_folders():
            wrong.append((trackers, said))
    assert wrong == []


KILLED = {
    "the forwarder": (("forwarder",), "interrupted"),
    "the job and the forwarder": (("forwarder", "job"), "failed"),
    "the job and its parent": (("parent", "job"), "failed"),
}


@pytest.mark.slow
@pytest.mark.parametrize("killed", KILLED)
def test_killed_in_the_middle_of_a_run(killed: str, project: Project) -> None:
    """SIGKILL to one process or two: each record arrives once, and the run does not stay open."""
    victims, status = KILLED[killed]
    project.write("data.py", DATA)
    project.config(launcher=None, trackers={"lines": {}}, logging={"every_n_steps": 1})
    with started(project, "run", "run.yaml") as run:
        job = int(run.at_gate())
        (folder,) = project.run_folders()
        pids = {
            "forwarder": int((folder / "logs/trackers/forwarder.lock").read_text()),
            "job": job,
            "parent": run.process.pid,
        }
        forwarder = os.pidfd_open(pids["forwarder"])
        for victim in victims:
            os.kill(pids[victim], signal.SIGKILL)
        if "job" not in victims:
            os.kill(pids["parent"], signal.SIGTERM)
        run.end()
        ended, _, _ = select.select([forwarder], [], [], PATIENCE)
        os.close(forwarder)
        assert ended, "the forwarder goes on for ever"
    assert records(folder)[-1].endswith(f"status {status}"), (run.said, records(folder))
    assert project("runs", "sync", folder).code == (1 if status == "failed" else 0)
    lines = records(folder)
    for stream in ("metrics", "events"):
        assert numbers(lines, stream) == list(range(written(folder, stream)))

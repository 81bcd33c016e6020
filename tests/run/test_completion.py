"""What follows when a job has ended: killed at any point, repeated, twice at once, from a copied folder."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regtrain.host import Host
from regtrain.run.completion import complete
from regtrain.run_dir import RunDir
from regtrain_registry import Registry
from support.cli.projects import Project, make_project

STEPS = ("start_run", "register", "prune", "finish_run", "version_registered", "run_finished")


class Killed(BaseException):
    """The process ends here."""


def ended_job(project: Project, **sections: Any) -> RunDir:
    """A run folder as a compute node without a registry leaves it."""
    project.config(registry={"enabled": False, "retention": {"keep_newest": 1}}, **sections)
    run_dir = RunDir(Path(project.train()["run_dir"]))
    run_dir.completed.unlink()
    return run_dir


def registry_of(folder: Path) -> Registry:
    return Registry(f"sqlite:///{folder / 'registry.db'}", str(folder / "blobs"), create=True)


def at(owner: type, name: str, moment: str) -> Callable[..., Any]:
    """The method, killed before or after it has done its work."""
    method = getattr(owner, name)

    @functools.wraps(method)
    def killed(*arguments: Any, **named: Any) -> Any:
        if moment == "after":
            method(*arguments, **named)
        raise Killed

    return killed


@pytest.mark.slow
def test_killed_at_any_point_and_repeated(project: Project, tmp_path: Path) -> None:
    """Whatever step it is killed before or after, the next call leaves one run, finished, and one version."""
    folder = ended_job(project)
    wrong = []
    for number, (step, moment) in enumerate((step, moment) for step in STEPS for moment in ("before", "after")):
        place = tmp_path / str(number)
        run_dir = RunDir(Path(shutil.copytree(folder.path, place / "run")))
        registry = registry_of(place)
        owner: type = Host if step in ("version_registered", "run_finished") else Registry
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, step, at(owner, step, moment))
            with pytest.raises(Killed):
                complete(run_dir, registry, Host([]))
        results = [complete(run_dir, registry, Host([])) for _ in range(2)]
        runs = [(run.status.value, run.version) for run in registry.runs()]
        versions = [version.version for version in registry.versions("tiny")]
        refs = [result.version and result.version.ref for result in results]
        if (runs, versions, refs) != ([("finished", "1.0.0")], ["1.0.0"], ["tiny@1.0.0"] * 2):
            wrong.append((step, moment, runs, versions, refs))
    assert wrong == []


@pytest.mark.slow
def test_twice_at_once(project: Project, tmp_path: Path) -> None:
    """Several processes that read in one folder at the same time leave one run and one version."""
    ended_job(project)
    project.config()
    trained = Path(project.train()["run_dir"])
    elsewhere = make_project(tmp_path / "elsewhere")
    copied = shutil.copytree(trained, elsewhere.folder / "copied")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "regtrain", "runs", "sync", str(copied), "--json"]
    processes = [
        subprocess.Popen(command, cwd=elsewhere.folder, env=environment, stdout=subprocess.PIPE) for _ in range(3)
    ]
    answers = [json.loads(process.communicate()[0]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert {(a[0]["version"], a[0]["number"], a[0]["status"]) for a in answers} == {("1.0.0", 1, "finished")}
    assert [run["status"] for run in elsewhere.runs()] == ["finished"]
    assert [v["version"] for v in elsewhere("models", "versions", "tiny", "--json").json()] == ["1.0.0"]


def test_plugins_are_notified_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a run in again registers and notifies nothing a second time."""
    heard: list[str] = []
    monkeypatch.setattr(Host, "version_registered", lambda self, version: heard.append(version.version) or [])
    monkeypatch.setattr(Host, "run_finished", lambda self, run: heard.append(run.status) or [])
    result = project.train()
    said = project("runs", "sync", result["run_dir"], "--json")
    assert said.code == 0, said.err
    assert said.json()[0]["version"] == result["version"]
    assert heard == ["1.0.0", "finished"]


def test_a_failed_run_is_read_in_as_failed(project: Project, tmp_path: Path) -> None:
    """Its own error is shown, its exit code is given, and it is recorded as failed."""
    project.write("model.py", "def build():\n    raise ValueError('no such layer')\n")
    failed = project("run", "run.yaml", "--json")
    (folder,) = project.run_folders()
    elsewhere = make_project(tmp_path / "elsewhere")
    copied = shutil.copytree(folder, elsewhere.folder / "copied")
    said = elsewhere("runs", "sync", copied)
    assert said.code == failed.code
    assert "no such layer" in said.err
    assert [run["status"] for run in elsewhere.runs()] == ["failed"]


def test_a_job_that_left_nothing_has_failed(project: Project) -> None:
    """A folder without an outcome and without a submission: the job has ended, and can be resumed."""
    folder = ended_job(project)
    folder.outcome.unlink()
    said = project("runs", "sync", folder.path)
    assert said.code == 1
    assert "left no outcome" in said.err


def test_inputs_stay_until_the_run_has_finished(project: Project) -> None:
    """What a run resumes from lies in its own folder, and goes when it has finished."""
    first = project.train("epochs=1")
    seen: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        from regtrain.run import execution

        before = execution.launch

        def launch(plan: Any, host: Host, run_dir: RunDir) -> Any:
            seen.extend(sorted(path.name for path in (run_dir.inputs / "checkpoints").iterdir()))
            shutil.rmtree(Path(first["run_dir"]))  # nothing outside of the folder is needed any more
            return before(plan, host, run_dir)

        patch.setattr(execution, "launch", launch)
        second = project.train("--resume", first["run_id"], "epochs=2")
    assert seen == ["step-00000002"]
    assert second["epochs"] == 2
    assert not RunDir(Path(second["run_dir"])).inputs.exists()

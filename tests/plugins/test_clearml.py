"""The ClearML tracker: its offline sessions are read back from their zip files."""

from __future__ import annotations

import json
import math
import threading
import zipfile
from pathlib import Path
from typing import Any, ClassVar

import pytest

from regtrain.testing import PluginConformance, TrackerConformance
from regtrain.types import Artifact, RecordBatch, TrackedRun, VersionEvent
from regtrain_plugins.trackers.clearml import ClearML, title_and_series

MODULE = "regtrain_plugins.trackers.clearml"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the package's copy of pyhocon


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for prefix in ("CLEARML", "TRAINS"):
        for name in ("API_HOST", "API_ACCESS_KEY", "CONFIG_FILE", "TASK_ID", "PROC_MASTER_ID", "OFFLINE_MODE"):
            monkeypatch.delenv(f"{prefix}_{name}", raising=False)
    monkeypatch.delenv("CLEARML_CACHE_DIR", raising=False)
    monkeypatch.setenv("CLEARML_CACHE_DIR", str(tmp_path / "run" / "clearml"))
    monkeypatch.setenv("CLEARML_LOG_LEVEL", "ERROR")
    monkeypatch.setenv("CLEARML_SUPPRESS_UPDATE_MESSAGE", "1")
    monkeypatch.setenv("HOME", str(tmp_path))


def sessions(run: TrackedRun) -> list[dict[str, Any]]:
    """Content of each session's zip: the task, and its scalars as (title, series, step, value)."""
    found = []
    for path in sorted(run.run_dir.glob("clearml/offline/*.zip"), key=lambda path: path.stat().st_mtime_ns):
        with zipfile.ZipFile(path) as content:
            task = json.loads(content.read("task.json"))
            lines = content.read("metrics.jsonl").decode().splitlines() if "metrics.jsonl" in content.namelist() else []
            events = [event for line in lines for event in json.loads(line)]
            scalars = [
                (event["metric"], event["variant"], event["iter"], event["value"])
                for event in events
                if event["type"] == "training_stats_scalar"
            ]
            found.append({"task": task, "scalars": scalars, "names": content.namelist()})
    return found


class TestPlugin(PluginConformance):
    module = MODULE
    provides: ClassVar = {"trackers": ["clearml"]}
    without_torch = True


@pytest.mark.slow
class TestConformance(TrackerConformance):
    module = MODULE
    offers = "clearml"
    args: ClassVar = {"offline": True}

    def arrived(self, run: TrackedRun) -> str:
        return json.dumps([{**session, "task": {**session["task"], "script": ""}} for session in sessions(run)])


@pytest.mark.slow
def test_an_offline_session(tmp_path: Path) -> None:
    """Scalars by title and series, parameters, config, artifact, version and status are in the zip."""
    (tmp_path / "run").mkdir()
    config = {"experiment": {"name": "digits"}, "optimizer": {"lr": 0.125}}
    run = TrackedRun("run-1", "digits-7", tmp_path / "run", config)
    (run.run_dir / "requirements.txt").write_text("torch==2.13.0\n")
    tracker = ClearML(offline=True, tags=["small"])
    tracker.open(run, None)
    tracker.send(RecordBatch("metrics", 0, [{"step": 3, "epoch": 1, "train/loss": 0.5, "val/loss": math.nan}]))
    tracker.send(RecordBatch("metrics", 1, [{"step": 4, "epoch": 1, "val/loss": 0.25, "gan/d": 1.0}]))
    (run.run_dir / "table.csv").write_text("a,b\n")
    tracker.artifact(Artifact("val/table", run.run_dir / "table.csv", "table", 3))
    tracker.version(VersionEvent("digits", "1.2.0", 3, "sha256:abcdef", "run-1"))
    tracker.close("failed")
    (session,) = sessions(run)
    assert session["scalars"] == [
        ("loss", "train", 3, 0.5),
        ("epoch", "epoch", 3, 1.0),
        ("loss", "val", 4, 0.25),
        ("gan", "d", 4, 1.0),
        ("epoch", "epoch", 4, 1.0),
    ]
    task = session["task"]
    assert (task["name"], task["project_name"], task["tags"]) == ("digits-7", "digits", ["small"])
    assert task["hyperparams"]["General"]["optimizer/lr"]["value"] == "0.125"
    facts = {name: entry["value"] for name, entry in task["hyperparams"]["regtrain"].items()}
    assert (facts["version"], facts["digest"], facts["status"]) == ("digits@1.2.0", "sha256:abcdef", "failed")
    assert "lr" in task["configuration"]["config"]["value"]
    assert "torch==2.13.0" in task["script"]["requirements"]["pip"].replace(" ", "")
    assert [artifact["key"] for artifact in task["execution"]["artifacts"]] == ["val/table (step 3)"]
    assert any(name.endswith("table.csv") for name in session["names"])


@pytest.mark.slow
def test_it_works_in_a_thread(tmp_path: Path) -> None:
    """A forwarder calls each tracker in a thread of its own, where signals cannot be set."""
    (tmp_path / "run").mkdir()
    run, problems = TrackedRun("run-1", "run", tmp_path / "run", {}), []

    def work() -> None:
        try:
            tracker = ClearML(offline=True)
            tracker.open(run, None)
            tracker.close("finished")
        except BaseException as problem:
            problems.append(problem)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert (problems, len(sessions(run))) == ([], 1)


def test_missing_credentials_are_found_before_the_package_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One error with the remedy, from `open` and from `check`, without the package's search of seconds."""
    monkeypatch.setitem(__import__("sys").modules, "clearml", None)  # importing it raises
    run = TrackedRun("run-1", "run", tmp_path, {})
    for call in (lambda: ClearML().open(run, None), ClearML().check):
        with pytest.raises(RuntimeError, match="no credentials: run `clearml-init`"):
            call()
    assert "offline" in ClearML(offline=True).check()
    monkeypatch.setenv("CLEARML_CONFIG_FILE", str(tmp_path / "missing.conf"))
    with pytest.raises(RuntimeError, match="no credentials"):
        ClearML().check()


def test_a_task_of_the_user_is_known_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable of a task that ClearML itself runs, or the one by which ClearML tells the processes that a script starts."""
    found = []
    for name, value in (("CLEARML_TASK_ID", "abc"), ("TRAINS_TASK_ID", "old"), ("CLEARML_PROC_MASTER_ID", "17:def")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            found.append((ClearML()._given, ClearML(offline=True)._given))
    assert found == [("abc", None), ("old", None), ("def", None)]
    assert ClearML()._given is None


def test_titles_and_series() -> None:
    """Training and validation share a plot."""
    names = ("train/loss", "val/loss", "system/cpu", "gan/d/loss", "lr")
    assert [title_and_series(name) for name in names] == [
        ("loss", "train"),
        ("loss", "val"),
        ("cpu", "system"),
        ("gan", "d/loss"),
        ("lr", "lr"),
    ]

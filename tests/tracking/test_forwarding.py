"""Trackers read the run folder: what is missing is sent later, each record once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from regtrain.host import Host
from regtrain.run_dir import RunDir
from regtrain.run_dir.records import RecordWriter, read_records
from regtrain.tracking import forward_all
from regtrain.types import RecordBatch, TrackedRun
from regtrain_plugins.trackers.lines import Lines
from support.cli.projects import Project


def logged(project: Project, *argv: str) -> tuple[RunDir, list[str]]:
    """A finished run with the tracker of lines switched on, and the lines that it got."""
    project.config(trackers={"lines": {}}, logging={"every_n_steps": 1})
    run_dir = RunDir(Path(project.train(*argv)["run_dir"]))
    return run_dir, (run_dir.path / "records.txt").read_text().splitlines()


def test_a_run_arrives_whole(project: Project) -> None:
    """Every record of both files, then the version, then the status."""
    run_dir, lines = logged(project)
    logs = run_dir.logs(run_dir.read_plan().config)
    counts = {name: len(list(read_records(logs / f"{name}.jsonl"))) for name in ("metrics", "events")}
    assert counts["metrics"] >= 4
    for name, count in counts.items():
        numbers = [int(line.split()[2]) for line in lines if line.split()[1] == name]
        assert numbers == list(range(count))
    assert [line.split()[1] for line in lines][-2:] == ["version", "status"]
    assert "tiny@1.0.0 digest=" in lines[-2]


def test_what_was_sent_is_not_sent_again(project: Project) -> None:
    """Reading the run in again sends what is new only."""
    run_dir, lines = logged(project)
    with_more = RecordWriter(run_dir.path / "logs" / "metrics.jsonl")
    with_more.write({"step": 99, "epoch": 9, "time": 0.0, "train/loss": 0.25})
    with_more.close()
    said = project("runs", "sync", run_dir.path)
    assert said.code == 0, said.err
    after = (run_dir.path / "records.txt").read_text().splitlines()
    new = [line for line in after[len(lines) :] if "metrics" in line]
    assert after[: len(lines)] == lines
    assert len(new) == 1
    assert "train/loss=0.25" in new[0]
    assert sum(" version " in line for line in after) == 1


def test_a_lost_cursor_loses_and_repeats_nothing(project: Project) -> None:
    """A damaged cursor file means that all is offered again; the tracker leaves out what it has."""
    run_dir, lines = logged(project)
    (run_dir.path / "logs" / "trackers" / "lines.json").write_text('{"metrics": {"off')
    assert project("runs", "sync", run_dir.path).code == 0
    after = (run_dir.path / "records.txt").read_text().splitlines()
    assert [line for line in after if " metrics " in line] == [line for line in lines if " metrics " in line]


FAULTS: Mapping[str, BaseException] = {
    "an error": RuntimeError("connection refused"),
    "an exit": SystemExit(3),
    "a closed generator": GeneratorExit(),
}


@pytest.mark.parametrize("method", ["open", "send", "version", "close"])
def test_a_tracker_that_fails_spoils_nothing(project: Project, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is registered, one warning names the tracker, and what is missing is sent by the next call."""
    wrong = []
    for name, fault in FAULTS.items():
        with monkeypatch.context() as patch:

            def failing(*arguments: Any, fault: BaseException = fault) -> None:
                raise fault

            patch.setattr(Lines, method, failing)
            project.config(trackers={"lines": {}})
            said = project("run", "run.yaml", "--json")
        warnings = [line for line in said.err.splitlines() if "tracker 'lines'" in line]
        run_dir = RunDir(Path(said.json()["run_dir"])) if said.code == 0 else None
        if run_dir is None or said.json()["version"] is None or len(warnings) != 1:
            wrong.append((name, said))
            continue
        synced = project("runs", "sync", run_dir.path)
        lines = (run_dir.path / "records.txt").read_text().splitlines()
        if synced.code or "tracker" in synced.err or sum(" version " in line for line in lines) != 1:
            wrong.append((name, synced))
    assert wrong == []


def test_no_secret_reaches_a_tracker(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The config that a tracker is given has stars in place of passwords and tokens."""
    seen: list[TrackedRun] = []
    monkeypatch.setattr(Lines, "open", lambda self, run, remote_id: seen.append(run))
    monkeypatch.setattr(Lines, "send", lambda self, batch: None)
    monkeypatch.setattr(Lines, "version", lambda self, version: None)
    monkeypatch.setattr(Lines, "close", lambda self, status: None)
    project.config(trackers={"lines": {"path": "x.txt"}}, launcher={"name": "here"})
    project.train(
        "trackers.lines.path=https://me:hunter2@host/x", "trackers.other={enabled: false, api_token: hunter2}"
    )
    assert "hunter2" not in str(seen[0].config)
    assert seen[0].config["trackers"]["other"]["args"]["api_token"] == "***"


def test_a_tracker_of_a_run_that_goes_on(tmp_path: Path) -> None:
    """Records that come while a run goes on are appended by the next call, under the same remote id."""
    run = TrackedRun("run-1", "run", tmp_path, {})
    remote = None
    for first in range(3):
        tracker = Lines()
        remote = tracker.open(run, remote)
        tracker.send(RecordBatch("metrics", first, [{"step": first}]))
        tracker.close(None)
    assert (tmp_path / "records.txt").read_text().splitlines() == [f"run-1 metrics {n} step={n}" for n in range(3)]


def test_trackers_are_asked_for_by_the_config_only(project: Project) -> None:
    """Without a tracker in the config nothing is forwarded, and no folder of cursors is made."""
    run_dir = RunDir(Path(project.train()["run_dir"]))
    assert forward_all(run_dir, run_dir.read_plan(), Host([]), "finished") == []
    assert not (run_dir.path / "logs" / "trackers").exists()

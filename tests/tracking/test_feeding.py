"""Each tracker gets every record once, whatever another tracker, its service or a cursor file does."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from regtrain.tracking import cursors, feeder, forwarder, settle
from regtrain.types import RecordBatch, TrackedRun
from regtrain_plugins.trackers.lines import Lines
from support.tracking import odd
from support.tracking.runs import HOST, SECRET, TrackedFolder, until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeder, "INTERVAL", 0.01)
    monkeypatch.setattr(feeder, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(forwarder, "LOOK", 0.01)
    monkeypatch.setattr(odd.Failing, "left", None)


def problems(folder: TrackedFolder) -> dict[str, str]:
    """Tracker → why it is behind, as the end of the run says it."""
    names = cursors.enabled(folder.plan)
    found = {name: cursors.read(cursors.file_of(folder.run_dir, folder.plan, name)).problem for name in names}
    return {name: problem for name, problem in found.items() if problem}


def test_what_is_written_while_the_run_goes_on(tmp_path: Path) -> None:
    """Records arrive while the run goes on; at its end the rest, the version and the status."""
    folder = TrackedFolder(tmp_path, noted={})
    folder.metrics(1.0)

    def wait() -> str | None:
        until(lambda: "metrics 0" in folder.lines())
        folder.metrics(0.5, 0.25)
        folder.end()
        registered = {"model": "m", "version": "1.0.0", "number": 1, "digest": "sha256:a", "run_id": "r"}
        folder.run_dir.completed.write_text(json.dumps({"status": "finished", "registered": registered}))
        return "failed"

    folder.forward(wait)
    assert folder.lines() == ["metrics 0", "metrics 1", "metrics 2", "version m@1.0.0", "closed finished"]
    folder.forward()
    assert folder.lines()[-2:] == ["closed finished"] * 2, "only closed again"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no priority of its own")
def test_an_open_tracker_gives_way_to_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It opens with the priority of the process, for which the job may be waiting, and sends with the lowest."""
    seen: dict[str, int] = {}

    def noted(name: str) -> Any:
        right = getattr(odd.Noted, name)

        def call(self: odd.Noted, *facts: Any) -> Any:
            seen[name] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            return right(self, *facts)

        return call

    for name in ("open", "send"):
        monkeypatch.setattr(odd.Noted, name, noted(name))
    folder = TrackedFolder(tmp_path, noted={})
    folder.metrics(1.0)
    folder.forward()
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert seen == {"open": own, "send": feeder.LOWEST}


def test_no_secret_reaches_a_tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The config that it is given has stars in place of tokens; what it raises is kept without passwords."""
    seen: list[TrackedRun] = []

    def opened(self: object, run: TrackedRun, remote_id: str | None) -> str | None:
        seen.append(run)
        raise ConnectionError(f"no answer from https://me:{SECRET}@host/x")

    monkeypatch.setattr(odd.Noted, "open", opened)
    folder = TrackedFolder(tmp_path, noted={})
    folder.forward()
    assert seen[0].config["trackers"]["unused"]["args"]["api_token"] == "***"
    assert problems(folder) == {"noted": "ConnectionError: no answer from https://me:***@host/x"}


def test_a_run_without_an_outcome_has_failed(tmp_path: Path) -> None:
    """A job that was killed leaves no run that goes on for ever."""
    folder = TrackedFolder(tmp_path, noted={})
    folder.forward(lambda: "failed")
    assert folder.lines() == ["closed failed"]


@pytest.mark.parametrize("method", ["open", "send", "artifact", "version", "close"])
def test_a_tracker_that_raises(method: str, tmp_path: Path) -> None:
    """Whatever it raises, it is tried again until it works, and another one is served meanwhile."""
    wrong = []
    for number, fault in enumerate(odd.FAULTS):
        (tmp_path / str(number)).mkdir()
        odd.Failing.left = None
        folder = TrackedFolder(
            tmp_path / str(number), noted={}, failing={"fault": fault, "method": method, "artifacts": True}
        )
        folder.metrics(1.0, 0.5)
        folder.end()
        registered = {"model": "m", "version": "1.0.0", "number": 1, "digest": "sha256:a", "run_id": "r"}
        folder.run_dir.completed.write_text(json.dumps({"status": "finished", "registered": registered}))
        folder.forward()
        behind = problems(folder)
        odd.Failing.left = 0
        folder.forward()
        taken = [line for line in folder.lines("failing.txt") if "metrics" in line]
        complete = set(taken) == {"metrics 0", "metrics 1"} and folder.lines("failing.txt")[-1] == "closed finished"
        if list(behind) != ["failing"] or problems(folder) or not complete or folder.lines()[-1] != "closed finished":
            wrong.append((fault, behind, problems(folder), folder.lines("failing.txt"), folder.lines()))
    assert wrong == []


def test_an_outage_in_the_middle_of_a_run(tmp_path: Path) -> None:
    """A service that fails for a while is tried again, and has each record in the end."""
    folder = TrackedFolder(tmp_path, failing={"times": 5})
    folder.metrics(1.0, 0.5)

    def wait() -> str | None:
        until(lambda: "metrics 1" in folder.lines("failing.txt"))
        folder.end()
        return None

    folder.forward(wait)
    metrics = [line for line in folder.lines("failing.txt") if line.startswith("metrics")]
    assert metrics == ["metrics 0", "metrics 1"]
    assert problems(folder) == {}


def test_one_that_hangs_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are served to the end; the one that hangs is left behind, and said to be."""
    monkeypatch.setenv("REGTRAIN_TRACKER_SECONDS", "0.05")
    odd.RELEASED.clear()
    folder = TrackedFolder(tmp_path, hanging={"file": "hanging.txt"}, noted={})
    folder.metrics(1.0)
    folder.end()
    try:
        folder.forward()
        assert folder.lines() == ["metrics 0", "closed finished"]
        done = cursors.read(folder.cursors / "hanging.json")
        assert (done.metrics.line, done.status) == (0, None)
    finally:
        odd.RELEASED.set()
        for thread in threading.enumerate():
            if thread.name.startswith("tracker "):
                thread.join()


def test_a_tracker_that_is_added_later(tmp_path: Path) -> None:
    """It gets everything from the beginning; the one that was there gets nothing twice."""
    folder = TrackedFolder(tmp_path, noted={})
    folder.metrics(1.0)
    folder.forward()
    folder.track(noted={}, lines={})
    folder.metrics(0.5)
    folder.end()
    folder.forward()
    assert [line for line in folder.lines() if "metrics" in line] == ["metrics 0", "metrics 1"]
    assert [line.split()[1:3] for line in folder.lines("records.txt")[:2]] == [["metrics", "0"], ["metrics", "1"]]


def test_a_lost_cursor_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """A damaged cursor file means that all is offered again; the tracker leaves out what it has."""
    folder = TrackedFolder(tmp_path, lines={})
    folder.metrics(1.0, 0.5)
    folder.end()
    folder.forward()
    before = folder.lines("records.txt")
    for content in ('{"metrics": {"off', "[]", '{"format": 9}', ""):
        (folder.cursors / "lines.json").write_text(content)
        assert cursors.damaged(folder.cursors / "lines.json"), content
        folder.forward()
        metrics = [line for line in folder.lines("records.txt") if " metrics " in line]
        assert metrics == [line for line in before if " metrics " in line], content


def test_half_a_line_is_no_record(tmp_path: Path) -> None:
    """A process that was killed while it wrote leaves half a line: nothing is missing for ever."""
    folder = TrackedFolder(tmp_path, noted={})
    folder.metrics(1.0)
    with (folder.logs / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2, "ep')
    folder.end()
    folder.forward()
    assert settle(folder.run_dir, folder.plan, HOST, None, ended=True, launched=False) == []


def test_a_package_that_is_missing(tmp_path: Path) -> None:
    """It is not tried again; the warning has the command that installs it, and others are served."""
    folder = TrackedFolder(tmp_path, absent={}, noted={})
    folder.end()
    folder.forward()
    assert list(problems(folder)) == ["absent"]
    assert "pip install 'no-such-package>=1'" in problems(folder)["absent"]
    assert folder.lines() == ["closed finished"]


def test_artifacts_are_files_of_the_run(tmp_path: Path) -> None:
    """What user code logged is offered; a record that names a file elsewhere, as in a folder from elsewhere, is not."""
    (tmp_path / "secret.txt").write_text("secret")
    folder = TrackedFolder(tmp_path, noted={})
    (folder.run_dir.path / "media").mkdir()
    (folder.run_dir.path / "media/roc.csv").write_text("a,b\n")
    (folder.run_dir.path / "media/link.csv").symlink_to(tmp_path / "secret.txt")
    inside = {"event": "artifact", "name": "roc", "kind": "table", "step": 3, "path": "media/roc.csv"}
    paths = ["../secret.txt", str(tmp_path / "secret.txt"), "media/link.csv", "media", "", "\0", "x" * 9000]
    folder.events(inside, *({**inside, "path": path} for path in paths), {**inside, "kind": "pickle"})
    folder.end()
    folder.forward()
    assert [line for line in folder.lines() if "artifact" in line] == ["artifact table roc 3 roc.csv"]


def test_artifacts_at_the_end_of_the_run(tmp_path: Path) -> None:
    """On request config, log and environment are sent, once, and never the file with the secrets."""
    folder = TrackedFolder(tmp_path, noted={"artifacts": True})
    folder.run_dir.path.joinpath("config.public.yaml").write_text("token: '***'\n")
    folder.end()
    folder.forward()
    folder.forward()
    sent = [line.split()[-1] for line in folder.lines() if "artifact" in line]
    assert sent == ["config.public.yaml", "metadata.json", "requirements.txt"]


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

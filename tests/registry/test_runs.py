"""Recording runs, and telling which of them still run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from regtrain_registry import Registry, RunStart, RunStatus, process_identity
from regtrain_registry.errors import RunExistsError, RunNotFoundError
from regtrain_registry.processes import ProcessIdentity, is_gone


def own(run_id: str, name: str = "digits", run_dir: str = "/runs/x") -> RunStart:
    me = process_identity()
    return RunStart(run_id, name, run_dir, {"a": 1}, {"m": "1"}, {"gpu": None}, me.host, me.pid, me.started, me.boot_id)


def test_a_run_is_recorded_from_start_to_end(registry: Registry) -> None:
    """Running while it runs, then its outcome; the JSON has the promised fields."""
    registry.start_run(own("20261120-a1"))
    running = registry.run("20261120-a1")
    assert (running.status, running.finished_at, running.config) == (RunStatus.RUNNING, None, {"a": 1})
    registry.finish_run(
        "20261120-a1",
        "finished",
        metrics={"val/loss": 0.5},
        steps=10,
        epochs=2,
        best={"step": 5},
        data={"train": "d"},
        seconds=1.5,
    )
    shown = registry.run("20261120-a1").to_json()
    assert shown["finished_at"] >= shown["started_at"]
    expected = {
        "run_id": "20261120-a1",
        "name": "digits",
        "status": "finished",
        "run_dir": "/runs/x",
        "metrics": {"val/loss": 0.5},
    }
    expected |= {
        "steps": 10,
        "epochs": 2,
        "model": None,
        "version": None,
        "best": {"step": 5},
        "seconds": 1.5,
        "error": None,
    }
    assert expected.items() <= shown.items()
    assert shown["data"] == {"train": "d"}
    assert "config" not in registry.runs()[0].to_json()


def test_a_run_is_found_by_id_prefix_name_and_folder(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An id before a folder, a folder before a name, a name before the beginning of an id."""
    registry.start_run(own("aa-1", "digits", str(tmp_path / "one")))
    registry.start_run(own("aa-2", "digits", str(tmp_path / "two")))
    registry.start_run(own("bb_1", "other", "/runs/bb"))
    monkeypatch.chdir(tmp_path)
    for ref, found in [
        ("aa-1", "aa-1"),
        ("digits", "aa-2"),
        ("b", "bb_1"),
        ("bb_", "bb_1"),
        ("one", "aa-1"),
        (str(tmp_path / "two"), "aa-2"),
    ]:
        assert registry.run(ref).run_id == found
    with pytest.raises(RunNotFoundError) as several:
        registry.run("aa")
    assert "aa-1, aa-2" in several.value.hint
    for ref in ("digit", "a_", "%", ""):
        with pytest.raises(RunNotFoundError):
            registry.run(ref)


def test_an_id_is_recorded_once(registry: Registry) -> None:
    """A second run by the same id is a conflict; an unknown one cannot finish."""
    registry.start_run(own("r"))
    with pytest.raises(RunExistsError):
        registry.start_run(own("r"))
    with pytest.raises(RunNotFoundError, match="nobody"):
        registry.finish_run("nobody", "finished")
    with pytest.raises(RunNotFoundError):
        registry.update_run("nobody", pid=1)
    with pytest.raises(ValueError, match="lost"):
        registry.finish_run("r", "lost")  # type: ignore[arg-type]


def test_runs_are_listed_newest_first(registry: Registry) -> None:
    """With a limit, and by status."""
    for number in range(4):
        registry.start_run(own(f"r{number}"))
    registry.finish_run("r1", "failed", error="boom")
    assert [run.run_id for run in registry.runs()] == ["r3", "r2", "r1", "r0"]
    assert [run.run_id for run in registry.runs(limit=2)] == ["r3", "r2"]
    assert [run.error for run in registry.runs(status="failed")] == ["boom"]
    assert [run.run_id for run in registry.runs(limit=1, status="running")] == ["r3"]


def test_a_run_whose_process_ended_is_lost(registry: Registry) -> None:
    """Killed without a word: shown as lost, not written back; finished runs stay finished."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = process_identity(child.pid)
    for run_id in ("r1", "r2"):
        registry.start_run(RunStart(run_id, "x", "/x"))
        registry.update_run(
            run_id, pid=child.pid, pid_started=identity.started, host=identity.host, boot_id=identity.boot_id
        )
    assert [run.status for run in registry.runs()] == [RunStatus.RUNNING, RunStatus.RUNNING]
    child.kill()
    child.communicate()
    assert registry.run("r1").status is RunStatus.LOST
    assert [run.run_id for run in registry.runs(status="lost", limit=1)] == ["r2"]
    assert registry.runs(status="running") == []
    registry.finish_run("r1", "finished")
    assert registry.run("r1").status is RunStatus.FINISHED


def test_who_is_gone() -> None:
    """Another start time or boot is another process; of another host nothing is known."""
    me = process_identity()
    assert not is_gone(me)
    assert not is_gone(ProcessIdentity("elsewhere", 2**22 + 1, 1.0, "boot"))
    assert not is_gone(ProcessIdentity(me.host, None, None, None))
    assert not is_gone(ProcessIdentity(me.host, me.pid, None, None))
    assert is_gone(ProcessIdentity(me.host, 2**22 + 1, 1.0, me.boot_id))
    assert is_gone(ProcessIdentity(me.host, 10**30, None, None))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system has no /proc")
def test_a_number_used_again_is_another_process() -> None:
    """The start time tells a new process with the old number, the boot id one after a reboot."""
    me = process_identity()
    assert me.started is not None
    assert is_gone(ProcessIdentity(me.host, me.pid, me.started - 1, me.boot_id))
    assert is_gone(ProcessIdentity(me.host, me.pid, me.started, "another boot"))
    assert me.pid == os.getpid()

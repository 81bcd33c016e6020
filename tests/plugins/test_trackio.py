"""The trackio tracker: read back by trackio's own API."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from regtrain.testing import PluginConformance, TrackerConformance
from regtrain.types import Artifact, RecordBatch, TrackedRun, VersionEvent
from regtrain_plugins.trackers.trackio import Trackio

MODULE = "regtrain_plugins.trackers.trackio"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """trackio's files for one test: the package looks up its folder once, when it is imported."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("TRACKIO_DIR", raising=False)
    import trackio  # noqa: F401
    from trackio import cas, sqlite_storage, utils

    place = tmp_path / "trackio"
    place.mkdir()
    monkeypatch.setattr(sqlite_storage, "TRACKIO_DIR", place)
    for module in (cas, sqlite_storage, utils):
        for name in ("ARTIFACTS_DIR", "MEDIA_DIR"):
            monkeypatch.setattr(module, name, place / name.lower(), raising=False)
    return place


class TestPlugin(PluginConformance):
    module = MODULE
    provides: ClassVar = {"trackers": ["trackio"]}
    without_torch = True


def stored(project: str) -> list[tuple[Any, list[dict[str, Any]]]]:
    """Each run of a project with its logs."""
    from trackio import Api
    from trackio.sqlite_storage import SQLiteStorage

    runs = Api().runs(project)
    return [(run, SQLiteStorage.get_logs(project, run.name, run_id=run.id)) for run in runs]


@pytest.mark.usefixtures("folder")
class TestConformance(TrackerConformance):
    module = MODULE
    offers = "trackio"

    def arrived(self, run: TrackedRun) -> str:
        from trackio.sqlite_storage import SQLiteStorage

        artifacts = [item["name"] for item in SQLiteStorage.get_artifacts("regtrain")]
        return str([(run.name, run.config, logs) for run, logs in stored("regtrain")]) + str(artifacts)


def test_a_run(tmp_path: Path, folder: Path) -> None:
    """Curves with step, epoch and time, each point once, config, artifact, version and status."""
    run = TrackedRun("run-1", "digits-7", tmp_path, {"experiment": {"name": "my digits"}, "optimizer": {"lr": 0.125}})
    tracker = Trackio(group="sweep")
    assert tracker.open(run, None) == "run-1"
    records = [{"step": n, "epoch": 2, "time": 1e9 + n, "train/loss": 1 / n} for n in (3, 4, 2)]
    tracker.send(RecordBatch("metrics", 0, records))
    tracker.send(RecordBatch("metrics", 1, records[1:]))
    (tmp_path / "table.csv").write_text("a,b\n")
    for _ in range(2):
        tracker.artifact(Artifact("val/table", tmp_path / "table.csv", "table", 3))
    tracker.version(VersionEvent("digits", "1.2.0", 3, "sha256:abcdef", "run-1"))
    tracker.close("failed")
    ((found, logs),) = stored("my-digits")
    assert (found.name, found.id) == ("digits-7", "run-1")
    assert sorted((log["step"], log["train/loss"], log["epoch"]) for log in logs) == [(n, 1 / n, 2) for n in (2, 3, 4)]
    assert "2001-09-09T01:46:43" in str(logs)
    config = found.config
    assert (config["optimizer"]["lr"], config["_Group"], config["status"]) == (0.125, "sweep", "failed")
    assert config["registered"]["digest"] == "sha256:abcdef"
    from trackio.sqlite_storage import SQLiteStorage

    (artifact,) = SQLiteStorage.get_artifacts("my-digits")
    assert artifact["name"] == "val_table"


def test_a_damaged_file(tmp_path: Path, folder: Path) -> None:
    """It is one clear error, and the file is left as it is."""
    (folder / "regtrain.db").write_bytes(b"not a database at all")
    with pytest.raises(RuntimeError, match="is no SQLite database"):
        Trackio().open(TrackedRun("run-1", "run", tmp_path, {}), None)
    with pytest.raises(RuntimeError, match="is no SQLite database"):
        Trackio().check()
    assert (folder / "regtrain.db").read_bytes() == b"not a database at all"
    assert Trackio("other").check() == f"trackio in {folder}"

"""The MLflow tracker, against MLflow's own database store and a real server."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from regtrain.testing import PluginConformance, TrackerConformance
from regtrain.types import Artifact, RecordBatch, TrackedRun, VersionEvent
from regtrain_plugins.trackers.mlflow import MLflow
from support.services.mlflow import MLflowServer, as_text, blank_database, curve, mlflow_server, quiet_mlflow

__all__ = ["blank_database", "mlflow_server", "quiet_mlflow"]

MODULE = "regtrain_plugins.trackers.mlflow"
CONFIG: Mapping[str, Any] = {
    "experiment": {"name": "digits", "seed": None},
    "optimizer": {"lr": 0.1, "groups": {"*.bias": {"lr": 0.2}}, "text": "x" * 7000},
    "registry": {"uri": "sqlite:///r.db"},
    **{f"key{number}": number for number in range(150)},
}


class TestPlugin(PluginConformance):
    module = MODULE
    provides: ClassVar = {"trackers": ["mlflow"]}
    without_torch = True


@pytest.mark.slow
@pytest.mark.usefixtures("quiet_mlflow")
class TestConformance(TrackerConformance):
    module = MODULE
    offers = "mlflow"

    @pytest.fixture(autouse=True)
    def _database(self, tmp_path: Path, blank_database: Path) -> None:
        shutil.copy(blank_database, tmp_path / "mlflow.db")

    def arrived(self, run: TrackedRun) -> str:
        return as_text(client(run.run_dir.parent / "mlflow.db"), run.run_dir.parent)


def client(place: Path | str) -> Any:
    from mlflow import MlflowClient

    uri = f"sqlite:///{place}" if isinstance(place, Path) else place
    return MlflowClient(uri, uri)


def made_run(folder: Path, run_id: str = "run-1") -> TrackedRun:
    (folder / run_id).mkdir()
    (folder / run_id / "metadata.json").write_text(
        '{"code": {"git_commit": "0123abc"}, "started_at": "2026-01-02T03:04:05+00:00"}'
    )
    return TrackedRun(run_id, "digits-7", folder / run_id, CONFIG)


def records(first: int, count: int) -> RecordBatch:
    return RecordBatch(
        "metrics",
        first,
        [
            {"step": n, "epoch": n // 10, "time": 1.7e9 + n / 8, "train/loss": 1 / (n + 1), "val/f1@5": math.nan}
            for n in range(first, first + count)
        ],
    )


def expected(count: int) -> list[tuple[int, float, int]]:
    return [(n, 1 / (n + 1), int((1.7e9 + n / 8) * 1000)) for n in range(count)]


@pytest.mark.slow
@pytest.mark.usefixtures("quiet_mlflow")
def test_a_run_in_a_database(tmp_path: Path, blank_database: Path) -> None:
    """Parameters within MLflow's limits, config, tags, curves, artifacts, version and status, each once."""
    shutil.copy(blank_database, tmp_path / "mlflow.db")
    run = made_run(tmp_path)
    tracker = MLflow(tags={"team": "vision"}, register=True)
    remote = tracker.open(run, None)
    assert remote is not None
    assert MLflow().open(run, None) == remote, "the run of a lost cursor is found again"
    assert tracker.environment()["MLFLOW_RUN_ID"] == remote
    tracker.send(records(0, 700))
    (run.run_dir / "confusion-3.png").write_bytes(b"png")
    tracker.artifact(Artifact("val/confusion", run.run_dir / "confusion-3.png", "figure", 3))
    tracker.send(RecordBatch("events", 0, [{"time": 1.7e9 + 99, "event": "finished", "step": 700}]))
    for _ in range(2):
        tracker.version(VersionEvent("digits", "1.2.0", 3, "sha256:abc", "run-1"))
    tracker.close("finished")
    found = (reader := client(tmp_path / "mlflow.db")).get_run(remote)
    assert (found.info.status, found.info.start_time, found.info.end_time) == (
        "FINISHED",
        1767323045000,
        1700000099000,
    )
    assert found.info.run_name == "digits-7"
    assert reader.get_experiment(found.info.experiment_id).name == "digits"
    assert found.data.params["optimizer.lr"] == "0.1"
    assert found.data.params["optimizer.groups._.bias.lr"] == "0.2"
    assert (len(found.data.params), len(found.data.params["optimizer.text"])) == (155, 6000)
    tags = found.data.tags
    assert (tags["team"], tags["mlflow.source.git.commit"], tags["regtrain.run_id"]) == ("vision", "0123abc", "run-1")
    assert (tags["regtrain.version"], tags["regtrain.version.digest"]) == ("digits@1.2.0", "sha256:abc")
    assert tags["regtrain.version.link"] == "sqlite:///r.db#digits@1.2.0"
    assert curve(reader, remote, "train/loss") == expected(700)
    assert len(curve(reader, remote, "val/f1_5")) == 700
    assert [point[1] for point in curve(reader, remote, "epoch")] == [float(n // 10) for n in range(700)]
    assert [file.path for file in reader.list_artifacts(remote)] == ["config.json", "figures", "version"]
    assert reader.list_artifacts(remote, "figures/val/confusion")[0].path.endswith("confusion-3.png")
    (version,) = reader.search_model_versions("name = 'digits'")
    assert (version.version, version.run_id, version.tags["regtrain.version.number"]) == (1, remote, "3")
    assert version.description == "sqlite:///r.db#digits@1.2.0"


@pytest.mark.slow
@pytest.mark.usefixtures("quiet_mlflow")
def test_how_runs_end(tmp_path: Path, blank_database: Path) -> None:
    """A run that failed or was killed is shown as that, one that goes on as running."""
    shutil.copy(blank_database, tmp_path / "mlflow.db")
    shown = {}
    for status in ("finished", "failed", "interrupted", "pruned", "lost", None):
        tracker = MLflow()
        remote = tracker.open(made_run(tmp_path, f"run-{status}"), None)
        tracker.close(status)
        shown[status] = client(tmp_path / "mlflow.db").get_run(remote).info.status
    ended = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED", "pruned": "KILLED", "lost": "FAILED"}
    assert shown == {**ended, None: "RUNNING"}


@pytest.mark.slow
@pytest.mark.usefixtures("quiet_mlflow")
def test_a_server_that_is_stopped_and_started(tmp_path: Path, mlflow_server: MLflowServer) -> None:
    """Batches that were refused or whose answer was lost are sent again, and the curve is the same point by point."""
    run, tracker = made_run(tmp_path), MLflow(mlflow_server.uri, register=True)
    remote = tracker.open(run, None)
    assert remote is not None
    tracker.send(records(0, 400))
    mlflow_server.stop()
    with pytest.raises(Exception, match=r"Max retries|Connection"):
        tracker.send(records(400, 200))
    with pytest.raises(RuntimeError, match="cannot be reached"):
        MLflow(mlflow_server.uri).check()
    mlflow_server.start()
    tracker.send(records(300, 300))  # also what had arrived, as after a lost answer
    (run.run_dir / "table.csv").write_text("a,b\n")
    tracker.artifact(Artifact("table", run.run_dir / "table.csv", "table"))
    tracker.version(VersionEvent("digits", "1.0.0", 1, "sha256:abc", "run-1"))
    tracker.close(None)
    again = MLflow(mlflow_server.uri)
    assert again.open(run, remote) == remote
    again.send(records(600, 1))
    again.close("failed")
    reader = client(mlflow_server.uri)
    assert curve(reader, remote, "train/loss") == expected(601)
    assert len(curve(reader, remote, "val/f1_5")) == 601
    assert reader.get_run(remote).info.status == "FAILED"
    assert {file.path for file in reader.list_artifacts(remote)} == {"config.json", "tables", "version"}
    assert reader.get_model_version("digits", "1").run_id == remote
    assert MLflow(mlflow_server.uri).check() == f"{mlflow_server.uri} reachable"


@pytest.mark.slow
@pytest.mark.usefixtures("quiet_mlflow")
def test_the_users_own_code_logs_to_the_same_run(
    tmp_path: Path, blank_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mlflow.log_metric` in the job finds the run by the variables, and the status is ours in the end."""
    shutil.copy(blank_database, tmp_path / "mlflow.db")
    tracker = MLflow()
    remote = tracker.open(made_run(tmp_path), None)
    for name, value in tracker.environment().items():
        monkeypatch.setenv(name, value)
    import mlflow

    mlflow.log_metric("mine", 0.5, step=3)
    mlflow.end_run()
    mlflow.set_tracking_uri("")
    tracker.close("failed")
    found = client(tmp_path / "mlflow.db").get_run(remote)
    assert (found.data.metrics["mine"], found.info.status) == (0.5, "FAILED")


def test_files_that_are_no_database(tmp_path: Path) -> None:
    """A damaged database is one clear error at once, from `open` and from `check`, and a missing one is none."""
    bad = tmp_path / "bad.db"
    wrong = []
    for content in (b"not a database, but more than sixteen bytes", b"SQLite format 3\x00" + b"\xff" * 5000):
        bad.write_bytes(content)
        for call in (MLflow(f"sqlite:///{bad}").check, lambda: MLflow(f"sqlite:///{bad}").open(RUN, None)):
            try:
                wrong.append(call())
            except RuntimeError as problem:
                if "bad.db is" not in str(problem) or "\n" in str(problem):
                    wrong.append(str(problem))
    assert wrong == []
    assert MLflow(f"sqlite:///{tmp_path / 'new' / 'm.db'}").check().endswith("m.db reachable")
    assert MLflow().check() == "mlflow.db beside the run folders, which needs no server"
    assert not (tmp_path / "new").exists()
    with pytest.raises(RuntimeError, match=r"m\.db cannot be"):
        MLflow(f"sqlite:///{bad}/m.db").check()


RUN = TrackedRun("run-1", "run", Path("/nonexistent"), {})


@pytest.mark.slow
@pytest.mark.usefixtures("quiet_mlflow")
def test_a_run_or_experiment_that_was_deleted(tmp_path: Path, blank_database: Path) -> None:
    """The remedy is named, and nothing is made anew in its place."""
    shutil.copy(blank_database, tmp_path / "mlflow.db")
    run, reader = made_run(tmp_path), client(tmp_path / "mlflow.db")
    remote = MLflow().open(run, None)
    reader.delete_run(remote)
    with pytest.raises(RuntimeError, match="restore it there"):
        MLflow().open(run, remote)
    reader.delete_experiment(reader.get_experiment_by_name("digits").experiment_id)
    with pytest.raises(RuntimeError, match="restore it there, or name another one"):
        MLflow().open(made_run(tmp_path, "run-2"), None)

"""MLflow for tests: blank databases by copy, and a server that can be stopped and started."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

__all__ = ["MLflowServer", "as_text", "blank_database", "curve", "mlflow_server", "quiet_mlflow"]


@pytest.fixture
def quiet_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that the tracker sets for its own process are those of before after the test."""
    for name in ("HTTP_REQUEST_MAX_RETRIES", "HTTP_REQUEST_BACKOFF_FACTOR", "HTTP_REQUEST_TIMEOUT", "TRACKING_TOKEN"):
        monkeypatch.setenv(f"MLFLOW_{name}", "1")
        monkeypatch.delenv(f"MLFLOW_{name}")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    monkeypatch.setenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the package's own imports
        import mlflow  # noqa: F401


@pytest.fixture(scope="session")
def blank_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs; its schema takes three seconds to make."""
    path = tmp_path_factory.mktemp("mlflow") / "blank.db"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


class MLflowServer:
    """A real server over a database in a folder."""

    def __init__(self, folder: Path, database: Path) -> None:
        self.folder = folder
        shutil.copy(database, folder / "server.db")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "mlflow", "server", "--backend-store-uri"),
                    f"sqlite:///{self.folder / 'server.db'}",
                    *("--artifacts-destination", str(self.folder / "artifacts"), "--host", "127.0.0.1"),
                    *("--port", str(self.port), "--workers", "1"),
                ],
                env={
                    **os.environ,
                    "MLFLOW_DISABLE_TELEMETRY": "true",
                    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                },
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "server.log").read_text()

    def stop(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=30) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory, blank_database: Path) -> Iterator[MLflowServer]:
    server = MLflowServer(tmp_path_factory.mktemp("mlflow-server"), blank_database)
    server.start()
    yield server
    server.stop()


def curve(client: Any, run_id: str, name: str) -> list[tuple[int, float, int]]:
    """Step, value and milliseconds of each point, as MLflow's own reader gives them."""
    return sorted((point.step, point.value, point.timestamp) for point in client.get_metric_history(run_id, name))


def as_text(client: Any, folder: Path) -> str:
    """Everything that is in a database's runs, and the names of their artifacts."""
    lines = []
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id]):
            lines += [str(run.info.status), str(run.data.params), str(run.data.tags)]
            for name in run.data.metrics:
                lines += [f"{name} {step} {value} {time}" for step, value, time in curve(client, run.info.run_id, name)]
    lines += [str(path) for path in folder.rglob("mlartifacts/**/*")]
    return "\n".join(lines)

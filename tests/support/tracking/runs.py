"""Run folders with records, and their forwarder in this process or, for a project, in one of its own."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from regtrain.config import from_mapping
from regtrain.hardware import Hardware
from regtrain.host import Host
from regtrain.plan import PlanOptions, make_plan
from regtrain.run_dir import Outcome, RunDir
from regtrain.run_dir.records import RecordWriter
from regtrain.testing import plugin_points
from regtrain.tracking.forwarder import forward
from regtrain.types import Plan
from support.cli.projects import Project

HOST = Host(plugin_points({"odd": "support.tracking.odd", "lines": "regtrain_plugins.trackers.lines"}))
PATIENCE = 60  # seconds until a test gives up
SECRET = "hunter2"
UNUSED = {"enabled": False, "api_token": SECRET}
CONFIG = {"model": {"name": "mlp"}, "data": "digits", "training": {"epochs": 1}, "trackers": {"unused": UNUSED}}


class TrackedFolder:
    """A run folder as a job leaves it, with trackers."""

    def __init__(self, folder: Path, **trackers: Mapping[str, Any]) -> None:
        plan = make_plan(from_mapping(CONFIG), Host(), Hardware(cpus=2, machine="test"), PlanOptions(cwd=folder))
        self.run_dir = RunDir(folder / "run")
        self.plan: Plan = plan
        self.track(**trackers)
        self.run_dir.create(self.plan, "", "", {})
        self.logs = self.run_dir.path / "logs"

    def track(self, **trackers: Mapping[str, Any]) -> None:
        """Trackers from now on, as if the config had named them."""
        config = from_mapping({**CONFIG, "trackers": trackers}).config
        self.plan = replace(self.plan, config=self.plan.config.model_copy(update={"trackers": config.trackers}))

    def metrics(self, *losses: float) -> None:
        self._write("metrics", [{"step": n, "epoch": 1, "time": 1.0, "train/loss": x} for n, x in enumerate(losses)])

    def events(self, *events: Mapping[str, Any]) -> None:
        self._write("events", [{"time": 1.0, **event} for event in events])

    def _write(self, stream: str, records: list[dict[str, Any]]) -> None:
        writer = RecordWriter(self.logs / f"{stream}.jsonl")
        for record in records:
            writer.write(record)
        writer.close()

    def end(self, status: Any = "finished") -> None:
        self.run_dir.write_outcome(Outcome(status))

    def forward(self, wait: Callable[[], str | None] = lambda: None) -> None:
        forward(self.run_dir, self.plan, HOST, wait)

    def lines(self, name: str = "noted.txt") -> list[str]:
        path = self.run_dir.path / name
        return path.read_text().splitlines() if path.exists() else []

    @property
    def cursors(self) -> Path:
        return self.logs / "trackers"


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that another thread or process does."""
    deadline, paused = time.monotonic() + PATIENCE, threading.Event()
    while not holds():
        assert time.monotonic() < deadline, "it did not come"
        paused.wait(0.01)


def install_odd(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The odd trackers in every process of a project."""
    source = Path(__file__).with_name("odd.py").read_text()
    project.write("site/odd_trackers.py", source)
    project.write("site/odd_trackers-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: odd-trackers\nVersion: 1\n")
    project.write("site/odd_trackers-1.0.dist-info/entry_points.txt", "[regtrain]\nodd = odd_trackers\n")
    path = os.pathsep.join(filter(None, [str(project.folder / "site"), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("PYTHONPATH", path)

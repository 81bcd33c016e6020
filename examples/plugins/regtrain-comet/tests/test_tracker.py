"""Comet's offline archives: what every tracker owes, and what Comet would be told."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from regtrain_comet.tracker import Comet

from regtrain.testing import PluginConformance, TrackerConformance
from regtrain.types import RecordBatch, TrackedRun


def messages(folder: Path) -> Iterator[dict[str, Any]]:
    """Everything in the archives of a folder, in the order in which they are uploaded."""
    for path in sorted(folder.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for line in archive.read("messages.json").decode().splitlines():
                yield json.loads(line)["payload"]


def told(folder: Path) -> list[Any]:
    """Values without what Comet adds of its own."""
    found = [
        m.get("metric") or m.get("value") or m.get("additional_params") or m.get("param") for m in messages(folder)
    ]
    return [value for value in found if "duration" not in str(value)]


class TestPlugin(PluginConformance):
    module = "regtrain_comet.tracker"
    provides: ClassVar = {"trackers": ["comet"]}
    without_torch = True


class TestTracker(TrackerConformance):
    module = "regtrain_comet.tracker"
    offers = "comet"

    def arrived(self, run: TrackedRun) -> str:
        return str(told(run.run_dir / "comet"))


def test_the_experiment_is_the_run(tmp_path: Path) -> None:
    """One key in all archives; name, parameters, steps and status are where Comet shows them."""
    tracker = Comet(project="digits")
    key = tracker.open(TrackedRun("run-7", "digits", tmp_path, {"optimizer": {"lr": 0.5, "betas": None}}), None)
    tracker.send(RecordBatch("metrics", 0, [{"step": 3, "epoch": 1, "time": 1.0, "val/loss": 0.25}]))
    tracker.close("failed")
    archives = sorted((tmp_path / "comet").iterdir())
    assert [path.name for path in archives] == [f"{key}-metrics-000000000-000000001.zip", f"{key}-status.zip"]
    for path in archives:
        with zipfile.ZipFile(path) as archive:
            facts = json.loads(archive.read("experiment.json"))
        assert key in (facts["offline_id"], facts.get("previous_experiment"))
    found = list(messages(tmp_path / "comet"))
    (metric,) = [m["metric"] for m in found if "metric" in m and m["metric"]["metricName"] == "val/loss"]
    assert (metric["metricValue"], metric["step"], metric["epoch"]) == (0.25, 3, 1)
    params = {m["param"]["paramName"]: m["param"]["paramValue"] for m in found if "param" in m}
    assert params["optimizer.lr"] == 0.5
    others = {m["key"]: m["value"] for m in found if "key" in m}
    assert (others["Name"], others["status"]) == ("digits", "failed")

"""The journal: lines in the run's own folder."""

from __future__ import annotations

import json
from pathlib import Path

from regtrain.host import Host
from regtrain.testing import PluginConformance, plugin_points
from regtrain.types import RunEvent, VersionEvent


class TestPlugin(PluginConformance):
    module = "regtrain_signum.journal:journal"
    listens = ("regtrain_run_finished", "regtrain_version_registered")
    without_torch = True


def test_lines_go_to_the_run_they_are_about(tmp_path: Path) -> None:
    """Two runs that end in another order than their versions came keep their lines apart."""
    host = Host(plugin_points({"journal": "regtrain_signum.journal:journal"}))
    problems = []
    for run_id in ("one", "two"):
        (tmp_path / run_id).mkdir()
        problems += host.version_registered(VersionEvent("model", f"1.0.0-{run_id}", 1, "sha256:0", run_id))
    for run_id in ("two", "one"):
        problems += host.run_finished(RunEvent(run_id, run_id, tmp_path / run_id, "finished", {"val/kappa": 0.5}))
    assert problems == []
    for run_id in ("one", "two"):
        lines = [json.loads(line) for line in (tmp_path / run_id / "journal.jsonl").read_text().splitlines()]
        assert [line["event"] for line in lines] == ["version_registered", "run_finished"]
        assert lines[0]["version"] == f"1.0.0-{run_id}"
        assert lines[1]["metrics"] == {"val/kappa": 0.5}


def test_a_run_without_a_version_has_one_line(tmp_path: Path) -> None:
    """A run that failed is written down as well."""
    host = Host(plugin_points({"journal": "regtrain_signum.journal:journal"}))
    assert host.run_finished(RunEvent("three", "three", tmp_path, "failed", {})) == []
    assert json.loads((tmp_path / "journal.jsonl").read_text())["status"] == "failed"

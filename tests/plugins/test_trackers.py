"""The trackers that ship: JSON lines, and what a person sees."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from regtrain.testing import PluginConformance, TrackerConformance
from regtrain.types import TrackerContext
from regtrain_plugins.trackers.jsonl import JsonLines

JSONL = "regtrain_plugins.trackers.jsonl"
PROGRESS = "regtrain_plugins.trackers.progress"


class TestJsonlPlugin(PluginConformance):
    module = JSONL
    provides: ClassVar = {"trackers": ["jsonl"]}
    without_torch = True


class TestProgressPlugin(PluginConformance):
    module = PROGRESS
    provides: ClassVar = {"trackers": ["progress"]}
    without_torch = True


class TestJsonLines(TrackerConformance):
    module = JSONL
    offers = "jsonl"


class TestLines(TrackerConformance):
    module = PROGRESS
    offers = "progress"


class TestBar(TrackerConformance):
    module = PROGRESS
    offers = "progress"
    interactive = True
    newest_only = True

    @pytest.fixture(autouse=True)
    def wide_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setenv("FORCE_COLOR", "1")  # so that every refresh is drawn, as in a terminal


@pytest.fixture
def context(tmp_path: Path) -> TrackerContext:
    return TrackerContext("run-1", "run", tmp_path, tmp_path, {}, False, total_steps=3, first_step=0)


def lines(context: TrackerContext) -> list[dict[str, object]]:
    return [json.loads(line) for line in (context.log_dir / "metrics.jsonl").read_text().splitlines()]


def test_each_record_is_a_line_at_once(context: TrackerContext) -> None:
    """A reader sees a record as a whole line as soon as it is logged, not when the run ends."""
    tracker = JsonLines(context)
    for step in range(3):
        tracker.log({"step": step, "train/loss": 0.5})
        assert lines(context)[-1] == {"step": step, "train/loss": 0.5}
    tracker.close()


def test_what_json_cannot_say_becomes_text(context: TrackerContext) -> None:
    """NaN and infinities are written as text, so that every line is JSON, and other numbers stay numbers."""
    tracker = JsonLines(context)
    tracker.log({"step": 1, "a": math.nan, "b": -math.inf, "c": 0.1})
    tracker.close()
    assert lines(context) == [{"step": 1, "a": "nan", "b": "-inf", "c": 0.1}]


def test_a_resumed_run_appends(context: TrackerContext) -> None:
    """A tracker that is opened again leaves what is there."""
    for step in (1, 2):
        tracker = JsonLines(replace(context, first_step=step - 1))
        tracker.log({"step": step})
        tracker.close()
    assert [line["step"] for line in lines(context)] == [1, 2]

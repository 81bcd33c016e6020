"""The callbacks that ship: the file of metrics, and the progress of a run."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from regtrain_plugins.callbacks.metrics_file import MetricsFile
from torch import nn

from regtrain.testing import CallbackConformance, PluginConformance
from regtrain.types import CallbackContext

METRICS_FILE = "regtrain_plugins.callbacks.metrics_file"
PROGRESS = "regtrain_plugins.callbacks.progress"


class TestMetricsFilePlugin(PluginConformance):
    module = METRICS_FILE
    provides: ClassVar = {"callbacks": ["metrics_file"]}
    without_torch = True


class TestProgressPlugin(PluginConformance):
    module = PROGRESS
    provides: ClassVar = {"callbacks": ["progress"]}
    without_torch = True


class TestMetricsFile(CallbackConformance):
    module = METRICS_FILE
    offers = "metrics_file"
    shows = "all"


class TestLines(CallbackConformance):
    module = PROGRESS
    offers = "progress"
    shows = "all"


class TestBar(CallbackConformance):
    module = PROGRESS
    offers = "progress"
    interactive = True
    shows = "newest"

    @pytest.fixture(autouse=True)
    def wide_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setenv("FORCE_COLOR", "1")  # so that every refresh is drawn, as in a terminal


@dataclass
class Fit:
    model: nn.Module = field(default_factory=nn.Identity)
    step: int = 0
    epoch: int = 0
    metrics: dict[str, float] = field(default_factory=dict)

    def request_stop(self, reason: str) -> None: ...


@pytest.fixture
def context(tmp_path: Path) -> CallbackContext:
    return CallbackContext("run-1", "run", tmp_path, tmp_path, False, total_steps=3, first_step=0)


def lines(context: CallbackContext) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (context.log_dir / "metrics.jsonl").read_text().splitlines()]


def test_each_record_is_a_line_at_once(context: CallbackContext) -> None:
    """A reader sees a record as a whole line as soon as it is logged, not when the run ends."""
    file = MetricsFile(context)
    for step in range(3):
        file.on_record(Fit(), {"step": step, "train/loss": 0.5})
        assert lines(context)[-1] == {"step": step, "train/loss": 0.5}
    file.on_fit_end(Fit())


def test_what_json_cannot_say_becomes_text(context: CallbackContext) -> None:
    """NaN and infinities are written as text, so that every line is JSON, and other numbers stay numbers."""
    file = MetricsFile(context)
    file.on_record(Fit(), {"step": 1, "a": math.nan, "b": -math.inf, "c": 0.1})
    file.on_fit_end(Fit())
    assert lines(context) == [{"step": 1, "a": "nan", "b": "-inf", "c": 0.1}]


def test_a_resumed_run_appends(context: CallbackContext) -> None:
    """A file that is opened again keeps what is there."""
    for step in (1, 2):
        file = MetricsFile(context)
        file.on_record(Fit(), {"step": step})
        file.on_fit_end(Fit())
    assert [line["step"] for line in lines(context)] == [1, 2]

"""What trackers owe: every record arrives once, whatever is interrupted, and nothing is lost."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from regtrain.testing.offered import Offered
from regtrain.types import Artifact, Kind, RecordBatch, TrackedRun, Tracker, VersionEvent

__all__ = ["TrackerConformance"]


class TrackerConformance(Offered):
    """Records arrive once and in order, a run is continued under its remote id, and closing twice is harmless.

    ```python
    class TestTable(TrackerConformance):
        module = "regtrain_table"
        offers = "table"

        def arrived(self, run):
            return (run.run_dir / "table.txt").read_text()
    ```
    """

    kind: ClassVar[Kind] = "trackers"

    def arrived(self, run: TrackedRun) -> str:
        """Text in which what was sent can be found: unless overridden, all files in the run folder."""
        files = [path for path in sorted(run.run_dir.rglob("*")) if path.is_file()]
        return "".join(path.read_text("utf-8", "replace") for path in files)

    @pytest.fixture
    def run(self, tmp_path: Path) -> TrackedRun:
        (tmp_path / "run").mkdir()
        return TrackedRun("run-1", "run", tmp_path / "run", {"optimizer": {"lr": 0.1}})

    @pytest.fixture
    def tracker(self, factory: Callable[..., Tracker]) -> Tracker:
        return factory(**self.args)

    def test_records_arrive(self, tracker: Tracker, run: TrackedRun) -> None:
        """Every record can be read when the tracker is closed."""
        tracker.open(run, None)
        tracker.send(_metrics(0, 0.125, 0.25))
        tracker.send(_metrics(2, 0.375))
        tracker.send(RecordBatch("events", 0, [{"time": 1.0, "event": "checkpoint_saved", "step": 3}]))
        tracker.close("finished")
        text = self.arrived(run)
        for value in ("0.125", "0.25", "0.375"):
            assert value in text, f"the record with val/loss {value} did not arrive"

    def test_a_batch_that_is_sent_again_arrives_once(self, factory: Callable[..., Tracker], run: TrackedRun) -> None:
        """The answer to a batch was lost, and it is sent again with what came after it."""
        first = factory(**self.args)
        remote = first.open(run, None)
        first.send(_metrics(0, 0.125, 0.25))
        first.close(None)
        second = factory(**self.args)
        assert second.open(run, remote) == remote
        second.send(_metrics(0, 0.125, 0.25, 0.375))
        second.close("finished")
        text = self.arrived(run)
        assert [text.count(value) for value in ("0.125", "0.375")] == [1, 1]

    def test_numbers_that_are_not_finite_are_no_error(self, tracker: Tracker, run: TrackedRun) -> None:
        """A loss that became NaN or infinite is worth a record, not an exception."""
        tracker.open(run, None)
        tracker.send(_metrics(0, math.nan, math.inf))
        tracker.close("failed")

    def test_the_version_arrives(self, tracker: Tracker, run: TrackedRun) -> None:
        """Name, version and digest of what was registered can be read."""
        tracker.open(run, None)
        tracker.version(VersionEvent("digits", "1.2.0", 3, "sha256:abcdef", "run-1"))
        tracker.close("finished")
        text = self.arrived(run)
        assert "digits" in text
        assert "1.2.0" in text
        assert "sha256:abcdef" in text

    def test_artifacts_arrive(self, tracker: Tracker, run: TrackedRun) -> None:
        """A file of the run can be found by its name."""
        table = run.run_dir / "confusion.csv"
        table.write_text("predicted,true\n3,8\n", encoding="utf-8")
        tracker.open(run, None)
        tracker.artifact(Artifact("confusion", table, "table", 3))
        tracker.close("finished")
        assert "confusion" in self.arrived(run)

    def test_closing_twice_is_harmless(self, tracker: Tracker, run: TrackedRun) -> None:
        """A run that ends in an error may close a tracker a second time."""
        tracker.open(run, None)
        tracker.close("failed")
        tracker.close("failed")


def _metrics(first: int, *losses: float) -> RecordBatch:
    records: list[dict[str, Any]] = [
        {"step": step, "epoch": 1, "time": 1.0e9 + step, "val/loss": loss} for step, loss in enumerate(losses, first)
    ]
    return RecordBatch("metrics", first, records)

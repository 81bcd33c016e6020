"""The tracker for TensorBoard, read back with TensorBoard's own EventAccumulator."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any, ClassVar

import pytest

from regtrain.testing import PluginConformance, TrackerConformance
from regtrain.types import Artifact, RecordBatch, TrackedRun, Tracker, VersionEvent
from regtrain_plugins.trackers.tensorboard import TensorBoard

MODULE = "regtrain_plugins.trackers.tensorboard"


def read_back(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0, "images": 0, "histograms": 0})
    return found.Reload()


def metrics(first: int, *losses: float) -> RecordBatch:
    records = [{"step": n, "epoch": 1, "time": 1e9 + n, "val/loss": x} for n, x in enumerate(losses, first)]
    return RecordBatch("metrics", first, records)


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(height * (width + 1))))
        + chunk(b"IEND", b"")
    )


class TestTensorBoardPlugin(PluginConformance):
    module = MODULE
    provides: ClassVar = {"trackers": ["tensorboard"]}
    without_torch = True


class TestTensorBoard(TrackerConformance):
    module = MODULE
    offers = "tensorboard"

    def arrived(self, run: TrackedRun) -> str:
        found = read_back(run.run_dir / "logs/tensorboard")
        tags = found.Tags()
        words = [f"{tag} {event.step} {event.value}" for tag in tags["scalars"] for event in found.Scalars(tag)]
        words += [f"{tag} {event.tensor_proto.string_val}" for tag in tags["tensors"] for event in found.Tensors(tag)]
        return "\n".join(words)

    def test_records_arrive(self, tracker: Tracker, run: TrackedRun) -> None:
        """Every scalar with step and time; TensorBoard has no place for events."""
        tracker.open(run, None)
        tracker.send(metrics(0, 0.125, 0.25))
        tracker.send(metrics(2, 0.375))
        tracker.send(RecordBatch("events", 0, [{"time": 1.0, "event": "checkpoint_saved", "step": 3}]))
        tracker.close("finished")
        events = read_back(run.run_dir / "logs/tensorboard").Scalars("val/loss")
        assert [(e.step, e.wall_time, e.value) for e in events] == [
            (0, 1e9, 0.125),
            (1, 1e9 + 1, 0.25),
            (2, 1e9 + 2, 0.375),
        ]


@pytest.fixture
def run(tmp_path: Path) -> TrackedRun:
    config = {"optimizer": {"name": "SGD", "lr": 0.1, "args": {"nesterov": True}}, "scheduler": None, "logging": {}}
    return TrackedRun("run-1", "digits", tmp_path, config)


def test_the_hparams_tab(run: TrackedRun) -> None:
    """Hyperparameters and status are there as the plugin of the HPARAMS tab reads them."""
    from tensorboard.plugins.hparams import metadata

    tracker = TensorBoard()
    tracker.open(run, None)
    tracker.close("failed")
    found = read_back(run.run_dir / "logs/tensorboard")
    start = metadata.parse_session_start_info_plugin_data(
        found.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    )
    assert start.group_name == "digits"
    assert {key: value.WhichOneof("kind") for key, value in start.hparams.items()} == {
        "optimizer.name": "string_value",
        "optimizer.lr": "number_value",
        "optimizer.args.nesterov": "bool_value",
    }
    end = metadata.parse_session_end_info_plugin_data(
        found.SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
    )
    assert end.status == 2, "STATUS_FAILURE"


def test_figures_tables_histograms_and_the_version(run: TrackedRun) -> None:
    """Each is on its tab, once, also when it is sent again."""
    (run.run_dir / "roc.png").write_bytes(png(3, 2))
    (run.run_dir / "confusion.csv").write_text('true,predicted\n3,"8|9"\n')
    (run.run_dir / "weights.json").write_text(json.dumps({"edges": [0.0, 1.0, 2.0], "counts": [3, 4]}))
    for _ in range(2):
        tracker = TensorBoard()
        tracker.open(run, None)
        tracker.artifact(Artifact("roc", run.run_dir / "roc.png", "figure", 5))
        tracker.artifact(Artifact("confusion", run.run_dir / "confusion.csv", "table", 5))
        tracker.artifact(Artifact("weights", run.run_dir / "weights.json", "histogram", 5))
        tracker.version(VersionEvent("digits", "1.0.0", 1, "sha256:abc", "run-1"))
        tracker.close("finished")
    found = read_back(run.run_dir / "logs/tensorboard")
    (image,) = found.Images("roc")
    assert (image.step, image.width, image.height) == (5, 3, 2)
    (table,) = found.Tensors("confusion")
    assert table.tensor_proto.string_val[0].decode() == "| true | predicted |\n| --- | --- |\n| 3 | 8\\|9 |"
    (histogram,) = found.Histograms("weights")
    assert list(histogram.histogram_value.bucket) == [0, 3, 4]
    (version,) = found.Tensors("regtrain/version")
    assert b"digits 1.0.0 (number 1)" in version.tensor_proto.string_val[0]


def test_an_event_file_that_is_cut(run: TrackedRun) -> None:
    """A process that was killed while it wrote has left half an event: its record is written again, the others not."""
    tracker = TensorBoard()
    tracker.open(run, None)
    tracker.send(metrics(0, 0.5, 0.25))
    tracker.close(None)
    (file,) = (run.run_dir / "logs/tensorboard").iterdir()
    file.write_bytes(file.read_bytes()[:-7])
    tracker = TensorBoard()
    tracker.open(run, "x")
    tracker.send(metrics(0, 0.5, 0.25, 0.125))
    tracker.close("finished")
    events = read_back(run.run_dir / "logs/tensorboard").Scalars("val/loss")
    assert [event.value for event in events] == [0.5, 0.25, 0.125]

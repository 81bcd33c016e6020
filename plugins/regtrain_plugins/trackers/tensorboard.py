"""TensorBoard: scalars, images, tables, histograms and the HPARAMS tab, as event files in the run folder."""

from __future__ import annotations

import csv
import hashlib
import json
import socket
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    from regtrain.types import Artifact, RecordBatch, Register, TrackedRun, VersionEvent

HYPERPARAMETERS = ("model", "data", "loss", "training", "optimizer", "scheduler", "early_stopping")
INDEX = ("step", "epoch", "time")
MOST_ROWS = 200  # of a table that is shown
MOST_TEXT = 1 << 16  # bytes of a file that is shown
MARK = "regtrain:"


class TensorBoard:
    """Writes event files; `tensorboard --logdir runs` shows all runs of a folder.

    Each event notes in its `source_metadata` which record or file it is, so that what is sent again is left out.

    Args:
        log_dir: the folder; relative to the run folder, and `tensorboard` among its logs when left out.
    """

    def __init__(self, log_dir: str = "") -> None:
        self._log_dir = log_dir

    def open(self, run: TrackedRun, remote_id: str | None) -> str | None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        logs = str(run.config.get("logging", {}).get("log_dir") or "logs")
        folder = run.run_dir / Path(self._log_dir or f"{logs}/tensorboard").expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        self._next, self._marks = _taken(folder)
        name = f"events.out.tfevents.{time.time_ns() // 1000:020d}.{socket.gethostname()}.regtrain"
        self._file = (folder / name).open("xb")
        self._writer = RecordWriter(self._file)
        self._write("", file_version="brain.Event:2")
        self._once("start", [_session_start(run)])
        self._file.flush()
        return str(folder)

    def send(self, batch: RecordBatch) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        if batch.stream == "metrics":
            for line, record in enumerate(batch.records, batch.first):
                if line < self._next:
                    continue
                values = [
                    Summary.Value(tag=name, simple_value=value)
                    for name, value in record.items()
                    if name not in INDEX and isinstance(value, int | float)
                ]
                when, step = float(record.get("time", 0.0)), int(record.get("step", 0))
                self._write(f"line:{line}", wall_time=when, step=step, summary=Summary(value=values))
                self._next = line + 1
        self._file.flush()

    def artifact(self, artifact: Artifact) -> None:
        values = list(_shown(artifact))
        content = hashlib.sha256(artifact.path.read_bytes()).hexdigest()
        self._once(f"artifact:{artifact.name}:{artifact.step}:{content}", values, artifact.step or 0)
        self._file.flush()

    def version(self, version: VersionEvent) -> None:
        text = f"{version.model} {version.version} (number {version.number})\n\n{version.digest}"
        self._once(f"version:{version.digest}", [_text("regtrain/version", text)])
        self._file.flush()

    def close(self, status: str | None) -> None:
        if self._file.closed:
            return
        if status is not None:
            self._once(f"end:{status}", [_session_end(status)])
        self._file.close()

    def _once(self, mark: str, values: list[Any], step: int = 0) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        if values and mark not in self._marks:
            self._write(mark, wall_time=time.time(), step=step, summary=Summary(value=values))
            self._marks.add(mark)

    def _write(self, mark: str, **fields: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SourceMetadata

        event = Event(source_metadata=SourceMetadata(writer=f"{MARK}{mark}"), **fields)
        self._writer.write(event.SerializeToString())


def _taken(folder: Path) -> tuple[int, set[str]]:
    """Number of metrics records and marks of everything else that earlier event files hold, up to where one is cut."""
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    line, marks = 0, set()
    for path in sorted(folder.glob("*.regtrain")):
        for event in LegacyEventFileLoader(str(path)).Load():
            kind, _, rest = event.source_metadata.writer.removeprefix(MARK).partition(":")
            if kind == "line":
                line = max(line, int(rest) + 1)
            else:
                marks.add(event.source_metadata.writer.removeprefix(MARK))
    return line, marks


def _session_start(run: TrackedRun) -> Any:
    from tensorboard.plugins.hparams.metadata import SESSION_START_INFO_TAG
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo

    info = SessionStartInfo(group_name=run.run_name, start_time_secs=time.time())
    for name, value in _flat({key: run.config.get(key) for key in HYPERPARAMETERS}):
        if isinstance(value, bool):
            info.hparams[name].bool_value = value
        elif isinstance(value, int | float):
            info.hparams[name].number_value = value
        else:
            info.hparams[name].string_value = str(value)
    return _hparams(SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=info))


def _session_end(status: str) -> Any:
    from tensorboard.plugins.hparams.api_pb2 import Status
    from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

    known = {"finished": "STATUS_SUCCESS", "failed": "STATUS_FAILURE"}.get(status, "STATUS_UNKNOWN")
    info = SessionEndInfo(status=Status.Value(known), end_time_secs=time.time())
    return _hparams(SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=info))


def _hparams(tag: str, data: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams.metadata import NULL_TENSOR, create_summary_metadata

    return Summary.Value(tag=tag, metadata=create_summary_metadata(data), tensor=NULL_TENSOR)


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key → value of what is set."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else str(key))
    elif value is not None:
        yield path, value


def _shown(artifact: Artifact) -> Iterator[Any]:
    """What a dashboard shows of a file; nothing for one that it has no tab for."""
    path, name = artifact.path, artifact.name
    if artifact.kind == "figure" and path.suffix == ".png":
        yield _image(name, path.read_bytes())
    elif artifact.kind == "histogram":
        yield _histogram(name, json.loads(path.read_text("utf-8")))
    elif artifact.kind == "table":
        yield _text(name, _markdown(_rows(path)))
    elif path.suffix in (".yaml", ".json", ".txt", ".log") and path.stat().st_size <= MOST_TEXT:
        yield _text(name, "```\n" + path.read_text("utf-8", "replace") + "\n```")


def _image(name: str, content: bytes) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))  # of the header of a PNG
    image = Summary.Image(width=width, height=height, colorspace=4, encoded_image_string=content)
    return Summary.Value(tag=name, image=image)


def _histogram(name: str, found: Mapping[str, Any]) -> Any:
    from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary

    counts, edges = found["counts"], found["edges"]
    histogram = HistogramProto(
        min=edges[0], max=edges[-1], num=sum(counts), bucket_limit=edges, bucket=[0, *counts]
    )  # a bucket ends at its limit: the first one is below all values
    return Summary.Value(tag=name, histo=histogram)


def _rows(path: Path) -> list[list[str]]:
    if path.suffix == ".json":
        found = json.loads(path.read_text("utf-8"))[:MOST_ROWS]
        names = list(dict.fromkeys(key for row in found for key in row))
        return [names, *([str(row.get(name, "")) for name in names] for row in found)]
    with path.open(newline="", encoding="utf-8") as file:
        return list(islice(csv.reader(file), MOST_ROWS + 1))


def _markdown(rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join([*lines[:1], "|" + " --- |" * len(rows[0]), *lines[1:]]) if rows else ""


def _text(name: str, text: str) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from tensorboard.plugins.text.metadata import create_summary_metadata

    tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode()])
    return Summary.Value(tag=name, metadata=create_summary_metadata("", ""), tensor=tensor)


@hookimpl
def regtrain_register_trackers(register: Register) -> None:
    register("tensorboard", TensorBoard, requires="tensorboard>=2.16")

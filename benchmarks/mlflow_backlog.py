"""A backlog of metrics sent to MLflow: our tracker against MLflow's own `log_batch` of the same points.

    python benchmarks/mlflow_backlog.py [POINTS]

Each side runs in a process of its own over a database of its own; the points are made as they are sent. Records have
four metrics, and the point `epoch` that the tracker adds is one of the points on both sides.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

POINTS = 1_000_000
NAMES = ("train/loss", "train/accuracy", "val/loss", "lr")
BATCH = 10_000  # records


def records(count: int) -> Iterator[dict[str, Any]]:
    for step in range(count):
        values = {name: (step * 7919 % 1000) / 1000 + number for number, name in enumerate(NAMES)}
        yield {"step": step, "epoch": step // 1000, "time": 1.7e9 + step / 100, **values}


def ours(folder: Path, count: int) -> None:
    from itertools import islice

    from regtrain.types import RecordBatch, TrackedRun
    from regtrain_plugins.trackers.mlflow import MLflow

    (folder / "run").mkdir()
    tracker = MLflow(f"sqlite:///{folder / 'ours.db'}")
    tracker.open(TrackedRun("run-1", "run", folder / "run", {"experiment": {"name": "backlog"}}), None)
    begun, first, source = time.perf_counter(), 0, records(count)
    while batch := list(islice(source, BATCH)):
        tracker.send(RecordBatch("metrics", first, batch))
        first += len(batch)
    report(begun)
    tracker.close("finished")


def mlflows(folder: Path, count: int) -> None:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    run_id = client.create_run(client.create_experiment("backlog")).info.run_id
    begun, points = time.perf_counter(), []
    for record in records(count):
        moment = int(record["time"] * 1000)
        points += [Metric(name, float(record[name]), moment, record["step"]) for name in (*NAMES, "epoch")]
        if len(points) == 1000:
            client.log_batch(run_id, metrics=points)
            points = []
    if points:
        client.log_batch(run_id, metrics=points)
    report(begun)


def report(begun: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": time.perf_counter() - begun, "peak_mib": peak}))


def main() -> None:
    warnings.simplefilter("ignore")
    if len(sys.argv) > 2:
        {"ours": ours, "mlflow": mlflows}[sys.argv[1]](Path(sys.argv[3]), int(sys.argv[2]))
        return
    points = int(sys.argv[1]) if len(sys.argv) > 1 else POINTS
    count = points // (len(NAMES) + 1)
    with tempfile.TemporaryDirectory() as folder:
        found = {side: _run(side, count, folder) for side in ("mlflow", "ours")}
    for side, values in found.items():
        print(f"{side:>7}: {values['seconds']:7.1f} s, peak {values['peak_mib']:.0f} MiB")
    ratio = found["ours"]["seconds"] / found["mlflow"]["seconds"]
    print(f"{count * (len(NAMES) + 1):,} points: {ratio:.2f} x MLflow's own")


def _run(side: str, count: int, folder: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, side, str(count), folder], check=True, stdout=subprocess.PIPE, text=True
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    main()

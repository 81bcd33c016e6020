"""What trackers cost: the step of a run, one number of user code, and a backlog.

    python benchmarks/trackers.py step [--steps 3000] [--rounds 5]
    python benchmarks/trackers.py log [--calls 20000]
    python benchmarks/trackers.py backlog [--records 1000000]

step: the training of step.py with every step logged, in a run with MLflow (sqlite), TensorBoard and W&B (offline), as
far as they are installed, and in the same run with none, in turn, each in a process of its own. Figures are
microseconds a step, CPU of the training process and wall time; the CPU of the forwarder stands beside.
log: CPU of the caller of one number; a peer has done its set-up, and is not waited for.
backlog: records with one metric each wait in a run folder, and the forwarder sends them to MLflow; then MLflow's own
`log_batch` gets the same points, which are two a record: the tracker sends the epoch, too.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from regtrain.host import Host

os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
_OPEN = contextlib.ExitStack()
POINTS = 1000  # in a call of log_batch, the most that MLflow takes
GOALS = {"step": 1.02, "log": 5.0, "backlog": 3.0, "memory": 200.0}


def settings(folder: Path) -> dict[str, dict[str, Any]]:
    """Trackers that are installed here, writing into a folder."""
    every: dict[str, dict[str, Any]] = {
        "mlflow": {"uri": f"sqlite:///{folder / 'mlflow.db'}"},
        "tensorboard": {},
        "wandb": {"mode": "offline"},
    }
    offers = {offer.name.lower() for offer in Host().offers("trackers") if not offer.missing()}
    return {name: args for name, args in every.items() if name in offers}


def train(folder: Path, steps: int, tracked: bool) -> None:
    """One run; prints microseconds a step, and seconds of CPU of the forwarder."""
    import step
    import torch

    import regtrain
    from regtrain.types import Callback

    torch.set_num_threads(1)
    seen: list[tuple[float, float]] = []

    class Clock(Callback):
        def on_fit_start(self, fit: Any) -> None:
            seen.append((time.process_time(), time.perf_counter()))

        def on_train_epoch_end(self, fit: Any) -> None:
            seen.append((time.process_time(), time.perf_counter()))

    config = {
        "experiment": {"name": "bench", "output_dir": str(folder / "runs")},
        "training": {"epochs": 2, "batch_size": step.BATCH},
        "optimizer": {"name": "AdamW", "lr": 1e-3},
        "logging": {"every_n_steps": 1},
        "registry": {"enabled": False},
        "trackers": settings(folder) if tracked else {},
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    regtrain.Trainer(config, step.build(), step.data(steps), callbacks=[Clock()]).train()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    (cpu, wall), (cpu_end, wall_end) = seen[1], seen[2]  # the second epoch: by then every tracker is open
    forwarder = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps([(cpu_end - cpu) / steps * 1e6, (wall_end - wall) / steps * 1e6, forwarder]))


def compare_steps(steps: int, rounds: int) -> bool:
    found: dict[str, list[list[float]]] = {"none": [], "all": []}
    for _ in range(rounds):
        for name, runs in found.items():
            with tempfile.TemporaryDirectory() as folder:
                runs.append(_child("train", folder, str(steps), name))
    print(f"trackers: {', '.join(settings(Path()))}; {steps} steps, each logged; median of {rounds} rounds")
    ratios = {}
    for kind, place in (("CPU", 0), ("wall", 1)):
        one, other = ([run[place] for run in found[name]] for name in ("none", "all"))
        ratios[kind] = statistics.median(b / a for a, b in zip(one, other, strict=True))
        shown = f"none {statistics.median(one):6.0f} µs  all {statistics.median(other):6.0f} µs"
        print(f"  {kind:4s} {shown}  {ratios[kind]:.3f} ×")
    print(f"  CPU of the forwarder: {statistics.median(run[2] for run in found['all']):.1f} s a run")
    return ratios["CPU"] <= GOALS["step"]


def log(name: str, folder: Path, calls: int) -> None:
    """Prints microseconds of CPU a call."""
    call = {"regtrain": _ours, "tensorboard": _tensorboard, "wandb": _wandb, "mlflow": _mlflow}[name](folder)
    calls = calls if name in ("regtrain", "tensorboard") else calls // 20
    times = []
    for _ in range(5):
        began = time.thread_time()  # of the caller: what threads of a peer do comes on top
        for number in range(calls // 5):
            call(0.1 * number, number)
        times.append((time.thread_time() - began) / (calls // 5) * 1e6)
    print(json.dumps(statistics.median(times)), flush=True)
    os._exit(0)


def _ours(folder: Path) -> Callable[[float, int], None]:
    import regtrain
    from regtrain.run_dir.logger import RunLogger, activated
    from regtrain.run_dir.records import RecordWriter

    _OPEN.enter_context(activated(RunLogger(folder, folder, RecordWriter(None))))
    return lambda value, number: regtrain.log({"my/loss": value}, number)


def _tensorboard(folder: Path) -> Callable[[float, int], None]:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder))
    return lambda value, number: writer.add_scalar("my/loss", value, number)


def _wandb(folder: Path) -> Callable[[float, int], None]:
    import wandb

    run = wandb.init(project="bench", dir=str(folder), mode="offline")
    return lambda value, number: run.log({"my/loss": value})


def _mlflow(folder: Path) -> Callable[[float, int], None]:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.start_run()
    return lambda value, number: mlflow.log_metric("my/loss", value, number)


def compare_logs(calls: int) -> bool:
    found = {}
    for name in ("regtrain", *settings(Path())):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            found[name] = float(_child("log", name, folder, str(calls)))
        print(f"  {name:12s} {found[name]:8.1f} µs CPU a call")
    return found["regtrain"] <= GOALS["log"]


def backlog(folder: Path, records: int) -> None:
    """Prints seconds and mebibytes of the forwarder."""
    from regtrain.config import from_mapping
    from regtrain.hardware import detect
    from regtrain.plan import PlanOptions, make_plan
    from regtrain.run_dir import Outcome, RunDir
    from regtrain.tracking.process import start

    trackers = {"mlflow": settings(folder)["mlflow"]}
    config = {"model": {"name": "mlp"}, "data": "digits", "training": {"epochs": 1}, "trackers": trackers}
    plan = make_plan(from_mapping(config), Host(), detect(), PlanOptions(cwd=folder))
    run_dir = RunDir(folder / "run")
    run_dir.create(plan, "", "", {})
    with (run_dir.path / "logs/metrics.jsonl").open("w") as file:
        for step in range(records):
            file.write(f'{{"step":{step},"epoch":1,"time":{1e9 + step},"train/loss":{(step * 7919 % 1000) / 1000}}}\n')
    run_dir.write_outcome(Outcome("finished"))
    began = time.perf_counter()
    forwarder = start(run_dir, plan, once=True)
    assert forwarder is not None
    forwarder.finish(None)
    seconds = time.perf_counter() - began
    done = json.loads((run_dir.path / "logs/trackers/mlflow.json").read_text())
    assert (done["metrics"]["line"], done["status"]) == (records, "finished"), done
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]))


def of_mlflow(folder: Path, records: int) -> None:
    """Prints seconds of MLflow's own way."""
    began = time.perf_counter()
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    run = client.create_run(client.create_experiment("backlog")).info.run_id
    for first in range(0, records, POINTS // 2):
        points = []
        for step in range(first, min(first + POINTS // 2, records)):
            points.append(Metric("train/loss", (step * 7919 % 1000) / 1000, (10**9 + step) * 1000, step))
            points.append(Metric("epoch", 1.0, (10**9 + step) * 1000, step))
        client.log_batch(run, points)
    print(json.dumps([time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def compare_backlogs(records: int) -> bool:
    found = {}
    for name in ("of_mlflow", "backlog"):
        with tempfile.TemporaryDirectory() as folder:
            found[name] = _child(name, folder, str(records))
    (peer, peak), (ours, memory) = found["of_mlflow"], found["backlog"]
    print(f"{records} records: {ours / peer:.2f} ×")
    print(f"  forwarder {ours:7.1f} s  {memory:4.0f} MiB\n  log_batch {peer:7.1f} s  {peak:4.0f} MiB")
    return ours / peer <= GOALS["backlog"] and memory <= GOALS["memory"]


def _child(*words: str) -> Any:
    done = subprocess.run(
        [sys.executable, __file__, "child", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def _called(name: str, words: list[str]) -> None:
    if name == "train":
        train(Path(words[0]), int(words[1]), words[2] == "all")
    elif name == "log":
        log(words[0], Path(words[1]), int(words[2]))
    else:
        {"backlog": backlog, "of_mlflow": of_mlflow}[name](Path(words[0]), int(words[1]))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["step", "log", "backlog"])
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--records", type=int, default=1_000_000)
    options = parser.parse_args()
    held = {
        "step": lambda: compare_steps(options.steps, options.rounds),
        "log": lambda: compare_logs(options.calls),
        "backlog": lambda: compare_backlogs(options.records),
    }[options.what]()
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        _called(sys.argv[2], sys.argv[3:])
    else:
        main()

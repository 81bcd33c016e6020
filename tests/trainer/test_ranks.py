"""Several processes: real ones, started by the launcher; what they compute, and what they agree on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from regtrain.checkpoint.folder import TrainingState, read_checkpoint
from regtrain.checkpoint.keep import list_checkpoints
from regtrain.config import from_mapping, to_yaml
from regtrain.hardware import Hardware
from regtrain.host import Host
from regtrain.plan import PlanOptions, make_plan
from regtrain.run.inputs import Sources, bring_inputs
from regtrain.run.resume import find_resume
from regtrain.run_dir import Outcome, RunDir
from regtrain.trainer import Batches
from regtrain.types import JobCommand, Place
from regtrain_plugins.launchers.local import Local
from support.small_runs import differences

PATIENCE = 120.0  # seconds

MODEL = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
"""
DATA = """
import os, signal
import torch
from torch.utils.data import TensorDataset

class Rows(torch.utils.data.Dataset):
    def __init__(self, count, seed, faulty=""):
        generator = torch.Generator().manual_seed(seed)
        self.inputs = torch.randn(count, 6, generator=generator)
        self.labels = torch.randint(0, 3, (count,), generator=generator)
        self.faulty = faulty
        self.taken = 0

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, index):
        self.taken += 1
        rank = os.environ.get("RANK", "0")
        if self.faulty == "raises" and rank == "1" and self.taken > 30:
            raise ValueError("row of rank 1")
        if self.faulty == "dies" and rank == "1" and self.taken > 30:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.faulty == "stops" and rank == "1" and self.taken == 30:
            os.kill(os.getpid(), signal.SIGTERM)
        return self.inputs[index], self.labels[index]

def build(samples=42, faulty=""):
    return Rows(samples, 1, faulty), Rows(11, 2)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's files; one thread, so that the order of sums does not depend on the number of processes."""
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "data.py").write_text(DATA)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


def run(
    folder: Path, processes: int, accumulate: int = 1, batch_size: int = 4, resume: Path | None = None, **config: Any
) -> tuple[RunDir, int]:
    """Plan a run, and launch its job in that many processes: its folder and the exit code."""
    data = {"target": "./data.py:build", **config.pop("data", {})}
    training = {"epochs": 2, "batch_size": batch_size, "gradient_accumulation_steps": accumulate}
    keys: dict[str, Any] = {
        "experiment": {"name": "ranks", "output_dir": str(folder / "runs"), "seed": 3},
        "model": {"target": "./model.py:build"},
        "data": data,
        "optimizer": {"name": "SGD", "lr": 0.1, "momentum": 0.9},
        "logging": {"every_n_steps": 1},
        "evaluation": {"every_n_steps": 3},
        "launcher": {"nproc": processes},
        **config,
        "training": {**training, **config.get("training", {})},
    }
    resolved = from_mapping(keys, environ={}, base_dir=folder)
    sources = find_resume(str(resume), folder, lambda: None).sources if resume else Sources()  # type: ignore[arg-type, return-value]
    plan = make_plan(resolved, Host(), Hardware(cpus=2, machine="test"), PlanOptions(folder, resume=sources.resume))
    run_dir = RunDir(folder / "runs" / plan.run_id)
    text = to_yaml(resolved.config)
    run_dir.create(plan, text, text, {})
    bring_inputs(run_dir, sources, lambda: None)  # type: ignore[arg-type, return-value]
    command = JobCommand(("-m", "regtrain.job", str(run_dir.path)), run_dir.path, {})
    with killed_after(PATIENCE):
        launched = Local().launch(command, plan.resources)
    assert launched.exit_code is not None
    return run_dir, launched.exit_code


@contextmanager
def killed_after(seconds: float) -> Iterator[None]:
    """Processes that wait for each other for ever are a failure, not a test that never ends."""

    def kill() -> None:
        for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)

    timer = threading.Timer(seconds, kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def state_of(run_dir: RunDir) -> TrainingState:
    return read_checkpoint(list_checkpoints(run_dir.path / "checkpoints")[-1].path)


def metrics_of(run_dir: RunDir) -> list[dict[str, Any]]:
    lines = (run_dir.path / "logs/metrics.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key != "time"} for line in lines]


def outcome_of(run_dir: RunDir) -> Outcome:
    outcome = run_dir.read_outcome()
    assert outcome is not None
    return outcome


IGNORED = (".config", ".rng")  # numbers of processes, and the generators of each


def unlike(one: TrainingState, other: TrainingState) -> list[str]:
    return [d for d in differences(one, other) if not d.startswith(IGNORED)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        {},
        {"training": {"gradient_clip_norm": 0.5}, "optimizer": {"name": "AdamW", "lr": 0.01}},
        {"optimizer": {"name": "LBFGS", "lr": 0.3, "max_iter": 3}},
        {
            "optimizer": {"name": "SGD", "lr": 0.1},
            "scheduler": {"name": "ReduceLROnPlateau", "patience": 0},
            "early_stopping": {"patience": 50, "monitor": "val/loss"},
            "evaluation": {},
        },
    ],
    ids=["SGD", "AdamW with clipping", "LBFGS", "plateau"],
)
def test_two_processes_equal_one_that_accumulates(folder: Path, config: dict[str, Any]) -> None:
    """The same micro-batches in one process or two: weights, optimizer, metrics and best are equal bit for bit.

    42 samples make eleven micro-batches, so that one process has none left at the end of an epoch; eleven samples of
    validation make three batches.
    """
    two, code = run(folder, 2, **config)
    assert code == 0, outcome_of(two).error
    one, code = run(folder, 1, accumulate=2, **config)
    assert code == 0, outcome_of(one).error
    assert not unlike(state_of(two), state_of(one))
    assert metrics_of(two) == metrics_of(one)
    assert outcome_of(two).metrics == outcome_of(one).metrics
    assert outcome_of(two).recipe == outcome_of(one).recipe


@pytest.mark.slow
def test_two_processes_and_the_whole_batch(folder: Path) -> None:
    """One process with the whole batch sums the same losses in another order: equal within 1e-5 of a weight."""
    two, _ = run(folder, 2)
    whole, _ = run(folder, 1, batch_size=8)
    for name, weight in state_of(two)["model"].items():
        torch.testing.assert_close(weight, state_of(whole)["model"][name], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_the_number_of_processes_may_change(folder: Path) -> None:
    """A run of two processes that was cut within an epoch is resumed by one that accumulates, and the other way round."""
    whole, _ = run(folder, 1, accumulate=2, training={"epochs": 3})
    for first, then in ((2, 1), (1, 2)):
        cut, _ = run(folder, first, accumulate=3 - first, training={"max_steps": 8, "epochs": 3})
        assert state_of(cut)["progress"]["batch"] == 4
        rest, code = run(folder, then, accumulate=3 - then, training={"epochs": 3}, resume=cut.path / "checkpoints")
        assert code == 0, outcome_of(rest).error
        found = [d for d in unlike(state_of(whole), state_of(rest)) if not d.startswith((".progress", ".early"))]
        assert not found


@pytest.mark.slow
def test_a_rank_that_raises_is_named(folder: Path) -> None:
    """The outcome is the error of the rank that raised first, not that of the one which lost its peer; one run folder,
    one outcome, a file for each failure."""
    run_dir, code = run(folder, 2, data={"faulty": "raises"})
    error = outcome_of(run_dir).error
    assert error
    assert "rank 1: training failed: ValueError: row of rank 1" in error["message"]
    assert "data.py:" in error["hint"]
    assert code == error["exit_code"] == 1
    failures = [json.loads(path.read_text()) for path in (run_dir.path / "logs").glob("rank-*.failure.json")]
    assert min(failures, key=lambda failure: failure["time"])["rank"] == 1


@pytest.mark.slow
def test_a_rank_that_dies_ends_the_others(folder: Path) -> None:
    """No process waits for one that was killed: the launcher returns, and the outcome is a failure."""
    run_dir, code = run(folder, 2, data={"faulty": "dies"})
    assert code != 0
    assert outcome_of(run_dir).status == "failed"


@pytest.mark.slow
def test_a_stop_request_to_one_rank_stops_all(folder: Path) -> None:
    """All save at the same step and end with 75; the run is resumed as if it had not been cut."""
    cut, code = run(folder, 2, data={"faulty": "stops"}, training={"epochs": 40})
    assert (code, outcome_of(cut).status) == (75, "interrupted")
    assert 0 < outcome_of(cut).steps < 240
    rest, code = run(folder, 2, training={"epochs": 40}, resume=cut.path / "checkpoints")
    assert code == 0, outcome_of(rest).error
    whole, _ = run(folder, 2, training={"epochs": 40})
    found = [d for d in unlike(state_of(whole), state_of(rest)) if not d.startswith(".measures")]
    assert not found


@pytest.mark.slow
def test_a_signal_to_the_launcher_stops_all(folder: Path) -> None:
    """SIGUSR1, as a scheduler sends it before the time is up, reaches every process, which save and end with 75."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "from trainer.test_ranks import run\n"
        "sys.exit(run(Path(sys.argv[1]), 2, training={'epochs': 5000})[1])\n"
    )
    argv = [sys.executable, "-c", code, str(folder), str(Path(__file__).parents[1])]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stderr is not None
            assert any(line.startswith("epoch 1 ") for line in process.stderr)
            process.send_signal(signal.SIGUSR1)
            process.stderr.read()
            assert process.wait(120) == 75
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    (run_dir,) = (RunDir(path) for path in (folder / "runs").iterdir())
    assert outcome_of(run_dir).status == "interrupted"
    assert state_of(run_dir)["progress"]["step"] == outcome_of(run_dir).steps


@pytest.mark.slow
def test_more_processes_than_planned_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job of one process that finds itself among several says how it was planned."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    run_dir, code = run(folder, 1)
    error = outcome_of(run_dir).error
    assert error
    assert (code, error["exit_code"]) == (2, 2)
    assert "planned for 1 processes, and WORLD_SIZE is 2" in error["message"]


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_batches_are_shared_out_in_one_order(world: int) -> None:
    """Each batch belongs to one rank, each rank makes the same number of passes, and one is left over as a repetition."""
    data = torch.utils.data.TensorDataset(torch.arange(42))
    alone = [indices.tolist() for indices in Batches(data, 4, seed=7, shuffle=True).indices(1)]  # type: ignore[union-attr]
    ranks = [Batches(data, 4, seed=7, shuffle=True, place=Place(rank, rank, world)) for rank in range(world)]
    own = [[(number, indices.tolist()) for number, indices in batches.own(1)] for batches in ranks]  # type: ignore[union-attr]
    assert len({len(batches) for batches in own}) == 1
    together = sorted(pair for batches in own for pair in batches)
    assert [indices for _, indices in together[: len(alone)]] == alone
    assert all(number >= len(alone) and indices == alone[-1] for number, indices in together[len(alone) :])
    assert sum(ranks[0].size_of(number) for number, _ in together) == 42
    uneven = [Batches(data, 4, seed=7, shuffle=True, even=False, place=Place(r, r, world)) for r in range(world)]
    assert sorted(number for batches in uneven for number, _ in batches.own(0)) == list(range(11))

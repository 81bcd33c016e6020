"""Small real runs in this process, for tests that look at every step."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from regtrain.checkpoint.folder import TrainingState, read_checkpoint
from regtrain.checkpoint.keep import list_checkpoints
from regtrain.config import from_mapping, to_yaml
from regtrain.hardware import Hardware
from regtrain.host import Host
from regtrain.job import GivenObjects, execute
from regtrain.plan import PlanOptions, make_plan
from regtrain.run.inputs import Sources, bring_inputs
from regtrain.run.resume import find_resume
from regtrain.run_dir import Outcome, RunDir
from regtrain.types import Callback, Fit, Splits

HOST = Host()
MACHINE = Hardware(cpus=2, machine="test")


class NoisyRows(Dataset[Any]):
    """Rows with their index, disturbed by noise from every random generator there is."""

    def __init__(self, rows: int, noise: bool = True) -> None:
        generator = torch.Generator().manual_seed(3)
        self.inputs = torch.randn(rows, 6, generator=generator)
        self.labels = torch.randint(0, 3, (rows,), generator=generator)
        self.noise = noise

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> Any:
        inputs = self.inputs[index]
        if self.noise:
            inputs = inputs + 0.1 * torch.randn(6) + 0.1 * random.random() + 0.1 * float(np.random.rand())
        return inputs, torch.tensor([int(self.labels[index]), index])


class SeenLoss:
    """Cross entropy over the labels; notes the index of every sample that was trained on."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def state_dict(self) -> dict[str, Any]:
        return {"seen": list(self.seen)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seen = list(state["seen"])

    def __call__(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():
            self.seen += targets[:, 1].tolist()
        return nn.functional.cross_entropy(outputs, targets[:, 0])


class LabelAccuracy:
    """Stands in for the classification evaluator, whose targets have no index column."""

    def reset(self) -> None:
        self.hits: list[float] = []

    def update(self, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        self.hits += (outputs.argmax(1) == targets[:, 0]).float().tolist()

    def compute(self) -> dict[str, float]:
        return {"accuracy": sum(self.hits) / len(self.hits)}


class StopAt(Callback):
    """Sends this process a signal when a step is recorded, as a scheduler or a person would."""

    def __init__(self, step: int, number: signal.Signals = signal.SIGTERM) -> None:
        self.step = step
        self.number = number

    def on_record(self, fit: Fit, record: Mapping[str, Any]) -> None:
        if record["step"] == self.step and "train/loss" in record:
            os.kill(os.getpid(), self.number)


def small_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))


@dataclass
class Done:
    """A run that has ended: its outcome, its folder, what it saw, and its newest checkpoint."""

    outcome: Outcome
    run_dir: RunDir
    seen: list[int] = field(default_factory=list)

    def state(self) -> TrainingState:
        return read_checkpoint(self.checkpoints()[-1])

    def checkpoints(self) -> list[Path]:
        return [info.path for info in list_checkpoints(self.run_dir.path / "checkpoints")]


def train(
    tmp_path: Path,
    config: Mapping[str, Any],
    *,
    live: GivenObjects | None = None,
    stop_at: int | None = None,
    resume: Path | None = None,
    host: Host = HOST,
    hardware: Hardware = MACHINE,
    callbacks: Sequence[Callback] = (),
    change: Callable[[GivenObjects], None] = lambda live: None,
) -> Done:
    """Plan and execute one run in this process; `stop_at` interrupts it at that step."""
    config = {"experiment": {"name": "small", "output_dir": str(tmp_path / "runs")}, **config}
    resolved = from_mapping(config, environ={}, base_dir=tmp_path)
    loss = SeenLoss()
    if live is None:
        live = GivenObjects(small_model(), Splits(NoisyRows(18), NoisyRows(7, noise=False)), loss)
    live.callbacks = [*callbacks, *([StopAt(stop_at)] if stop_at else [])]
    change(live)
    names = {"model": live.model, "data": live.data, "loss": live.criterion}
    sources = find_resume(str(resume), tmp_path, lambda: None).sources if resume else Sources()  # type: ignore[arg-type, return-value]
    options = PlanOptions(
        cwd=tmp_path,
        resume=sources.resume,
        given=frozenset(name for name, part in names.items() if part is not None),
    )
    plan = make_plan(resolved, host, hardware, options)
    run_dir = RunDir(tmp_path / "runs" / plan.run_id)
    text = to_yaml(resolved.config)
    run_dir.create(plan, text, text, {})
    bring_inputs(run_dir, sources, lambda: None)  # type: ignore[arg-type, return-value]
    return Done(execute(run_dir, plan, host, live), run_dir, loss.seen)


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two trees of state differ, bit for bit."""
    if isinstance(one, torch.Tensor) or isinstance(other, torch.Tensor):
        same = isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor)
        same = same and one.dtype == other.dtype and torch.equal(one, other)
        return [] if same else [path]
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = [*one, *(key for key in other if key not in one)]
        return [d for key in keys for d in differences(one.get(key), other.get(key), f"{path}.{key}")]
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        return [d for i, pair in enumerate(zip(one, other, strict=True)) for d in differences(*pair, f"{path}[{i}]")]
    return [] if type(one) is type(other) and one == other else [path]

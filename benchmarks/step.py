"""A training step: regtrain's loop against the same loop written by hand, and against peers that are installed.

    python benchmarks/step.py [--steps 1500] [--rounds 7] [--peers]

MLP 32→64→10, batch 32, AdamW, gradient norm clipped at 1.0, a learning-rate schedule by step, one thread. Each round
runs every contender once, in turn, in this one process; figures are CPU microseconds a step, the median over rounds,
and the median of the ratios to the bare loop of the same round. `nothing logged` logs only at the end; `one scalar`
writes the loss of every step as a line of JSON (regtrain: also learning rate and gradient norm, through the
callbacks that a run has). With two optimizers, each linear layer has its own, with a schedule of its own. The weights
at the end are compared with those of the bare loop that sees the same batches: they must be equal bit for bit.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, Sampler, TensorDataset

from regtrain.checkpoint.folder import Checkpoints
from regtrain.checkpoint.keep import KeepPolicy
from regtrain.job.callbacks import LogRecords, MetricsFile
from regtrain.trainer import Batches, DefaultEngine, Parts, Settings, StopFlag, Trainable, Trainer
from regtrain.types import CallbackContext, EngineSetup, OptimizerPart
from regtrain_plugins.callbacks.progress import Lines
from regtrain_plugins.strategies.single import Single
from regtrain_plugins.tasks.supervised import classification

BATCH, SEED = 32, 1
Contender = Callable[[TensorDataset, Path | None], Callable[[], nn.Module]]
NEVER = 1 << 40


def build() -> nn.Module:
    torch.manual_seed(SEED)
    return nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 10))


def data(steps: int) -> TensorDataset:
    generator = torch.Generator().manual_seed(0)
    return TensorDataset(
        torch.randn(steps * BATCH, 32, generator=generator), torch.randint(0, 10, (steps * BATCH,), generator=generator)
    )


class SameOrder(Sampler[int]):
    """The order that regtrain draws for the first epoch, so that both loops see the same batches."""

    def __init__(self, dataset: TensorDataset) -> None:
        batches = Batches(dataset, BATCH, seed=SEED, shuffle=True)
        self.order = [int(i) for indices in batches.indices(0) for i in indices]

    def __iter__(self) -> Iterator[int]:
        return iter(self.order)

    def __len__(self) -> int:
        return len(self.order)


def bare(dataset: TensorDataset, log: Path | None, two: bool = False) -> Callable[[], nn.Module]:
    model = build()
    parts = optimizers(model, two)
    criterion = nn.CrossEntropyLoss()
    loader = DataLoader(dataset, batch_size=BATCH, sampler=SameOrder(dataset))

    def train() -> nn.Module:
        file = log.open("a", buffering=1) if log else None
        model.train()
        for step, (inputs, targets) in enumerate(loader, 1):
            for part in parts:
                part.optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for part in parts:
                part.optimizer.step()
                part.scheduler.step()  # type: ignore[union-attr]
            if file:
                file.write(json.dumps({"step": step, "time": time.time(), "train/loss": loss.item()}) + "\n")
        if file:
            file.close()
        return model

    return train


def ours(dataset: TensorDataset, log: Path | None, two: bool = False) -> Callable[[], nn.Module]:
    model = build()
    trainable = Trainable(model, {}, nn.CrossEntropyLoss())
    folder = Path(tempfile.mkdtemp())
    strategy = Single("cpu")
    setup = EngineSetup(trainable, lambda: optimizers(model, two), "32", 1, 1.0, DefaultEngine)
    context = CallbackContext("r", "r", folder, folder, False, 0, 0)
    parts = Parts(
        engine=strategy.prepare(setup),
        task=classification(),
        criterion=nn.CrossEntropyLoss(),
        train=Batches(dataset, BATCH, seed=SEED, shuffle=True),
        strategy=strategy,
        checkpoints=Checkpoints(folder / "checkpoints", KeepPolicy("train/loss", "min")),
        settings=Settings(epochs=1, log_every=1 if log else NEVER),
        callbacks=[MetricsFile(folder / "metrics.jsonl"), LogRecords(logging.getLogger("quiet")), Lines(context)],
    )
    trainer = Trainer(parts, StopFlag())
    # the checkpoint at the end of an epoch is measured by checkpoint.py; a bare loop has none
    trainer._save = lambda **_: None  # type: ignore[method-assign,assignment]

    def train() -> nn.Module:
        trainer.fit()
        return model

    return train


def optimizers(model: nn.Module, two: bool) -> list[OptimizerPart]:
    """One optimizer for all, or one for each linear layer, each with a schedule by step."""
    modules = {"0": model[0], "2": model[2]} if two else {"": model}  # type: ignore[index]
    parts = []
    for name, module in modules.items():
        optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 100, 0.9)
        parts.append(OptimizerPart(name, optimizer, scheduler, "step"))
    return parts


def peers() -> dict[str, Contender]:
    from importlib.util import find_spec

    import step_peers

    found = {"lightning": "lightning", "ignite": "ignite", "accelerate": "accelerate", "hf trainer": "transformers"}
    return {name: getattr(step_peers, name.replace(" ", "_")) for name, package in found.items() if find_spec(package)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", action="store_true", help="also what is installed of Lightning, Ignite, …")
    options = parser.parse_args()
    torch.set_num_threads(1)
    dataset = data(options.steps)
    failed = False
    cases = {
        "nothing logged": (False, False, 1.00),
        "one scalar a step": (True, False, 1.03),
        "nothing logged, two optimizers": (False, True, 1.00),
        "one scalar a step, two optimizers": (True, True, 1.03),
    }
    for case, (logged, two, goal) in cases.items():
        contenders: dict[str, Contender] = {"bare": partial(bare, two=two), "regtrain": partial(ours, two=two)}
        if options.peers and not two:
            contenders |= peers()
        times: dict[str, list[float]] = {name: [] for name in contenders}
        weights = {}
        for _ in range(options.rounds):
            for name, make in contenders.items():
                log = Path(tempfile.mkdtemp()) / "metrics.jsonl" if logged else None
                train = make(dataset, log)
                began = time.process_time()
                model = train()
                times[name].append((time.process_time() - began) / options.steps * 1e6)
                weights[name] = torch.cat([p.detach().flatten() for p in model.parameters()])
        equal = torch.equal(weights["bare"], weights["regtrain"])
        print(f"{case} (weights equal bit for bit: {equal})")
        for name, seen in times.items():
            ratios = [mine / base for mine, base in zip(seen, times["bare"], strict=True)]
            print(f"  {name:12s} {statistics.median(seen):7.0f} µs  {statistics.median(ratios):5.2f} × bare")
        ratio = statistics.median(m / b for m, b in zip(times["regtrain"], times["bare"], strict=True))
        failed |= not equal or ratio > goal
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

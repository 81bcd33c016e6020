"""Training in two processes: strategy `ddp` against a bare script with torch's DistributedDataParallel.

    python benchmarks/ddp.py [--steps 600] [--rounds 7]

MLP 128→512→512→10, batch 64 per process, AdamW, gradient norm clipped at 1.0, two processes over gloo, one thread each.
Both loops run in turn in the same two processes; a figure is the wall-clock time of a step in microseconds, between two
barriers. The median of the ratios of all rounds must be at most 1.02, and the weights equal bit for bit.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Sampler, TensorDataset

from regtrain.checkpoint.folder import Checkpoints
from regtrain.checkpoint.keep import KeepPolicy
from regtrain.trainer import Batches, DefaultEngine, Parts, Settings, StopFlag, Trainable, Trainer
from regtrain.types import EngineSetup, OptimizerPart
from regtrain_plugins.strategies.ddp import Ddp
from regtrain_plugins.tasks.supervised import classification

BATCH, SEED, GOAL = 64, 1, 1.02
NEVER = 1 << 40


def build() -> nn.Module:
    torch.manual_seed(SEED)
    return nn.Sequential(nn.Linear(128, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


def data(steps: int) -> TensorDataset:
    generator = torch.Generator().manual_seed(0)
    rows = steps * BATCH * 2
    return TensorDataset(
        torch.randn(rows, 128, generator=generator), torch.randint(0, 10, (rows,), generator=generator)
    )


class Shard(Sampler[int]):
    """The samples that regtrain gives this rank, so that both loops see the same batches."""

    def __init__(self, dataset: TensorDataset, strategy: Ddp) -> None:
        batches = Batches(dataset, BATCH, seed=SEED, shuffle=True, place=strategy.place)
        self.order = [int(index) for _, indices in batches.own(0) for index in indices]

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self.order)

    def __len__(self) -> int:
        return len(self.order)


def bare(dataset: TensorDataset, strategy: Ddp) -> tuple[float, nn.Module]:
    model = build()
    wrapped = DistributedDataParallel(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    loader = DataLoader(dataset, batch_size=BATCH, sampler=Shard(dataset, strategy))
    dist.barrier()
    began = time.perf_counter()
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(wrapped(inputs), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    dist.barrier()
    return time.perf_counter() - began, model


def ours(dataset: TensorDataset, strategy: Ddp) -> tuple[float, nn.Module]:
    model = build()
    trainable = Trainable(model, {}, nn.CrossEntropyLoss())

    def optimizers() -> list[OptimizerPart]:
        return [OptimizerPart("", torch.optim.AdamW(model.parameters(), lr=1e-3))]

    parts = Parts(
        engine=strategy.prepare(EngineSetup(trainable, optimizers, "32", 1, 1.0, DefaultEngine)),
        task=classification(),
        criterion=nn.CrossEntropyLoss(),
        train=Batches(dataset, BATCH, seed=SEED, shuffle=True, place=strategy.place),
        strategy=strategy,
        checkpoints=Checkpoints(
            Path(tempfile.mkdtemp()), KeepPolicy("train/loss", "min"), writes=strategy.place.is_main
        ),
        settings=Settings(epochs=1, log_every=NEVER),
    )
    trainer = Trainer(parts, StopFlag())
    trainer._save = lambda **_: None  # type: ignore[method-assign,assignment]
    dist.barrier()
    began = time.perf_counter()
    trainer.fit()
    dist.barrier()
    return time.perf_counter() - began, model


def rank(steps: int, rounds: int) -> int:
    """One of the two processes; rank 0 prints."""
    torch.set_num_threads(1)
    dataset = data(steps)
    with Ddp("cpu") as strategy:
        times: dict[str, list[float]] = {"bare": [], "regtrain": []}
        weights = {}
        for number in range(rounds + 1):
            for name, train in (("bare", bare), ("regtrain", ours)):
                seconds, model = train(dataset, strategy)
                if number:  # the first round warms up
                    times[name].append(seconds / steps * 1e6)
                weights[name] = torch.cat([p.detach().flatten() for p in model.parameters()])
        ratio = statistics.median(mine / base for mine, base in zip(times["regtrain"], times["bare"], strict=True))
        equal = torch.equal(weights["bare"], weights["regtrain"])
        if strategy.place.is_main:
            print(f"two processes, batch {BATCH} each (weights equal bit for bit: {equal})")
            for name, seen in times.items():
                print(f"  {name:9s} {statistics.median(seen):7.0f} µs")
            print(f"  {ratio:.3f} × bare")
    return 0 if equal and ratio <= GOAL else 1


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    if "RANK" in os.environ:
        return rank(options.steps, options.rounds)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    argv = [sys.executable, *sys.argv]
    ranks = [subprocess.Popen(argv, env={**shared, "RANK": str(n), "LOCAL_RANK": str(n)}) for n in range(2)]
    return max(abs(process.wait()) for process in ranks)


if __name__ == "__main__":
    sys.exit(main())

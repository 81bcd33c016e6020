"""Loading a version of 400 MB, digest included, against torch.load of the same tensors.

    python benchmarks/load.py [--rounds 9] [--megabytes 400]

Each round loads both in turn in this process, from a warm page cache; the median of the ratios per round. torch.load
reads into memory (`mmap=False`), as regtrain does, and verifies nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

import regtrain
from regtrain import Trainer
from regtrain_registry import Registry

MODEL = """\
from torch import nn


def build(width, depth=8):
    return nn.Sequential(*(nn.Linear(width, width) for _ in range(depth)), nn.Linear(width, 2))
"""
DATA = """\
import torch
from torch.utils.data import TensorDataset


def build(width):
    return TensorDataset(torch.randn(4, width), torch.zeros(4, dtype=torch.long))
"""


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--megabytes", type=int, default=400)
    options = parser.parse_args()
    width = int((options.megabytes * 1e6 / 4 / 8) ** 0.5)
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        Path("model.py").write_text(MODEL, encoding="utf-8")
        Path("data.py").write_text(DATA, encoding="utf-8")
        config = {
            "model": {"target": "./model.py:build", "width": width},
            "data": {"target": "./data.py:build", "width": width},
            "optimizer": {"name": "SGD"},
            "training": {"epochs": 1, "batch_size": 4},
            "experiment": {"name": "large"},
        }
        Trainer(config, output_dir="runs").train()
        registry = Registry()
        torch.save(regtrain.load("large", registry=registry).state_dict(), "large.pth")
        ratios = []
        for _ in range(options.rounds):
            ours = seconds(lambda: regtrain.load("large", registry=registry))
            theirs = seconds(lambda: torch.load("large.pth", mmap=False))
            ratios.append(ours / theirs)
            print(f"regtrain.load {ours * 1000:6.0f} ms   torch.load {theirs * 1000:6.0f} ms   {ours / theirs:.2f}")
        ordered = sorted(ratios)
        print(f"median {statistics.median(ratios):.2f} x torch.load, {ordered[0]:.2f} to {ordered[-1]:.2f}")


if __name__ == "__main__":
    main()

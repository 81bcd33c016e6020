"""ONNX export of a ResNet-18 with verification and report, against torch.onnx.export alone.

    python benchmarks/export.py [--rounds 3]

Each round runs two whole commands in turn: a script that builds the model, reads its weights and calls
torch.onnx.export; and `regtrain models export`, which builds the model anew, takes samples of its data, exports, loads
the file in another process, compares, times both sides and records the file. The median of the ratios per round.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from regtrain import Trainer

REGTRAIN = str(Path(sys.executable).with_name("regtrain"))

MODEL = """\
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, before, width, stride):
        super().__init__()
        self.first = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        same = stride == 1 and before == width
        self.short = nn.Identity() if same else nn.Sequential(
            nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x):
        found = torch.relu(self.norm1(self.first(x)))
        return torch.relu(self.norm2(self.second(found)) + self.short(x))


def build():
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    before = 64
    for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Block(before, width, stride), Block(width, width, 1)]
        before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))
"""

DATA = """\
import torch
from torch.utils.data import TensorDataset


def build():
    images = torch.randn(40, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(40)
    return TensorDataset(images[:8], labels[:8]), TensorDataset(images[8:], labels[8:])
"""

ALONE = """\
import sys
import torch
from safetensors.torch import load_file
from model import build

model = build().eval()
model.load_state_dict(load_file(sys.argv[1]))
torch.onnx.export(
    model, (torch.randn(2, 3, 64, 64),), sys.argv[2], dynamo=True, input_names=["inputs"], output_names=["output"],
    dynamic_shapes=({0: torch.export.Dim("batch")},), external_data=False, verbose=False,
)
"""


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        for file, text in (("model.py", MODEL), ("data.py", DATA), ("alone.py", ALONE)):
            Path(file).write_text(text, encoding="utf-8")
        config = {
            "model": {"target": "./model.py:build"},
            "data": {"target": "./data.py:build"},
            "optimizer": {"name": "SGD"},
            "training": {"epochs": 1, "batch_size": 8},
            "experiment": {"name": "resnet"},
        }
        result = Trainer(config, output_dir="runs").train()
        weights = str(result.run_dir / "checkpoints" / "best" / "model.safetensors")
        ratios = []
        for number in range(options.rounds):
            theirs = seconds([sys.executable, "alone.py", weights, f"alone-{number}.onnx"])
            file = f"ours-{number}.onnx"
            ours = seconds([REGTRAIN, "models", "export", "resnet", "--format", "onnx", "-o", file])
            ratios.append(ours / theirs)
            print(f"regtrain models export {ours:5.1f} s   torch.onnx.export {theirs:5.1f} s   {ours / theirs:.2f}")
        print(f"median {statistics.median(ratios):.2f} x torch.onnx.export, {min(ratios):.2f} to {max(ratios):.2f}")
        shown = subprocess.run([REGTRAIN, "models", "show", "resnet", "--json"], check=True, capture_output=True)
        report = json.loads(shown.stdout)["exports"][0]["report"]
        print(f"largest difference {report['max_absolute']:.2g}; ms of one call: {json.dumps(report['latency_ms'])}")


if __name__ == "__main__":
    main()

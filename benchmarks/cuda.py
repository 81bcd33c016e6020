"""What only a GPU can show: `python benchmarks/cuda.py`. Says so and ends with 0 where torch finds no CUDA.

Checks, each of which prints a line and fails the script when it does not hold:
- precision: `mixed_precision: true` picks bf16 on Ampere and newer, float16 with gradient scaling before; both learn
  the digits to within two points of 32 bits, and the scaler's state is in the checkpoint;
- resume: with deterministic algorithms a run that was cut after a step equals the one that was not, bit for bit.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

DIGITS: dict[str, Any] = {"model": "simple_cnn", "data": {"name": "digits"}, "lr": 0.003}


def run(folder: Path, config: dict[str, Any], **more: Any) -> Any:
    from regtrain.hardware import detect
    from regtrain.job import GivenObjects
    from support.small_runs import train

    return train(folder, config, live=GivenObjects(), hardware=detect(), **more)


def precision(folder: Path) -> list[str]:
    wrong, accuracy = [], {}
    for name in ("32", "bf16", "16"):
        done = run(folder / name, {**DIGITS, "training": {"epochs": 8, "batch_size": 64, "precision": name}})
        accuracy[name] = done.outcome.metrics.get("val/accuracy", 0.0)
        if name == "16" and not done.state()["precision"].get("scale"):
            wrong.append("the scaler's state is not in the checkpoint")
        print(f"precision {name:>4}: accuracy {accuracy[name]:.4f}")
    wrong += [f"{n} learns worse than 32 bits" for n in ("bf16", "16") if accuracy[n] < accuracy["32"] - 0.02]
    return wrong


def resume(folder: Path) -> list[str]:
    from support.small_runs import differences

    keys = {
        **DIGITS,
        "training": {"epochs": 2, "batch_size": 64, "precision": "16"},
        "reproducibility": {"deterministic": True},
        "logging": {"every_n_steps": 1},
    }
    whole = run(folder / "whole", keys)
    part = run(folder / "part", keys, stop_at=30)
    rest = run(folder / "part", keys, resume=part.run_dir.path / "checkpoints")
    found = [d for d in differences(whole.state(), rest.state()) if not d.startswith(".config.experiment")]
    print(f"resume: {len(found)} differences")
    return [f"resumed state differs: {found[:3]}"] if found else []


def main() -> None:
    if not torch.cuda.is_available():
        print("no CUDA here: nothing was checked")
        return
    print(subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout.strip())
    folder = Path(tempfile.mkdtemp())
    wrong = [*precision(folder / "precision"), *resume(folder / "resume")]
    for line in wrong:
        print(f"WRONG: {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

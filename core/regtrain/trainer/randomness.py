"""Seeds and the state of every random generator."""

from __future__ import annotations

import os
import random
from typing import Any

import numpy as np
import torch

__all__ = ["mixed", "restore", "seed_all", "snapshot", "use_deterministic"]


def mixed(*numbers: int) -> int:
    """One seed from several numbers, the same on every machine and Python."""
    seed = 0
    for number in numbers:
        seed = (seed * 6364136223846793005 + number + 1442695040888963407) % 2**63
    return seed


def seed_all(seed: int) -> None:
    """Seed Python, NumPy and torch (all devices)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def use_deterministic(deterministic: bool, benchmark: bool) -> None:
    """Only algorithms that give the same bits each time; torch raises where an operation has none."""
    torch.backends.cudnn.benchmark = benchmark and not deterministic
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)


def snapshot() -> dict[str, Any]:
    """State of the generators of Python, NumPy, torch and CUDA, as a tree of numbers and tensors."""
    name, keys, position, has_gauss, gauss = np.random.get_state()
    state: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, gauss],
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def restore(state: dict[str, Any]) -> None:
    random.setstate(state["python"])
    name, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, gauss))
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])

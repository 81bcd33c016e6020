"""Tensors and arrays between the process that exports and the one that checks. Loads no torch by itself."""

from __future__ import annotations

import hashlib
import math
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from regtrain.types.exporting import Timing

__all__ = ["Array", "as_array", "digest_of", "read_case", "time_calls", "write_case"]

Array = np.ndarray[Any, Any]
CALLS, SECONDS = 50, 0.5  # of one timing: at most so many calls in about so long, and five at least


def as_array(tensor: Any) -> Array:
    """A tensor as an array; bfloat16, which NumPy lacks, as float32, which holds each of its values."""
    found = tensor.detach().cpu()
    found = found.float() if str(found.dtype) == "torch.bfloat16" else found
    array: Array = found.contiguous().numpy()
    return array


def write_case(path: Path, inputs: Mapping[str, Array], outputs: Mapping[str, Array]) -> None:
    """One batch of samples, with what the model computed for it."""
    arrays = {**{f"in:{k}": v for k, v in inputs.items()}, **{f"out:{k}": v for k, v in outputs.items()}}
    np.savez(path, **arrays)  # type: ignore[arg-type]


def read_case(path: Path) -> tuple[dict[str, Array], dict[str, Array]]:
    """Inputs and outputs by name."""
    with np.load(path, allow_pickle=False) as found:
        arrays = {key: found[key] for key in found.files}
    sides = ("in:", "out:")
    inputs, outputs = ({k.removeprefix(s): v for k, v in arrays.items() if k.startswith(s)} for s in sides)
    return inputs, outputs


def digest_of(array: Array) -> str:
    """SHA-256 of an array's content."""
    return hashlib.sha256(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data).hexdigest()


def time_calls(call: Callable[[], object]) -> Timing:
    """Milliseconds of a call: the first two, which set things up, do not count."""
    found: list[float] = []
    end = math.inf
    for number in range(CALLS + 2):
        began = time.perf_counter()
        call()
        done = time.perf_counter()
        if number == 1:
            end = done + SECONDS
        if number >= 2:
            found.append((done - began) * 1000)
            if done > end and len(found) >= 5:
                break
    ordered = sorted(found)
    tenth = len(ordered) // 10
    return Timing(*(round(value, 4) for value in (statistics.median(ordered), ordered[tenth], ordered[-1 - tenth])))

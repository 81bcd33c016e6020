"""Saving a 400 MB state (weights and both moments of AdamW), against a plain write and fsync of the same bytes.

    python benchmarks/checkpoint.py [--rounds 7] [--folder DIR]

Each round does both in turn. `blocked`: how long the loop stands still in `save` (with its buffers already there, as
from the second save of a run on). `whole`: from the call until the checkpoint is complete, synced, hashed and renamed.
Wall time; the median of the ratios per round.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from regtrain.checkpoint.folder import Checkpoints, read_checkpoint
from regtrain.checkpoint.keep import KeepPolicy

TENSORS, FLOATS = 99, 1_010_101


def plain(folder: Path, data: memoryview) -> float:
    began = time.perf_counter()
    descriptor = os.open(folder / "plain", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    written = 0
    while written < len(data):
        written += os.write(descriptor, data[written:])
    os.fsync(descriptor)
    os.close(descriptor)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    tensors = [torch.randn(FLOATS) for _ in range(TENSORS)]
    third = TENSORS // 3
    weights = {f"layer.{i}": tensors[i] for i in range(third)}
    moments = {i: {"exp_avg": tensors[third + i], "exp_avg_sq": tensors[2 * third + i]} for i in range(third)}
    state = {"model": weights, "optimizer": {"state": moments}}
    data = torch.cat(tensors).view(torch.uint8).numpy().data
    checkpoints = Checkpoints(folder / "checkpoints", KeepPolicy("val/loss", "min", every_n_steps=1))
    blocked, whole, base = [], [], []
    for step in range(options.rounds + 1):
        reference = plain(folder, data)
        (folder / "plain").unlink()
        began = time.perf_counter()
        checkpoints.save(state, step=step, epoch=0, epoch_end=False, metrics={})
        stood = time.perf_counter() - began
        checkpoints.wait()
        done = time.perf_counter() - began
        for info in checkpoints.infos()[:-1]:  # deleting old ones is no part of saving, of neither side
            shutil.rmtree(info.path)
        if step:  # the first save allocates the buffers
            base.append(reference)
            blocked.append(stood / reference)
            whole.append(done / reference)
    assert torch.equal(read_checkpoint(checkpoints.infos()[-1].path)["model"]["layer.7"], tensors[7])
    shutil.rmtree(folder)
    print(f"plain write + fsync of 400 MB: {statistics.median(base):.3f} s")
    print(f"blocked: {statistics.median(blocked):.2f} × plain (at most 0.35)")
    print(f"whole:   {statistics.median(whole):.2f} × plain (at most 1.30), digest included")
    sys.exit(0 if statistics.median(blocked) <= 0.35 and statistics.median(whole) <= 1.3 else 1)


if __name__ == "__main__":
    main()

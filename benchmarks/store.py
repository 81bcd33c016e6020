"""Storing a checkpoint of 400 MB, against a plain write and fsync of the same bytes.

    python benchmarks/store.py [--rounds 7] [--folder DIR]

Each round does all in turn, in the same folder. Every file has its SHA-256 and the BLAKE3 of its tensors computed, and
is looked for in the database; `LocalStore.put` of files that were just written and synchronised, as a run leaves them.

plain           write and fsync of 400 MB from memory.
plain copy      read and write of such a file, and fsync.
linked          a checkpoint of the run, on the same file system: what `regtrain run` does.
copied          a file from elsewhere, copied into the store.
shared          a linked file of which 90 % of the bytes are in the store, in other tensors than the rest.
shared, copied  the same with a file that is not linked.

A figure is the median of the ratios per round. The goal: at most 1.3 × for what is linked or shared, and for what is
copied at most 0.3 × the plain write more than the plain copy.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from regtrain_registry.store.blob import Range, SourceFile, Stored
from regtrain_registry.store.local import LocalStore

TENSORS, SIZE = 100, 4_000_000
SHARED = 90


def write(path: Path, chunks: Sequence[bytes]) -> None:
    """Write and synchronise."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    for chunk in chunks:
        view = memoryview(chunk)
        while view:
            view = view[os.write(handle, view) :]
    os.fsync(handle)
    os.close(handle)


def plain_copy(source: Path, target: Path) -> None:
    """Read, write and synchronise."""
    buffer = memoryview(bytearray(1 << 20))
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    with source.open("rb", buffering=0) as stream:
        while count := stream.readinto(buffer):
            view = buffer[:count]
            while view:
                view = view[os.write(handle, view) :]
    os.fsync(handle)
    os.close(handle)


def checkpoint(path: Path, tensors: Sequence[bytes]) -> Path:
    """A safetensors file with these tensors."""
    header = {
        f"layer.{number}": {"dtype": "F32", "shape": [SIZE // 4], "data_offsets": [number * SIZE, (number + 1) * SIZE]}
        for number in range(len(tensors))
    }
    text = json.dumps(header).encode()
    write(path, [len(text).to_bytes(8, "little"), text, *tensors])
    return path


def elapsed(work: Callable[[], object]) -> float:
    """Wall time of one call in seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Round:
    """One store, and the seconds of each side. Files are deleted as soon as they were used: memory that is touched for
    the first time can cost a virtual machine more than all that is measured here."""

    def __init__(self, folder: Path, tensors: Sequence[bytes]) -> None:
        self.folder = folder
        self.tensors = tensors
        self.store = LocalStore(folder / "blobs")
        self.known: dict[str, Range] = {}
        self.seconds: dict[str, float] = {}

    def run(self) -> dict[str, float]:
        plain = self.folder / "plain"
        self.seconds["plain"] = elapsed(lambda: write(plain, self.tensors))
        plain.unlink()
        later = [*self.tensors[:SHARED], *(os.urandom(SIZE) for _ in self.tensors[SHARED:])]
        self.put("linked", self.tensors, link=True)
        self.put("shared", later, link=True)
        later[SHARED:] = [os.urandom(SIZE) for _ in later[SHARED:]]
        self.put("shared, copied", later, link=False)
        shutil.rmtree(self.store.folder)
        self.known.clear()
        source, copy = checkpoint(self.folder / "source", self.tensors), self.folder / "copy"
        self.seconds["plain copy"] = elapsed(lambda: plain_copy(source, copy))
        source.unlink()
        copy.unlink()
        self.put("copied", self.tensors, link=False)
        shutil.rmtree(self.store.folder)
        return self.seconds

    def put(self, side: str, tensors: Sequence[bytes], link: bool) -> None:
        """Write a checkpoint, store it, and check that it was stored as the side says."""
        path = checkpoint(self.folder / "checkpoint", tensors)
        stored: list[Stored] = []
        self.seconds[side] = elapsed(lambda: stored.extend(self.store.put([SourceFile(path, link=link)], self.find)))
        self.known |= {tensor.digest: tensor.range for tensor in stored[0].tensors}
        assert bool(stored[0].blob.ranges) is side.startswith("shared")
        path.unlink()

    def find(self, digests: Sequence[str]) -> dict[str, Range]:
        """Like the query of the registry."""
        return {digest: self.known[digest] for digest in digests if digest in self.known}


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast checkpoints are stored.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(dir=options.folder))
    rounds = []
    tensors = [os.urandom(SIZE) for _ in range(TENSORS)]
    try:
        for number in range(options.rounds + 1):
            folder = root / str(number)
            folder.mkdir()
            rounds.append(Round(folder, tensors).run())
    finally:
        shutil.rmtree(root, ignore_errors=True)
    rounds = rounds[1:]  # the first one loads modules
    ratios = {name: statistics.median(r[name] / r["plain"] for r in rounds) for name in rounds[0]}
    added = statistics.median((r["copied"] - r["plain copy"]) / r["plain"] for r in rounds)
    print(f"plain write + fsync of 400 MB: {statistics.median(r['plain'] for r in rounds):.3f} s")
    for name, ratio in ratios.items():
        print(f"{name:16} {ratio:.2f} × plain")
    print(f"copied, more than plain copy: {added:.2f} × plain")
    sys.exit(max(ratios[name] for name in ("linked", "shared", "shared, copied")) > 1.3 or added > 0.3)


if __name__ == "__main__":
    main()

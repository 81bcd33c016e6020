"""What this machine offers, found out without loading torch."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["Gpu", "Hardware", "detect", "visible"]


@dataclass(frozen=True)
class Gpu:
    name: str
    memory_mib: int
    capability: float

    @property
    def likes_bf16(self) -> bool:
        """Ampere (compute capability 8.0) and newer multiply bfloat16 in hardware."""
        return self.capability >= 8.0


@dataclass(frozen=True)
class Hardware:
    """`cuda_build`: the installed torch can use NVIDIA GPUs."""

    cpus: int
    machine: str
    gpus: tuple[Gpu, ...] = ()
    cuda_build: bool = False
    metal: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@cache
def detect() -> Hardware:
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    return Hardware(_cpus(), f"{platform.system()} {platform.machine()}", _gpus(), _cuda_build(), apple)


def _cpus() -> int:
    """Cores that this process may use, which a container or a scheduler can hold below those of the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _gpus() -> tuple[Gpu, ...]:
    program = shutil.which("nvidia-smi")
    if not program:
        return ()
    fields = ["--query-gpu=name,memory.total,compute_cap", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run([program, *fields], capture_output=True, text=True, timeout=20, check=True).stdout
        rows = [[cell.strip() for cell in line.split(",")] for line in said.splitlines() if line.strip()]
        gpus = [Gpu(name, int(float(memory)), float(capability)) for name, memory, capability in rows]
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()
    return visible(gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))


def visible(gpus: Sequence[Gpu], wanted: str | None) -> tuple[Gpu, ...]:
    """Those that CUDA_VISIBLE_DEVICES leaves, in its order. Like CUDA, stop at the first that there is not (`-1`)."""
    if wanted is None:
        return tuple(gpus)
    left: list[Gpu] = []
    for word in wanted.split(","):
        name = word.strip()
        if name.startswith(("GPU-", "MIG-")) and len(left) < len(gpus):  # nvidia-smi was not asked for these names
            left.append(gpus[len(left)])
        elif name.isdecimal() and int(name) < len(gpus):
            left.append(gpus[int(name)])
        else:
            break
    return tuple(left)


def _cuda_build() -> bool:
    """torch/version.py says which CUDA torch was built with; reading it costs less than importing torch."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    try:
        text = (Path(spec.origin).parent / "version.py").read_text(encoding="utf-8")
    except OSError:
        return False
    return re.search(r"^cuda[^=]*=\s*['\"]", text, re.MULTILINE) is not None

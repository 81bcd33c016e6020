"""Which checkpoints of a run are kept: a pure decision over what is on disk; and taking one away. Loads no torch."""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from regtrain.checkpoint.manifest import read_manifest
from regtrain.errors import CheckpointDamagedError
from regtrain.types import chosen
from regtrain.types.config import Config

__all__ = [
    "CheckpointInfo",
    "KeepPolicy",
    "Mode",
    "best_of",
    "keep",
    "keep_policy",
    "list_checkpoints",
    "ranked",
    "remove",
]

Mode = Literal["min", "max"]


@dataclass(frozen=True)
class CheckpointInfo:
    """One complete checkpoint. `files`: name → `digest` and `size`; `epoch` counts those that are finished.

    `finite`: every weight is a finite number, and so were the losses at its step.
    """

    path: Path
    step: int
    epoch: int
    epoch_end: bool
    metrics: Mapping[str, float]
    files: Mapping[str, Mapping[str, Any]]
    size_bytes: int
    finite: bool = True


@dataclass(frozen=True)
class KeepPolicy:
    """What `checkpoint` in the config says about keeping."""

    monitor: str
    mode: Mode
    save_best: bool = True
    save_last: bool = True
    every_n_epochs: int | None = None
    every_n_steps: int | None = None
    keep_top_k: int = 0


def keep_policy(config: Config) -> KeepPolicy:
    """The policy of a config that planning has completed."""
    keys = config.checkpoint
    return KeepPolicy(
        chosen(keys.monitor),
        chosen(keys.mode),
        save_best=keys.save_best,
        save_last=keys.save_last,
        every_n_epochs=keys.every_n_epochs,
        every_n_steps=keys.every_n_steps,
        keep_top_k=keys.keep_top_k,
    )


def list_checkpoints(folder: Path) -> list[CheckpointInfo]:
    """Complete checkpoints, oldest step first. A folder without a readable manifest is not one."""
    found = (_read(path) for path in sorted(folder.glob("step-*")) if path.is_dir() and not path.is_symlink())
    return sorted((info for info in found if info), key=_age)


def _read(path: Path) -> CheckpointInfo | None:
    try:
        manifest = read_manifest(path)
    except CheckpointDamagedError:
        return None
    return CheckpointInfo(
        path,
        manifest.step,
        manifest.epoch,
        manifest.epoch_end,
        {name: value for name, value in manifest.metrics.items() if value is not None},
        {name: {"digest": entry.digest, "size": entry.size} for name, entry in manifest.files.items()},
        sum(entry.size for entry in manifest.files.values()),
        manifest.finite,
    )


def _age(info: CheckpointInfo) -> tuple[int, int, str]:
    """Order of saving: by step; of the same step, by the number behind it."""
    return info.step, len(info.path.name), info.path.name


def ranked(infos: Sequence[CheckpointInfo], monitor: str, mode: Mode) -> list[CheckpointInfo]:
    """Those of finite weights that have the metric as a finite number, best first; of equals the earlier."""
    sign = 1 if mode == "min" else -1
    having = [info for info in infos if info.finite and math.isfinite(info.metrics.get(monitor, math.nan))]
    return sorted(having, key=lambda info: (sign * info.metrics[monitor], info.step))


def best_of(infos: Sequence[CheckpointInfo], monitor: str, mode: Mode) -> CheckpointInfo | None:
    return next(iter(ranked(infos, monitor, mode)), None)


def keep(infos: Sequence[CheckpointInfo], policy: KeepPolicy, *, ended: bool = False) -> set[Path]:
    """Paths that stay. The newest does until the run has ended: without it, a run that dies now could not go on."""
    if not infos:
        return set()
    last_of_step = {info.step: info for info in sorted(infos, key=_age)}
    infos = list(last_of_step.values())  # the same step saved again holds all that the one before it held
    stays: set[Path] = set()
    best_first = ranked(infos, policy.monitor, policy.mode)
    stays.update(info.path for info in best_first[: max(policy.keep_top_k, int(policy.save_best))])
    if policy.every_n_epochs:
        stays.update(i.path for i in infos if i.epoch_end and i.epoch % policy.every_n_epochs == 0)
    if policy.every_n_steps:
        stays.update(i.path for i in infos if i.step % policy.every_n_steps == 0)
    if policy.save_last or not ended or not stays:
        stays.add(infos[-1].path)
    return stays


def remove(path: Path) -> None:
    """Out of sight in one step: a checkpoint that was deleted halfway would still look whole."""
    gone = path.with_name(f".{path.name}-gone")
    with contextlib.suppress(OSError):
        path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

"""What a run needs from elsewhere, brought into its folder, so that another machine can run it."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from regtrain.checkpoint.manifest import FILES, MANIFEST
from regtrain.run_dir import RunDir

if TYPE_CHECKING:
    from regtrain_registry import Registry

__all__ = ["STATE", "WEIGHTS", "Sources", "bring_inputs"]

CHECKPOINTS = "inputs/checkpoints"
WEIGHTS = "inputs/weights.safetensors"

# Names of the training state among the files of a registered version.
STATE = {
    "model.safetensors": "model.safetensors",
    "checkpoint/state.safetensors": "state.safetensors",
    "checkpoint/state.json": "state.json",
    f"checkpoint/{MANIFEST}": MANIFEST,
}


@dataclass(frozen=True)
class Sources:
    """Where the inputs of a run are now. `checkpoint` is one of the folders in `checkpoints`, or None for all of them;
    `version` is a registered version whose training state becomes the checkpoint of that name."""

    checkpoints: Path | None = None
    checkpoint: str | None = None
    version: str | None = None
    weights: Path | None = None

    @property
    def resume(self) -> str | None:
        """The path that the plan names, inside the run folder; None for a run that begins anew."""
        if self.checkpoints is None and self.version is None:
            return None
        return f"{CHECKPOINTS}/{self.checkpoint}" if self.checkpoint else CHECKPOINTS


def bring_inputs(run_dir: RunDir, sources: Sources, registry: Callable[[], Registry]) -> None:
    """Bring in checkpoints and weights; files of the same file system are linked, since nobody writes to them again."""
    if sources.version:
        assert sources.checkpoint is not None
        folder = run_dir.path / CHECKPOINTS / sources.checkpoint
        folder.mkdir(parents=True)
        for name, inside in STATE.items():
            shutil.copyfile(registry().open_artifact(sources.version, name), folder / inside)
    elif sources.checkpoints:
        for checkpoint in _up_to(sources.checkpoints, sources.checkpoint):
            _bring_checkpoint(checkpoint, run_dir.path / CHECKPOINTS / checkpoint.name)
    if sources.weights:
        target = run_dir.path / WEIGHTS
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(sources.weights, target)


def _up_to(folder: Path, last: str | None) -> list[Path]:
    """The checkpoints of a folder up to the named one: those before it stand in where it is damaged."""
    found = sorted(path for path in folder.glob("step-*") if path.is_dir() and not path.is_symlink())
    return [path for path in found if last is None or path.name <= last]


def _bring_checkpoint(source: Path, target: Path) -> None:
    """The files of a checkpoint and nothing else: what is no regular file is left out, and found missing by the job."""
    target.mkdir(parents=True)
    for name in sorted(FILES | {MANIFEST}):
        try:
            regular = stat.S_ISREG(os.lstat(source / name).st_mode)
        except OSError:
            continue
        if regular:
            _link(source / name, target / name)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copyfile(source, target)

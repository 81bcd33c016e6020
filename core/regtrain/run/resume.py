"""What `--resume` names: a checkpoint file or folder, a run folder, its config, a run, or a registered version."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from regtrain.checkpoint.keep import MANIFEST
from regtrain.errors import RunNotFoundError
from regtrain.run_dir import RunDir

if TYPE_CHECKING:
    from regtrain_registry import Registry

__all__ = ["Resume", "find_resume", "run_dir_of"]

PTH_VIEWS = {"best_model.pth": "best", "best.pth": "best", "last_model.pth": "last", "last.pth": "last"}


@dataclass(frozen=True)
class Resume:
    """`place`: a checkpoint, or a folder of them of which the newest is meant. `run_id`: the run it comes from."""

    place: Path
    run_id: str | None = None
    version: str | None = None


def run_dir_of(path: Path) -> RunDir | None:
    """The run folder that a path is, or lies in."""
    for folder in (path, *path.parents)[:4]:
        if (folder / "plan.json").is_file():
            return RunDir(folder)
    return None


def find_resume(text: str, cwd: Path, registry: Callable[[], Registry]) -> Resume:
    """The checkpoint, or folder of checkpoints, that `text` means.

    Raises:
        RunNotFoundError: nothing by that name.
        RegistryError: no such version, or its files are damaged.
    """
    path = cwd / Path(text).expanduser()
    if path.exists() or (path.name in PTH_VIEWS and path.parent.is_dir()):
        return _by_path(path)
    if "@" in text or text.startswith("models:/"):
        return _by_version(text, registry())
    try:
        run = registry().run(text)
    except Exception as problem:
        raise RunNotFoundError(
            f"--resume {text!r}: no such file, run or version",
            "`regtrain runs list` shows runs; a version is NAME@1.0.0",
        ) from problem
    return _by_path(Path(run.run_dir))


def _by_path(path: Path) -> Resume:
    if path.name in PTH_VIEWS:
        path = path.with_name(PTH_VIEWS[path.name])
    path = path.resolve()
    owner = run_dir_of(path)
    run_id = owner.read_plan().run_id if owner else None
    inside = path if path.is_dir() else path.parent
    if (inside / MANIFEST).is_file() or inside.name.startswith("step-"):
        return Resume(inside, run_id)
    if owner and path in (owner.path, owner.config, owner.plan, owner.outcome):
        return Resume(owner.checkpoints(owner.read_plan().config), run_id)
    if inside.is_dir() and any(inside.glob("step-*")):
        return Resume(inside, run_id)
    raise RunNotFoundError(
        f"--resume {path}: holds no checkpoint", "name a checkpoint (…/checkpoints/step-00000120) or a run folder"
    )


def _by_version(ref: str, registry: Registry) -> Resume:
    """Unpack a version's training state beside the temporary files of this machine; the files are verified on the way."""
    version = registry.show(ref)
    folder = Path(tempfile.mkdtemp(prefix="regtrain-resume-")) / "version"
    registry.checkout(version.ref, folder)
    state = folder / "checkpoint"
    if not (state / MANIFEST).is_file():
        raise RunNotFoundError(
            f"{version.ref} holds weights only, no training state", "resume from the run folder that it came from"
        )
    (folder / "model.safetensors").rename(state / "model.safetensors")
    step = json.loads((state / MANIFEST).read_bytes())["step"]
    return Resume(state.rename(folder / f"step-{step:08d}"), version.run_id, version.ref)

"""What `--resume` names: a checkpoint file or folder, a run folder, its config, a run, or a registered version."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from regtrain.checkpoint.keep import MANIFEST
from regtrain.errors import RunNotFoundError
from regtrain.run_dir import RunDir

if TYPE_CHECKING:
    from regtrain_registry import Registry

__all__ = ["Resume", "checkpoint_at", "drop_unpacked", "find_resume", "run_dir_of"]

UNPACKED = "regtrain-resume-"

PTH_VIEWS = {"best_model.pth": "best", "best.pth": "best", "last_model.pth": "last", "last.pth": "last"}


@dataclass(frozen=True)
class Resume:
    """`place`: a checkpoint, or a folder of them of which the newest is meant. `run_id`: the run it comes from.

    `init_from`: the version whose weights that run began with.
    """

    place: Path
    run_id: str | None = None
    version: str | None = None
    init_from: str | None = None


def run_dir_of(path: Path) -> RunDir | None:
    """The run folder that a path is, or lies in."""
    for folder in (path, *path.parents)[:4]:
        if (folder / "plan.json").is_file() and (folder / "metadata.json").is_file():
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
    from regtrain_registry.errors import NoRegistryError
    from regtrain_registry.errors import RunNotFoundError as NotRecordedError

    try:
        run = registry().run(text)
    except (NoRegistryError, NotRecordedError) as problem:
        raise RunNotFoundError(
            f"--resume {text!r}: no such file, run or version",
            "`regtrain runs list` shows runs; a version is NAME@1.0.0",
        ) from problem
    return _by_path(Path(run.run_dir))


def checkpoint_at(path: Path) -> Path | None:
    """The checkpoint folder that a path is, lies in, or is the view of (`best`, `last_model.pth` …)."""
    path = path.with_name(PTH_VIEWS.get(path.name, path.name)).resolve()
    inside = path.parent if path.is_file() else path
    return inside if (inside / MANIFEST).is_file() or inside.name.startswith("step-") else None


def _by_path(path: Path) -> Resume:
    owner = run_dir_of(path.resolve())
    found = _of_run(owner) if owner else Resume(path)
    checkpoint = checkpoint_at(path)
    if checkpoint:
        return replace(found, place=checkpoint)
    path = path.resolve()
    if owner and path in (owner.path, owner.config, owner.plan, owner.outcome):
        path = owner.checkpoints(owner.read_plan().config)
    if path.is_dir() and any(path.glob("step-*")):
        return replace(found, place=path)
    raise RunNotFoundError(
        f"--resume {path}: holds no checkpoint", "name a checkpoint (…/checkpoints/step-00000120) or a run folder"
    )


def _of_run(owner: RunDir) -> Resume:
    """What is known of a run from its folder."""
    plan = owner.read_plan()
    began_with = next((str(choice.value) for choice in plan.choices if choice.key == "model.init_from"), None)
    return Resume(owner.path, plan.run_id, init_from=began_with)


def _by_version(ref: str, registry: Registry) -> Resume:
    """Unpack a version's training state among the temporary files of this machine, every file verified on the way."""
    version = registry.show(ref)
    folder = Path(tempfile.mkdtemp(prefix=UNPACKED)) / "version"
    try:
        registry.checkout(version.ref, folder, bare=True)
        state = folder / "checkpoint"
        if not (state / MANIFEST).is_file():
            raise RunNotFoundError(
                f"{version.ref} holds weights only, no training state", "resume from the run folder that it came from"
            )
        (folder / "model.safetensors").rename(state / "model.safetensors")
        step = json.loads((state / MANIFEST).read_bytes())["step"]
        began_with = (version.config.get("model") or {}).get("init_from")
        return Resume(state.rename(folder / f"step-{step:08d}"), version.run_id, version.ref, began_with)
    except BaseException:
        drop_unpacked(str(folder))
        raise


def drop_unpacked(place: str | None) -> None:
    """Remove what `_by_version` unpacked, once it is not needed any more; anything else is left alone."""
    for folder in Path(place).parents if place else ():
        if folder.name.startswith(UNPACKED) and folder.parent.resolve() == Path(tempfile.gettempdir()).resolve():
            shutil.rmtree(folder, ignore_errors=True)

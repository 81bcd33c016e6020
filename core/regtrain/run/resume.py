"""What `--resume` names: a checkpoint file or folder, a run folder, its config, a run, or a registered version."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from regtrain.bounded import parse_json, read_bounded
from regtrain.checkpoint.manifest import MANIFEST, MAX_BYTES
from regtrain.errors import RegtrainError, RunNotFoundError, brief
from regtrain.plan.paths import expanded
from regtrain.run.inputs import STATE, Sources
from regtrain.run_dir import RunDir

if TYPE_CHECKING:
    from regtrain_registry import Registry

__all__ = ["PTH_VIEWS", "Resume", "checkpoint_at", "find_resume", "run_dir_of"]

PTH_VIEWS = {"best_model.pth": "best", "best.pth": "best", "last_model.pth": "last", "last.pth": "last"}


@dataclass(frozen=True)
class Resume:
    """What a run resumes from. `run_id`: the run that it belongs to; `ended`: that run came to its end.

    `init_from`: the version whose weights that run began with; `parents`: versions that it came from.
    """

    sources: Sources
    origin: str
    run_id: str | None = None
    version: str | None = None
    init_from: str | None = None
    parents: tuple[tuple[str, str], ...] = ()
    ended: bool = True


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
    path = cwd / expanded("--resume", text)
    if os.path.exists(path) or (path.name in PTH_VIEWS and path.parent.is_dir()):  # noqa: PTH110 - also of a name that is too long
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
    if path.name in PTH_VIEWS:
        path = path.with_name(PTH_VIEWS[path.name])
    path = path.resolve()
    inside = path.parent if path.is_file() else path
    return inside if (inside / MANIFEST).is_file() or inside.name.startswith("step-") else None


def _by_path(path: Path) -> Resume:
    owner = run_dir_of(path.resolve())
    checkpoint = checkpoint_at(path)
    if checkpoint:
        return _of_run(owner, Sources(checkpoint.parent, checkpoint.name), checkpoint, believe=False)
    path = path.resolve()
    if owner and path in (owner.path, owner.config, owner.plan, owner.outcome):
        path = owner.checkpoints(owner.read_plan().config)
    if path.is_dir() and any(path.glob("step-*")):
        return _of_run(owner, Sources(path), path)
    raise RunNotFoundError(
        f"--resume {path}: holds no checkpoint", "name a checkpoint (…/checkpoints/step-00000120) or a run folder"
    )


def _of_run(owner: RunDir | None, sources: Sources, place: Path, *, believe: bool = True) -> Resume:
    """What is known of the run that checkpoints belong to; a checkpoint alone can do without."""
    if owner is None:
        return Resume(sources, str(place))
    try:
        plan, outcome = owner.read_plan(), owner.read_outcome()
    except RegtrainError:
        if believe:
            raise
        return Resume(sources, str(place))
    ended = outcome is not None and outcome.status == "finished"
    began_with = plan.config.model.init_from if plan.reason("model.init_from") else None
    return Resume(sources, str(place), plan.run_id, init_from=began_with, parents=plan.parents, ended=ended)


def _by_version(ref: str, registry: Registry) -> Resume:
    """The training state of a registered version; every file is verified when it is brought in."""
    version = registry.show(ref)
    there = {file.path for file in version.artifacts}
    if not there.issuperset(STATE):
        raise RunNotFoundError(
            f"{version.ref} holds weights only, no training state", "resume from the run folder that it came from"
        )
    try:
        manifest = read_bounded(registry.open_artifact(version.ref, f"checkpoint/{MANIFEST}"), MAX_BYTES)
        step = int(parse_json(manifest)["step"])
    except (ValueError, KeyError, TypeError) as problem:
        raise RunNotFoundError(
            f"the checkpoint's manifest in {version.ref} cannot be read: {brief(problem) or type(problem).__name__}",
            "resume from the run folder that it came from",
        ) from problem
    sources = Sources(checkpoint=f"step-{step:08d}", version=version.ref)
    began_with = (version.config.get("model") or {}).get("init_from")
    return Resume(sources, version.ref, version.run_id, version.ref, began_with)

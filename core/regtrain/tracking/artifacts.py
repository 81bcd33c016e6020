"""Files of a run that trackers are offered: what user code logged, and what the config asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from regtrain.errors import RegtrainError
from regtrain.run_dir import RunDir
from regtrain.types import Artifact, Plan

__all__ = ["files_of_run", "logged"]

Kind = Literal["figure", "table", "histogram", "file"]


def logged(run_dir: RunDir, records: Iterable[Mapping[str, Any]]) -> Iterator[Artifact]:
    """The artifacts among some records of events."""
    for record in records:
        if record.get("event") != "artifact":
            continue
        kind, step = record.get("kind"), record.get("step")
        path = _own_file(run_dir, Path(str(record.get("path"))))
        if path is not None and kind in get_args(Kind):
            known: Any = kind
            yield Artifact(str(record.get("name")), path, known, step if isinstance(step, int) else None)


def files_of_run(run_dir: RunDir, plan: Plan) -> Iterator[Artifact]:
    """Config, choices, code state, log and the weights that were best: what `trackers.NAME.artifacts` asks for."""
    places = [
        ("config.yaml", run_dir.public_config),
        ("settled.json", run_dir.settled),
        ("metadata.json", run_dir.metadata),
        ("requirements.txt", run_dir.requirements),
        ("train.log", run_dir.logs(plan.config) / "train.log"),
    ]
    try:
        outcome = run_dir.read_outcome()
        if outcome and outcome.checkpoint:
            checkpoint = run_dir.checkpoints(plan.config) / Path(outcome.checkpoint).name
            places.append(("model.safetensors", checkpoint / "model.safetensors"))
    except RegtrainError:
        pass
    for name, place in places:
        path = _own_file(run_dir, place)
        if path is not None:
            yield Artifact(name, path, "file")


def _own_file(run_dir: RunDir, path: Path) -> Path | None:
    """A file inside of the run folder: a folder that came from elsewhere sends no other file of this machine."""
    try:
        place = (run_dir.path / path).resolve()
        inside = place.is_relative_to(run_dir.path.resolve())
        return place if inside and place.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None

"""The manifest of a checkpoint: its files with their digests, written last and checked whenever it is read."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from regtrain.bounded import parse_json, read_bounded
from regtrain.errors import CheckpointDamagedError

__all__ = ["FILES", "MANIFEST", "MAX_BYTES", "Manifest", "check_files", "read_manifest"]

MANIFEST = "manifest.json"
FILES = frozenset({"model.safetensors", "state.safetensors", "state.json"})
MAX_BYTES = 16 << 20
_HINT = "take another checkpoint"


@dataclass(frozen=True)
class FileEntry:
    """`digest`: `blake3:` or `sha256:` and hex digits; `size` in bytes."""

    digest: str
    size: Annotated[int, Field(ge=0, lt=1 << 63)]


@dataclass(frozen=True)
class Manifest:
    """`epoch` counts those that are finished; `finite`: weights are finite numbers, and so were the losses."""

    step: int
    epoch: int
    epoch_end: bool
    metrics: dict[str, float | None]
    files: dict[str, FileEntry]
    finite: bool = True
    format: int = 1


_ADAPTER: list[TypeAdapter[Manifest]] = []


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a checkpoint folder.

    Raises:
        CheckpointDamagedError: it cannot be read, or does not name every file of the checkpoint, and no other.
    """
    try:
        raw: Any = parse_json(read_bounded(folder / MANIFEST, MAX_BYTES, follow_links=False))
        if not _ADAPTER:
            _ADAPTER.append(TypeAdapter(Manifest))
        manifest = _ADAPTER[0].validate_python(raw)
        there = {path.name for path in folder.iterdir()} - {MANIFEST}
    except (OSError, ValueError, ValidationError) as problem:
        why = problem.errors()[0]["msg"] if isinstance(problem, ValidationError) else str(problem)
        raise CheckpointDamagedError(f"{folder}: the manifest cannot be read: {why}", _HINT) from problem
    unnamed = ", ".join(sorted((FILES | there) - manifest.files.keys()))
    if unnamed:
        raise CheckpointDamagedError(
            f"{folder}: the manifest does not name {unnamed}, so that it cannot be checked", _HINT
        )
    missing = ", ".join(sorted(manifest.files.keys() - there))
    if missing:
        raise CheckpointDamagedError(f"{folder}: {missing} is missing", _HINT)
    return manifest


def check_files(folder: Path, manifest: Manifest) -> None:
    """Look at the files of a checkpoint before any of them is read: each is a regular file of the noted size.

    Raises:
        CheckpointDamagedError: one is a link, a FIFO or a device, or has another size than the manifest says.
    """
    for name, entry in manifest.files.items():
        try:
            status = os.lstat(folder / name)
        except (OSError, ValueError) as problem:
            raise CheckpointDamagedError(f"{folder}: {name!r} cannot be read: {problem}", _HINT) from problem
        if not stat.S_ISREG(status.st_mode):
            raise CheckpointDamagedError(f"{folder / name} is no regular file", _HINT)
        if status.st_size != entry.size:
            raise CheckpointDamagedError(
                f"{folder / name} is damaged: it has {status.st_size} bytes, expected {entry.size}", _HINT
            )

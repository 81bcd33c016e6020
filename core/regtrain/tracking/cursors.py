"""How far each tracker of a run has come: one file a tracker, in `logs/trackers`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from regtrain.errors import RegtrainError
from regtrain.run_dir import RunDir
from regtrain.run_dir.codec import read_value, write_value
from regtrain.run_dir.records import START, Cursor, records_from
from regtrain.types import Plan, VersionEvent
from regtrain.types.config import Tracker as TrackerKeys

__all__ = ["Forwarding", "damaged", "enabled", "file_of", "folder_of", "is_behind", "read", "write"]


FEW = 1 << 12  # bytes that tell whether there is more


@dataclass(frozen=True)
class Forwarding:
    """What a tracker has taken. `remote_id`: its own id of the run; `version`: digest of the version that it was sent;
    `status`: how it was closed; `artifacts`: the run's own files were sent; `problem`: what failed since then."""

    metrics: Cursor = START
    events: Cursor = START
    remote_id: str | None = None
    version: str | None = None
    status: str | None = None
    artifacts: bool = False
    problem: str | None = None
    format: int = 1


def enabled(plan: Plan) -> Mapping[str, TrackerKeys]:
    """The trackers that the config asks for."""
    return {name: keys for name, keys in plan.config.trackers.items() if keys.enabled}


def folder_of(run_dir: RunDir, plan: Plan) -> Path:
    return run_dir.logs(plan.config) / "trackers"


def file_of(run_dir: RunDir, plan: Plan, name: str, kind: str = "json") -> Path:
    """The file of one tracker; its name in the config may have any character."""
    plain = "".join(c if c.isalnum() or c in "-_" else "_" for c in name.lower())
    return folder_of(run_dir, plan) / f"{plain}.{kind}"


def read(path: Path) -> Forwarding:
    """The start where there is no file yet, or a damaged one: trackers that count lines leave out what they have."""
    try:
        return read_value(path, Forwarding, newest=1)
    except RegtrainError:
        return Forwarding()


def damaged(path: Path) -> bool:
    """Whether there is a file that cannot be read as a cursor."""
    try:
        read_value(path, Forwarding, newest=1)
    except RegtrainError:
        return path.exists()
    return False


def write(path: Path, done: Forwarding) -> None:
    write_value(path, done)


def is_behind(
    done: Forwarding, logs: Path, *, status: str | None, version: VersionEvent | None, artifacts: bool
) -> bool:
    """Whether a tracker lacks something of what the run folder has."""
    return (
        done.problem is not None
        or done.status != status
        or (version is not None and done.version != version.digest)
        or (artifacts and status is not None and not done.artifacts)
        or _has_more(logs / "metrics.jsonl", done.metrics)
        or _has_more(logs / "events.jsonl", done.events)
    )


def _has_more(path: Path, cursor: Cursor) -> bool:
    """Half a line at the end, of a process that was killed, is no record."""
    return records_from(path, cursor, FEW).cursor != cursor

"""The end of a run: its status and version, read from its folder."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from regtrain.errors import RegtrainError
from regtrain.run_dir import RunDir, read_json
from regtrain.types import VersionEvent

__all__ = ["RunEnd", "read_end"]


@dataclass
class RunEnd:
    """The end of a run, which the thread of each tracker waits for. `status` None: the job continues elsewhere."""

    reached: threading.Event = field(default_factory=threading.Event)
    status: str | None = None
    version: VersionEvent | None = None

    def reach(self, status: str | None, version: VersionEvent | None) -> None:
        self.status, self.version = status, version
        self.reached.set()


def read_end(run_dir: RunDir, missing: str | None = None) -> tuple[str | None, VersionEvent | None]:
    """Status and registered version; `missing` is the status of a run without an outcome."""
    try:
        outcome = run_dir.read_outcome()
        registered = read_json(run_dir.completed).get("registered") if run_dir.completed.exists() else None
    except RegtrainError:  # a damaged file says nothing; reading the run in again reports it
        return missing, None
    return (outcome.status if outcome else missing), _version(registered)


def _version(registered: object) -> VersionEvent | None:
    if not isinstance(registered, Mapping):
        return None
    try:
        return VersionEvent(
            model=str(registered["model"]),
            version=str(registered["version"]),
            number=int(registered["number"]),
            digest=str(registered["digest"]),
            run_id=registered.get("run_id"),
            parents=tuple((str(ref), str(relation)) for ref, relation in registered.get("parents", ())),
        )
    except (KeyError, TypeError, ValueError):
        return None

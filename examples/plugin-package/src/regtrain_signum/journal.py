"""A journal in the run folder: one line of JSON for the version that was registered, one for the end of the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    from regtrain.types import RunEvent, VersionEvent


class Journal:
    """Hooks may be methods of an object, which then can remember: the folder is known when the run ends."""

    def __init__(self) -> None:
        self._registered: dict[str, dict[str, Any]] = {}

    @hookimpl
    def regtrain_version_registered(self, version: VersionEvent) -> None:
        if version.run_id is not None:
            self._registered[version.run_id] = {
                "event": "version_registered",
                "model": version.model,
                "version": version.version,
            }

    @hookimpl
    def regtrain_run_finished(self, run: RunEvent) -> None:
        registered = self._registered.pop(run.run_id, None)
        if registered:
            _append(run.run_dir, registered)
        _append(run.run_dir, {"event": "run_finished", "status": run.status, "metrics": dict(run.metrics)})


def _append(run_dir: Path, entry: Mapping[str, Any]) -> None:
    with (run_dir / "journal.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


journal = Journal()

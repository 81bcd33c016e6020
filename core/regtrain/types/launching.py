"""How a job is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

__all__ = ["JobCommand", "Launcher"]


@dataclass(frozen=True)
class JobCommand:
    """The launched side as a command: nothing is pickled, a launcher puts a prefix before it."""

    argv: tuple[str, ...]
    run_dir: Path
    environment: Mapping[str, str]


class Launcher(Protocol):
    def launch(self, job: JobCommand) -> int:
        """Run the job to its end and return its exit code (negative: killed by that signal)."""
        ...

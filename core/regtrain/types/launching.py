"""How a job is started, followed and stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from regtrain.types.planning import Resources

__all__ = ["JobCommand", "JobState", "Launched", "Launcher", "RemoteLauncher"]


@dataclass(frozen=True)
class JobCommand:
    """The launched side as a command: nothing is pickled, a launcher puts a prefix before it.

    `argv` follows the Python interpreter: `-m regtrain.job RUN_DIR`.
    """

    argv: tuple[str, ...]
    run_dir: Path
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Launched:
    """A job that has ended has an exit code (negative: killed by that signal); one that goes on has an external id."""

    exit_code: int | None = None
    external_id: str | None = None


class JobState(StrEnum):
    """What a scheduler knows of a job; `gone`: it has ended, or was never known."""

    QUEUED = "queued"
    RUNNING = "running"
    GONE = "gone"


class Launcher(Protocol):
    """Starts jobs."""

    def launch(self, job: JobCommand, resources: Resources) -> Launched:
        """Start the job; return when it has ended, or earlier with the id under which it can be found."""
        ...


@runtime_checkable
class RemoteLauncher(Launcher, Protocol):
    """Starts jobs that outlive the process that submits them."""

    def poll(self, external_id: str) -> JobState: ...

    def cancel(self, external_id: str) -> None:
        """Ask the job to save and stop; no error where it has ended."""
        ...

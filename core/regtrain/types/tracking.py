"""What gets the records of a run, outside of the process that trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from regtrain.types.events import VersionEvent

__all__ = ["Artifact", "RecordBatch", "TrackedRun", "Tracker", "TrackerFactory"]


@dataclass(frozen=True)
class TrackedRun:
    """The run as a tracker opens it. `config` holds no secrets."""

    run_id: str
    run_name: str
    run_dir: Path
    config: Mapping[str, Any]


@dataclass(frozen=True)
class RecordBatch:
    """Records in the order in which they were written.

    Records of `metrics` have `step`, `epoch`, `time` (seconds since the epoch) and metrics by name; those of `events`
    have `time`, `event` and its facts. `first` is the line of the first record in its file, counted from 0: a batch
    that is sent again, because an answer was lost, begins at the same line.
    """

    stream: Literal["metrics", "events"]
    first: int
    records: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Artifact:
    """A file of the run folder that a tracker shows or keeps: a figure or table that was logged, or a file that the
    config asks for. The same name and step again is the same artifact with new content."""

    name: str
    path: Path
    kind: Literal["figure", "table", "histogram", "file"]
    step: int | None = None


@runtime_checkable
class Tracker(Protocol):
    """Sends the records of one run to where people look at them.

    Every method may raise: what was not taken is offered again later, to an object that is made and opened anew. All
    are called by one thread of the forwarder, a process beside the job that loads no torch.

    A tracker with the trait `environment` has one more method, `environment() -> Mapping[str, str]`, which is called
    after `open`: variables that the job gets, so that user code which calls the same service logs to the same run.
    """

    def open(self, run: TrackedRun, remote_id: str | None) -> str | None:
        """Open the run; `remote_id` is what an earlier call returned, so that it is continued and not begun anew."""
        ...

    def send(self, batch: RecordBatch) -> None: ...

    def artifact(self, artifact: Artifact) -> None:
        """Take a file; one that was taken before, and whose answer was lost, is offered again."""
        ...

    def version(self, version: VersionEvent) -> None:
        """The run has been registered."""
        ...

    def close(self, status: str | None) -> None:
        """Nothing more is sent now. `status`: how the run ended, None for one that goes on."""
        ...


TrackerFactory = Callable[..., Tracker]

"""A plugin with trackers that fail, each in its own way. Each writes what it takes as lines, as `lines` does."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regtrain.hookspecs import hookimpl
from regtrain.types import Artifact, RecordBatch, TrackedRun, VersionEvent

RELEASED = threading.Event()
RELEASED.set()
FAULTS: dict[str, BaseException] = {
    "an error": ConnectionError("connection refused"),
    "an exit": SystemExit(3),
    "an interrupt": KeyboardInterrupt(),
    "a closed generator": GeneratorExit(),
}


class Noted:
    """Numbers of the records that it took, in a file of the run folder."""

    def __init__(self, file: str = "noted.txt") -> None:
        self._file = file

    def open(self, run: TrackedRun, remote_id: str | None) -> str | None:
        self._path = run.run_dir / self._file
        return remote_id or run.run_id

    def send(self, batch: RecordBatch) -> None:
        for line, _ in enumerate(batch.records, batch.first):
            self._note(f"{batch.stream} {line}")

    def artifact(self, artifact: Artifact) -> None:
        self._note(f"artifact {artifact.kind} {artifact.name} {artifact.step} {artifact.path.name}")

    def version(self, version: VersionEvent) -> None:
        self._note(f"version {version.model}@{version.version}")

    def close(self, status: str | None) -> None:
        self._note(f"closed {status}")

    def environment(self) -> Mapping[str, str]:
        return {"NOTED_RUN": self._path.parent.name}

    def _note(self, line: str) -> None:
        with self._path.open("a") as file:
            file.write(line + "\n")


class Hanging(Noted):
    """Takes no record before it is released."""

    def send(self, batch: RecordBatch) -> None:
        if "NEVER" in os.environ:
            Path(os.environ["NEVER"]).read_bytes()  # a FIFO that nobody opens for writing
        RELEASED.wait()
        super().send(batch)


class Failing(Noted):
    """Raises `fault` at `method`, the first `times` times."""

    left: int | None = None

    def __init__(self, fault: str = "an error", method: str = "send", times: int = 1_000_000) -> None:
        super().__init__("failing.txt")
        Failing.left = times if Failing.left is None else Failing.left
        setattr(self, method, self._raising(fault, getattr(self, method)))

    def _raising(self, fault: str, method: Any) -> Any:
        def call(*arguments: Any) -> Any:
            assert Failing.left is not None
            if Failing.left:
                Failing.left -= 1
                raise FAULTS[fault]
            return method(*arguments)

        return call


@hookimpl
def regtrain_register_trackers(register: Any) -> None:
    register("noted", Noted, traits={"environment": True})
    register("hanging", Hanging)
    register("failing", Failing)
    register("absent", Noted, requires="no-such-package>=1")

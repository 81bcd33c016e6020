"""Records as lines of text in one file, for `tail -f`, `grep` and log collectors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    from regtrain.types import Artifact, RecordBatch, Register, TrackedRun, VersionEvent


class Lines:
    """Appends `RUN STREAM LINE key=value …` to a file, which several runs may share.

    Args:
        path: the file; relative to the run folder, and `records.txt` in it when left out.
    """

    def __init__(self, path: str = "records.txt") -> None:
        self._path = path

    def open(self, run: TrackedRun, remote_id: str | None) -> str | None:
        self._run = run.run_id
        self._file = (run.run_dir / Path(self._path).expanduser()).open("a+", encoding="utf-8")
        self._next = {"metrics": 0, "events": 0}
        self._file.seek(0)
        for line in self._file:  # after a crash a batch is sent again: what is there already is left out
            words = line.split(" ", 3)
            if len(words) > 2 and words[0] == self._run and words[1] in self._next and words[2].isdecimal():
                self._next[words[1]] = int(words[2]) + 1
        return str(self._file.name)

    def send(self, batch: RecordBatch) -> None:
        for number, record in enumerate(batch.records, batch.first):
            if number >= self._next[batch.stream]:
                self._file.write(f"{self._run} {batch.stream} {number} {_words(record)}\n")
        self._file.flush()

    def artifact(self, artifact: Artifact) -> None:
        self._file.write(f"{self._run} artifact {artifact.name} kind={artifact.kind} path={artifact.path}\n")
        self._file.flush()

    def version(self, version: VersionEvent) -> None:
        self._file.write(f"{self._run} version {version.model}@{version.version} digest={version.digest}\n")
        self._file.flush()

    def close(self, status: str | None) -> None:
        if status is not None and not self._file.closed:
            self._file.write(f"{self._run} status {status}\n")
        self._file.close()


def _words(record: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in record.items())


@hookimpl
def regtrain_register_trackers(register: Register) -> None:
    register("lines", Lines)

"""Offline archives of Comet (comet.com), which `comet upload ARCHIVE` sends when there is a network and a key.

Comet keeps what it is told in memory until an experiment ends, and then writes one archive. A batch that was taken must
be on disk, so each makes an archive of its own, named by the lines that are in it: of a batch that is sent again, what
has an archive is left out.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    from comet_ml import OfflineExperiment

    from regtrain.types import Artifact, RecordBatch, Register, TrackedRun, VersionEvent

# Comet is told everything by name, and looks at nothing by itself.
QUIET = {
    "log_code": False,
    "log_graph": False,
    "auto_param_logging": False,
    "auto_metric_logging": False,
    "auto_output_logging": False,
    "parse_args": False,
    "log_env_details": False,
    "log_git_metadata": False,
    "log_git_patch": False,
    "display_summary_level": 0,
}
VARIABLES = {
    "COMET_DISABLE_AUTO_LOGGING": "1",
    "COMET_ERROR_TRACKING_ENABLE": "false",
    "COMET_LOGGING_CONSOLE": "ERROR",
}
PLACE = ("step", "epoch", "time")


class Comet:
    """Archives `KEY-….zip` in a folder; KEY is the experiment's, made of the id of the run.

    Args:
        project: the project that the experiment gets when it is uploaded; the run's own name when left out.
        folder: where archives are written; relative to the run folder.
    """

    def __init__(self, project: str | None = None, folder: str = "comet") -> None:
        self._project = project
        self._folder = Path(folder).expanduser()

    def check(self) -> str:
        """One line for `regtrain doctor`; nothing is sent."""
        return f"archives in {self._folder}; `comet upload` sends them"

    def open(self, run: TrackedRun, remote_id: str | None) -> str | None:
        self._run = run
        self._place = run.run_dir / self._folder
        self._place.mkdir(parents=True, exist_ok=True)
        self._key = remote_id or hashlib.sha256(run.run_id.encode()).hexdigest()[:32]
        return self._key

    def send(self, batch: RecordBatch) -> None:
        first = max(batch.first, self._next(batch.stream))
        records = batch.records[first - batch.first :]
        if not records:
            return
        with self._archive(f"{batch.stream}-{first:09}-{first + len(records):09}") as experiment:
            for number, record in enumerate(records, first):
                if batch.stream == "metrics":
                    for name in [name for name in record if name not in PLACE]:
                        experiment.log_metric(name, record[name], step=record["step"], epoch=record["epoch"])
                else:
                    experiment.log_other(f"event-{number}", str(dict(record)))

    def artifact(self, artifact: Artifact) -> None:
        name = f"{artifact.name}-{artifact.step}" if artifact.step is not None else artifact.name
        with self._archive(f"artifact-{_plain(name)}") as experiment:
            experiment.log_asset(str(artifact.path), file_name=artifact.name, step=artifact.step)

    def version(self, version: VersionEvent) -> None:
        with self._archive("version") as experiment:
            experiment.log_other("version", f"{version.model}@{version.version}")
            experiment.log_other("digest", version.digest)

    def close(self, status: str | None) -> None:
        """A run that goes on is left as it is; a second time makes the same archive again."""
        if status is not None:
            with self._archive("status") as experiment:
                experiment.log_other("status", status)

    def _next(self, stream: str) -> int:
        """The first line that no archive has."""
        ends = [path.stem.rpartition("-")[2] for path in self._place.glob(f"{self._key}-{stream}-*.zip")]
        return max((int(end) for end in ends), default=0)

    @contextmanager
    def _archive(self, name: str) -> Iterator[OfflineExperiment]:
        """An experiment that becomes one archive; the first of a run says which run it is."""
        for variable, value in VARIABLES.items():
            os.environ.setdefault(variable, value)
        from comet_ml import ExistingOfflineExperiment, OfflineExperiment

        begun = any(self._place.glob(f"{self._key}-*.zip"))
        with tempfile.TemporaryDirectory(dir=self._place, prefix=".unfinished-") as folder:
            if begun:
                experiment = ExistingOfflineExperiment(previous_experiment=self._key, offline_directory=folder, **QUIET)
            else:
                experiment = OfflineExperiment(
                    project_name=self._project or self._run.run_name,
                    experiment_key=self._key,
                    offline_directory=folder,
                    **QUIET,
                )
                experiment.set_name(self._run.run_name)
                experiment.log_parameters(_flat(self._run.config))
            try:
                yield experiment
            finally:
                experiment.end()
            (archive,) = Path(folder).glob("*.zip")
            archive.replace(self._place / f"{self._key}-{name}.zip")


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name)


def _flat(config: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{above}{key}.")
        elif value is not None:
            found[f"{above}{key}"] = value
    return found


@hookimpl
def regtrain_register_trackers(register: Register) -> None:
    register("comet", Comet, requires="comet_ml>=3.49")

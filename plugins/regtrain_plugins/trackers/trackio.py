"""trackio: a local SQLite file for each project, which `trackio show` opens."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl
from regtrain_plugins.run_facts import facts_of, link_to, numbers_of
from regtrain_plugins.sqlite_files import check_sqlite_file

if TYPE_CHECKING:
    from regtrain.types import Artifact, RecordBatch, Register, TrackedRun, VersionEvent


class Trackio:
    """Keeps a run in trackio's own files, with the line of a record as its id: one that is sent again is known.

    trackio's `log` drops what it cannot write after a while. Its storage, which is called here instead, raises.

    Args:
        project: `experiment.name` when left out.
        name: the run's own name when left out.
        group: a name that runs have in common.
        dir: folder of the files; TRACKIO_DIR, or trackio's own folder, when left out.
    """

    def __init__(
        self, project: str | None = None, name: str | None = None, group: str | None = None, dir: str | None = None
    ) -> None:
        self._given, self._name, self._group = project, name, group
        if dir is not None:
            os.environ["TRACKIO_DIR"] = str(Path(dir).expanduser().absolute())
        self._open = False

    def open(self, run: TrackedRun, remote_id: str | None) -> str | None:
        self._storage: Any = _storage()
        own = run.config.get("experiment")
        named = own.get("name") if isinstance(own, Mapping) else None
        self._project = self._given or re.sub(r"[^\w-]", "-", str(named or "regtrain"))
        self._storage.validate_project_name(self._project)
        check_sqlite_file(self._storage.get_project_db_path(self._project))
        self._run, self._id = run, remote_id or run.run_id
        self._shown = self._name or run.run_name
        code = facts_of(run).get("code")
        commit = code.get("git_commit") if isinstance(code, Mapping) else None
        self._config: dict[str, Any] = {
            **run.config,
            "regtrain": {"run_id": run.run_id, "run_dir": str(run.run_dir), "git_commit": commit},
            "_Group": self._group,
            "_Created": datetime.now(UTC).isoformat(),
            "_Username": None,
        }
        self._open, self._configured = True, False
        return self._id

    def send(self, batch: RecordBatch) -> None:
        if batch.stream == "events" or not batch.records:
            return  # trackio has no place for them; how the run ended is in its config
        rows, times = [], []
        for record in batch.records:
            epoch = {"epoch": record["epoch"]} if "epoch" in record else {}
            rows.append({**dict(numbers_of(record)), **epoch})
            times.append(datetime.fromtimestamp(float(record.get("time", 0)), UTC).isoformat())
        steps = [int(record.get("step", 0)) for record in batch.records]
        config = None if self._configured else self._config
        self._storage.bulk_log(
            self._project,
            self._shown,
            rows,
            steps,
            times,
            config,
            [f"{self._id}:{line}" for line in range(batch.first, batch.first + len(rows))],
            run_id=self._id,
        )
        self._configured = True

    def artifact(self, artifact: Artifact) -> None:
        """Content that is there already makes no new version of the artifact."""
        from trackio.artifact import Artifact as Kept

        kept = Kept(name=re.sub(r"[^\w.-]", "_", artifact.name), type=artifact.kind, metadata={"step": artifact.step})
        (kept.add_dir if artifact.path.is_dir() else kept.add_file)(str(artifact.path))
        self._storage.commit_artifact_version(
            project=self._project,
            name=kept.name,
            type=kept.type,
            description=None,
            manifest=kept._build_manifest(self._project),
            metadata=kept.metadata,
            aliases=[],
            run_name=self._shown,
            run_id=self._id,
        )

    def version(self, version: VersionEvent) -> None:
        ref = f"{version.model}@{version.version}"
        link = link_to(self._run.config, ref)
        self._config["registered"] = {"name": ref, "number": version.number, "digest": version.digest, "link": link}
        self._send_config()

    def close(self, status: str | None) -> None:
        if self._open and status is not None:
            self._config["status"] = status
            self._send_config()
        self._open = False

    def check(self) -> str:
        """One line that says where the files lie; nothing is written."""
        storage = _storage()
        path = storage.get_project_db_path(self._given or "regtrain")
        check_sqlite_file(path)
        return f"trackio in {path.parent}"

    def _send_config(self) -> None:
        """The config goes with a row; the first row is there already, and stays as it is."""
        now = datetime.now(UTC).isoformat()
        self._storage.bulk_log(
            self._project, self._shown, [{}], [0], [now], self._config, [f"{self._id}:0"], run_id=self._id
        )


def _storage() -> Any:
    """Without TRACKIO_SPACE_ID in the way: the storage is that of this machine."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # its imports ask the hub nothing
    from trackio.sqlite_storage import SQLiteStorage

    return SQLiteStorage


@hookimpl
def regtrain_register_trackers(register: Register) -> None:
    register("trackio", Trackio, requires="trackio>=0.20")

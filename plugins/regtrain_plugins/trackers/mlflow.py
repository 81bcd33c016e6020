"""MLflow: a server by its URL, or a database without one."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from regtrain.hookspecs import hookimpl
from regtrain_plugins.run_facts import facts_of, flatten, link_to, numbers_of, started_at
from regtrain_plugins.sqlite_files import check_sqlite_file

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

    from regtrain.types import Artifact, RecordBatch, Register, TrackedRun, VersionEvent

MOST_METRICS, MOST_PARAMS = 1_000, 100  # in one call of log_batch
LONGEST_NAME, LONGEST_PARAM, LONGEST_TAG = 250, 6_000, 5_000  # characters
STATUS = {"finished": "FINISHED", "interrupted": "KILLED", "pruned": "KILLED"}
RUN_TAG, DIGEST_TAG = "regtrain.run_id", "regtrain.version.digest"
# MLflow's own client waits for minutes when a server is down: here the cursor keeps what is missing.
QUICK = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_FORBIDDEN = re.compile(r"[^/\w.\- :]")

Item = TypeVar("Item")


class MLflow:
    """Sends a run to MLflow.

    Args:
        uri: server (`http://…`) or database (`sqlite:///…`, `postgresql://…`); MLFLOW_TRACKING_URI, or `mlflow.db`
            beside the run folders, when left out.
        experiment: its name; MLFLOW_EXPERIMENT_NAME, or the run's `experiment.name`, when left out.
        token: of the server; MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD, when left out.
        run_name: the run's own name when left out.
        tags: tags of the run.
        register: also make a version in MLflow's model registry, with a link to ours.
        registry_uri: MLflow's registry; that of the server or database when left out.
    """

    def __init__(
        self,
        uri: str | None = None,
        experiment: str | None = None,
        token: str | None = None,
        run_name: str | None = None,
        tags: Mapping[str, Any] | None = None,
        register: bool = False,
        registry_uri: str | None = None,
    ) -> None:
        self._given_uri = uri or os.environ.get("MLFLOW_TRACKING_URI")
        self._experiment = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME")
        self._token = token
        self._run_name = run_name
        self._tags = {str(key): str(value) for key, value in (tags or {}).items()}
        self._register = register
        self._registry_uri = registry_uri
        self._names: dict[str, str] = {}
        self._ended: float | None = None
        self._config: str | None = None
        self._status: str | None = None

    def open(self, run: TrackedRun, remote_id: str | None) -> str | None:
        self._run, self._uri = run, _absolute(self._given_uri or f"sqlite:///{run.run_dir.parent / 'mlflow.db'}")
        self._client = self._connect()
        found = self._client.get_run(remote_id) if remote_id else self._find()
        facts = facts_of(run)
        if found is None:
            found = self._create(facts)
        elif found.info.lifecycle_stage != "active":
            raise RuntimeError(
                f"run {found.info.run_id} was deleted in {_shown(self._uri)}: restore it there to send the rest"
            )
        self._id, self._status = found.info.run_id, found.info.status
        self._experiment_id = found.info.experiment_id
        self._send_params(found, facts)
        return str(self._id)

    def environment(self) -> dict[str, str]:
        """Variables with which `mlflow.log_metric` in the user's code logs to the same run."""
        return {
            "MLFLOW_RUN_ID": self._id,
            "MLFLOW_TRACKING_URI": self._uri,
            "MLFLOW_EXPERIMENT_ID": str(self._experiment_id),
        }

    def send(self, batch: RecordBatch) -> None:
        if batch.stream == "events":
            self._send_events(batch.records)
            return
        for some in _chunks(self._metrics(batch.records), MOST_METRICS):
            self._client.log_batch(self._id, metrics=some, synchronous=True)

    def artifact(self, artifact: Artifact) -> None:
        folder = f"{artifact.kind}s/{self._name(artifact.name)}" if artifact.kind != "file" else "files"
        send = self._client.log_artifacts if artifact.path.is_dir() else self._client.log_artifact
        send(self._id, str(artifact.path), folder)

    def version(self, version: VersionEvent) -> None:
        ref = f"{version.model}@{version.version}"
        facts = {
            "regtrain.version": ref,
            "regtrain.version.number": str(version.number),
            DIGEST_TAG: version.digest,
            "regtrain.version.link": link_to(self._run.config, ref),
        }
        if self._register:
            facts["regtrain.version.mlflow"] = self._register_version(version, facts)
        self._send_tags(facts)

    def close(self, status: str | None) -> None:
        if not hasattr(self, "_id"):
            return
        if self._config is not None:
            self._send_config()
        wanted = STATUS.get(status, "FAILED") if status is not None else None
        if wanted is not None and wanted != self._status:
            ended = None if self._ended is None else int(self._ended * 1000)
            self._client.set_terminated(self._id, wanted, ended)
            self._status = wanted

    def check(self) -> str:
        """One line that says that the server or database can be reached; nothing is written to it."""
        if self._given_uri is None:
            return "mlflow.db beside the run folders, which needs no server"
        uri = _absolute(self._given_uri)
        if uri.startswith("sqlite:///"):
            check_sqlite_file(_file_of(uri))
            return f"{_shown(uri)} reachable"
        try:
            if uri.startswith(("http://", "https://")):
                self._connect(uri, retries="0", timeout="5").search_experiments(max_results=1)
            else:
                import sqlalchemy

                sqlalchemy.create_engine(uri).connect().close()
        except Exception as problem:
            line = str(problem).partition("\n")[0]
            raise RuntimeError(
                f"MLflow at {_shown(uri)} cannot be reached: {line}; see trackers.mlflow.uri, or MLFLOW_TRACKING_URI, "
                "MLFLOW_TRACKING_TOKEN"
            ) from problem
        return f"{_shown(uri)} reachable"

    def _connect(self, uri: str | None = None, retries: str | None = None, timeout: str | None = None) -> MlflowClient:
        uri = uri or self._uri
        for name, value in QUICK.items():
            os.environ.setdefault(name, value)
        if retries is not None and timeout is not None:
            os.environ.update(MLFLOW_HTTP_REQUEST_MAX_RETRIES=retries, MLFLOW_HTTP_REQUEST_TIMEOUT=timeout)
        if self._token is not None:
            os.environ["MLFLOW_TRACKING_TOKEN"] = self._token
        if uri.startswith("sqlite:///"):
            check_sqlite_file(_file_of(uri))  # MLflow tries a damaged file for a minute and a half
        from mlflow import MlflowClient

        for name in ("mlflow.store.db.utils", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        # a registry of regtrain that MLFLOW_REGISTRY_URI names has the version already
        registry = self._registry_uri or os.environ.get("MLFLOW_REGISTRY_URI", "")
        return MlflowClient(uri, uri if not registry or registry.startswith("regtrain") else registry)

    def _find(self) -> Run | None:
        """The run that was made before, where the answer to that call was lost."""
        experiment = self._client.get_experiment_by_name(self._experiment_name())
        if experiment is None:
            return None
        wanted = f"tags.`{RUN_TAG}` = '{self._run.run_id}'"
        return next(iter(self._client.search_runs([experiment.experiment_id], wanted, max_results=1)), None)

    def _create(self, facts: Mapping[str, Any]) -> Run:
        experiment, name = self._client.get_experiment_by_name(self._experiment_name()), self._experiment_name()
        if experiment is None:
            self._experiment_id = _make_experiment(self._client, name, _artifacts_beside(self._uri))
        elif experiment.lifecycle_stage != "active":
            raise RuntimeError(
                f"experiment {name!r} was deleted in {_shown(self._uri)}: restore it there, or name another one as "
                "trackers.mlflow.experiment"
            )
        else:
            self._experiment_id = experiment.experiment_id
        started = started_at(facts) or time.time()
        tags = {RUN_TAG: self._run.run_id, "mlflow.source.type": "JOB", **self._tags}
        return self._client.create_run(
            self._experiment_id, int(started * 1000), tags, self._run_name or self._run.run_name
        )

    def _experiment_name(self) -> str:
        own = self._run.config.get("experiment")
        return self._experiment or str((own.get("name") if isinstance(own, Mapping) else None) or "regtrain")

    def _send_params(self, found: Run, facts: Mapping[str, Any]) -> None:
        """What the run does not have yet; a parameter that the user's code has logged under the same name stays."""
        from mlflow.entities import Param

        params = {self._name(key): _text(value)[:LONGEST_PARAM] for key, value in flatten(self._run.config)}
        missing = [Param(key, value) for key, value in params.items() if key not in found.data.params]
        if not missing:
            return
        self._config = json.dumps(self._run.config, indent=2, default=str)
        try:
            self._send_config()
        except Exception as problem:  # metrics arrive nevertheless; close() tries it again
            logging.getLogger(__name__).debug("the config was not taken: %s", problem)
        self._send_tags(_run_tags(self._run, facts))
        for some in _chunks(missing, MOST_PARAMS):
            self._client.log_batch(self._id, params=some, synchronous=True)

    def _send_config(self) -> None:
        if self._config is not None:
            self._client.log_text(self._id, self._config, "config.json")
            self._config = None

    def _send_tags(self, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        every = (RunTag(key[:LONGEST_NAME], value[:LONGEST_TAG]) for key, value in tags.items())
        for some in _chunks(every, MOST_PARAMS):
            self._client.log_batch(self._id, tags=some, synchronous=True)

    def _send_events(self, records: Iterable[Mapping[str, Any]]) -> None:
        """The newest event of each kind is a tag: MLflow has no events."""
        tags = {}
        for record in records:
            if isinstance(record.get("time"), int | float):
                self._ended = float(record["time"])
            facts = {key: value for key, value in record.items() if key != "event"}
            tags[f"regtrain.event.{self._name(str(record.get('event')))}"] = json.dumps(facts, default=str)
        self._send_tags(tags)

    def _metrics(self, records: Iterable[Mapping[str, Any]]) -> Iterator[Metric]:
        """A point for each number, and one of `epoch` for each record of the training.

        A batch that is sent again gives equal points, of which MLflow's stores keep one.
        """
        from mlflow.entities import Metric

        for record in records:
            step, moment = int(record.get("step", 0)), int(float(record.get("time", 0)) * 1000)
            trained = False
            for name, value in numbers_of(record):
                trained = trained or not name.startswith("system/")
                yield Metric(self._name(name), value, moment, step)
            if trained and isinstance(record.get("epoch"), int | float):
                yield Metric("epoch", float(record["epoch"]), moment, step)

    def _name(self, name: str) -> str:
        """The name as MLflow allows it."""
        known = self._names.get(name)
        if known is None:
            clean = str(PurePosixPath("/", _FORBIDDEN.sub("_", name))).replace("..", "_").strip("/")
            known = self._names[name] = clean[:LONGEST_NAME] or "_"
        return known

    def _register_version(self, version: VersionEvent, facts: Mapping[str, str]) -> str:
        """`NAME/NUMBER` in MLflow's registry; one with the same digest is that version, made before."""
        for known in self._client.search_model_versions(f"name = '{version.model}'"):
            if known.tags.get(DIGEST_TAG) == version.digest:
                return f"{known.name}/{known.version}"
        try:
            self._client.create_registered_model(version.model, description="Registered by regtrain.")
        except Exception as problem:
            if getattr(problem, "error_code", "") != "RESOURCE_ALREADY_EXISTS":
                raise
        self._client.log_dict(self._id, dict(facts), "version/regtrain.json")
        source = f"{self._client.get_run(self._id).info.artifact_uri}/version"
        made = self._client.create_model_version(
            version.model, source, self._id, tags=dict(facts), description=facts["regtrain.version.link"]
        )
        return f"{made.name}/{made.version}"


def _make_experiment(client: MlflowClient, name: str, artifacts: str | None) -> str:
    """Its id; another run may have made it just now."""
    try:
        return str(client.create_experiment(name, artifacts))
    except Exception as problem:
        found = client.get_experiment_by_name(name)
        if getattr(problem, "error_code", "") != "RESOURCE_ALREADY_EXISTS" or found is None:
            raise
        return str(found.experiment_id)


def _run_tags(run: TrackedRun, facts: Mapping[str, Any]) -> dict[str, str]:
    code = facts.get("code")
    commit = code.get("git_commit") if isinstance(code, Mapping) else None
    found = {"regtrain.run_dir": str(run.run_dir), "mlflow.source.name": "regtrain", "mlflow.source.git.commit": commit}
    return {key: str(value) for key, value in found.items() if value}


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while some := list(islice(iterator, size)):
        yield some


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _absolute(uri: str) -> str:
    """A file of SQLite by its whole path: the job may be in another folder."""
    head, separator, path = uri.partition("sqlite:///")
    return f"{separator}{Path(path).absolute()}" if separator and not head and path else uri


def _artifacts_beside(uri: str) -> str | None:
    """Artifacts of a database in a file lie beside it, not in whatever folder is the current one."""
    return (_file_of(uri).parent / "mlartifacts").as_uri() if uri.startswith("sqlite:///") else None


def _file_of(uri: str) -> Path:
    return Path(uri.removeprefix("sqlite:///").partition("?")[0])


def _shown(uri: str) -> str:
    return re.sub(r"://([^:/@]*):[^@]*@", r"://\1:***@", uri)


@hookimpl
def regtrain_register_trackers(register: Register) -> None:
    register("mlflow", MLflow, requires="mlflow>=3.0", traits={"environment": True})

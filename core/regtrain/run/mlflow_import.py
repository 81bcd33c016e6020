"""Models of an MLflow server or database into our registry, once or again and again.

A version is known by a key that MLflow's name, number and time of creation give, so that it comes in once whatever URI
it is read from. Nothing that is downloaded is run or unpickled: files are stored as they are.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from regtrain.errors import EnvironmentFault, RegtrainError, brief
from regtrain.redact import redact_text

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

    from regtrain_registry import FileToStore, Registry, VersionInfo

__all__ = ["ImportReport", "ImportedVersion", "import_mlflow"]

QUICK = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
}
ENDS = {"FINISHED": "finished", "KILLED": "interrupted"}
PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".bin", ".npy")
ID_TAG = "mlflow.id"


@dataclass(frozen=True)
class ImportedVersion:
    """`source`: NAME/NUMBER in MLflow; `ref`: our version. `left_out`: what of it could not be taken, and why."""

    source: str
    outcome: Literal["imported", "present", "failed"]
    ref: str | None
    left_out: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "outcome": self.outcome,
            "ref": self.ref,
            "left_out": list(self.left_out),
        }


@dataclass(frozen=True)
class ImportReport:
    versions: tuple[ImportedVersion, ...]
    left_out: tuple[str, ...] = ()
    """What belongs to no version, such as descriptions of models."""

    @property
    def ok(self) -> bool:
        return all(version.outcome != "failed" for version in self.versions)

    def to_json(self) -> dict[str, Any]:
        return {"versions": [version.to_json() for version in self.versions], "left_out": list(self.left_out)}


def import_mlflow(registry: Registry, uri: str, model: str | None = None) -> ImportReport:
    """Take the versions of one registered model of MLflow, or of all.

    Args:
        uri: of an MLflow server or its database, such as `http://host:5000` or `sqlite:///mlflow.db`.
        model: its name in MLflow.

    Raises:
        EnvironmentFault: the package is missing, or the server or database cannot be reached.
        RegtrainError: no model has that name.
    """
    client = _connect(uri)
    versions: list[ImportedVersion] = []
    left_out: list[str] = []
    names: dict[str, str] = {}
    for found in _models(client, uri, model):
        ours = _name_here(found.name)
        if names.setdefault(ours, found.name) != found.name:
            left_out.append(f"model {found.name!r}: {names[ours]!r} has the name {ours!r} already")
            continue
        if ours != found.name:
            left_out.append(f"model {found.name!r}: called {ours!r} here: names are a-z, 0-9, '.', '_' and '-'")
        if found.description or found.tags:
            left_out.append(f"model {found.name!r}: description and tags, which only versions have here")
        aliases: dict[str, list[str]] = {}
        for alias, number in found.aliases.items():
            aliases.setdefault(str(number), []).append(alias)
        known = _known(registry, ours)
        for version in sorted(_versions(client, found.name), key=lambda version: int(version.version)):
            work = _Work(registry, client, uri, ours, version, known)
            versions.append(work.take(aliases.get(str(version.version), [])))
    return ImportReport(tuple(versions), tuple(left_out))


@dataclass
class _Work:
    """One version on its way."""

    registry: Registry
    client: MlflowClient
    uri: str
    model: str
    version: ModelVersion
    known: Mapping[str, VersionInfo]
    left_out: list[str] = field(default_factory=list)

    def take(self, aliases: list[str]) -> ImportedVersion:
        source = f"{self.version.name}/{self.version.version}"
        before = self.known.get(_id_of(self.version))
        try:
            made = before or self._register()
            if before is None:
                made = self._tag(made)
            self._aliases(made, aliases)
        except Exception as problem:  # of the server, its storage, or the registry: the next version may come
            message = getattr(problem, "message", None) or brief(problem)
            reason = redact_text(str(message).partition("\n")[0])
            return ImportedVersion(source, "failed", None, (*self.left_out, reason))
        return ImportedVersion(source, "imported" if before is None else "present", made.ref, tuple(self.left_out))

    def _register(self) -> VersionInfo:
        from regtrain_registry import Registration, Source

        run = self._run()
        with tempfile.TemporaryDirectory(prefix="regtrain-mlflow-") as folder:
            files = self._files(Path(folder))
            return self.registry.register(
                Registration(
                    self.model,
                    tuple(files),
                    run_id=None if run is None else self._record_run(run),
                    metrics={} if run is None else dict(run.data.metrics),
                    config={} if run is None else {"mlflow": dict(run.data.params)},
                    source=Source(None if run is None else run.data.tags.get("mlflow.source.git.commit")),
                    created_by=self.version.user_id or "",
                    idempotency_key=_id_of(self.version),
                    summary=self.version.description or "",
                )
            )

    def _run(self) -> Run | None:
        """The run of the version, where MLflow still has it."""
        from mlflow.exceptions import MlflowException

        if not self.version.run_id:
            return None
        try:
            return self.client.get_run(self.version.run_id)
        except MlflowException as problem:
            if problem.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            self.left_out.append(f"run {self.version.run_id}: MLflow does not have it any more")
            return None

    def _record_run(self, run: Run) -> str:
        from regtrain_registry import RegistryError, RunStart

        run_id = f"mlflow-{run.info.run_id}"
        commit = run.data.tags.get("mlflow.source.git.commit")
        start = RunStart(run_id, run.info.run_name or run_id, "", dict(run.data.params), {"git_commit": commit})
        try:
            self.registry.start_run(start)
        except RegistryError as problem:
            if problem.code != "run_exists":
                raise
            return run_id
        seconds = None
        if run.info.end_time and run.info.start_time:
            seconds = (run.info.end_time - run.info.start_time) / 1000
        status: Any = ENDS.get(run.info.status, "failed")
        self.registry.finish_run(run_id, status, metrics=dict(run.data.metrics), seconds=seconds)
        return run_id

    def _files(self, folder: Path) -> Iterator[FileToStore]:
        """The files of the version, downloaded; what has no name for us is left out."""
        from mlflow.artifacts import download_artifacts

        from regtrain_registry import ArtifactKind, FileToStore, RegistryError
        from regtrain_registry.refs import check_artifact_name

        place = self.client.get_model_version_download_uri(self.version.name, self.version.version)
        top = Path(download_artifacts(artifact_uri=place, dst_path=str(folder), tracking_uri=self.uri))
        for path in sorted(path for path in top.rglob("*") if path.is_file() and not path.is_symlink()):
            name = path.relative_to(top).as_posix()
            try:
                check_artifact_name(name)
            except RegistryError as problem:
                self.left_out.append(f"file {name!r}: {problem.message}")
                continue
            kind = ArtifactKind.WEIGHTS if name.endswith(".safetensors") else ArtifactKind.OTHER
            if _is_pickle(path):
                self.left_out.append(f"file {name!r}: kept, and marked as a pickle, which is never loaded here")
            yield FileToStore(path, name, kind)

    def _tag(self, made: VersionInfo) -> VersionInfo:
        from regtrain_registry import RegistryError
        from regtrain_registry.refs import check_tag

        tags: dict[str, str] = {}
        for name, value in self.version.tags.items():
            try:
                tags.update([check_tag(name, str(value))])
            except RegistryError as problem:
                self.left_out.append(f"tag {name!r}: {problem.message}")
        pickles = [file.path for file in made.artifacts if file.path.endswith(PICKLES)]
        own = {
            ID_TAG: _id_of(self.version),
            "mlflow.version": f"{self.version.name}/{self.version.version}",
            "mlflow.stage": self.version.current_stage if self.version.current_stage != "None" else None,
            "mlflow.pickles": ", ".join(pickles)[:255],
        }
        return self.registry.set_tags(made.ref, {**tags, **{key: str(value) for key, value in own.items() if value}})

    def _aliases(self, made: VersionInfo, aliases: list[str]) -> None:
        """An alias that names another version here stays: it may have been moved for a reason."""
        from regtrain_registry import RegistryError

        for alias in aliases:
            if alias in made.aliases:
                continue
            try:
                held = next((known for known in self.registry.versions(self.model) if alias in known.aliases), None)
                if held is None:
                    self.registry.set_alias(made.ref, alias)
                else:
                    self.left_out.append(f"alias {alias!r}: names {held.ref} here, and stays")
            except RegistryError as problem:
                self.left_out.append(f"alias {alias!r}: {problem.message}")


def _connect(uri: str) -> MlflowClient:
    for name, value in QUICK.items():
        os.environ.setdefault(name, value)
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
        raise EnvironmentFault(f"{uri}: there is no such file", "give the database of an MLflow server, or its URL")
    try:
        from mlflow import MlflowClient
    except ImportError as problem:
        raise EnvironmentFault(
            "import-mlflow needs the package 'mlflow', which is not installed", "pip install 'regtrain[mlflow]'"
        ) from problem
    try:
        return MlflowClient(uri, uri)
    except Exception as problem:
        raise _unreachable(uri, problem) from problem


def _models(client: MlflowClient, uri: str, model: str | None) -> Iterator[Any]:
    try:
        if model is not None:
            found: list[Any] = [client.get_registered_model(model)]
        else:
            found = list(_pages(client.search_registered_models))
    except Exception as problem:
        if getattr(problem, "error_code", "") == "RESOURCE_DOES_NOT_EXIST" and model is not None:
            names = ", ".join(repr(known.name) for known in _pages(client.search_registered_models))
            raise RegtrainError(f"no model {model!r} in {redact_text(uri)}", f"it has {names or 'none'}") from problem
        raise _unreachable(uri, problem) from problem
    yield from found


def _versions(client: MlflowClient, name: str) -> Iterator[ModelVersion]:
    quoted = name.replace("'", "''")
    yield from _pages(client.search_model_versions, filter_string=f"name = '{quoted}'")


def _pages(search: Any, **query: Any) -> Iterator[Any]:
    token = None
    while True:
        page = search(max_results=200, page_token=token, **query)
        yield from page
        token = page.token
        if not token:
            return


def _known(registry: Registry, model: str) -> dict[str, VersionInfo]:
    """Versions that came from MLflow before, by their key."""
    from regtrain_registry import RegistryError

    try:
        versions = registry.versions(model)
    except RegistryError as problem:
        if problem.code != "model_not_found":
            raise
        return {}
    return {version.tags[ID_TAG]: version for version in versions if ID_TAG in version.tags}


def _id_of(version: ModelVersion) -> str:
    facts = f"{version.name}\n{version.version}\n{version.creation_timestamp}\n{version.run_id}"
    return hashlib.sha256(facts.encode()).hexdigest()[:40]


def _name_here(name: str) -> str:
    from regtrain_registry import slug

    return slug(name)


def _is_pickle(path: Path) -> bool:
    """By its name, or by how it begins: the opcode PROTO with a protocol that exists."""
    with path.open("rb") as file:
        head = file.read(2)
    return path.name.endswith(PICKLES) or (head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"))


def _unreachable(uri: str, problem: Exception) -> EnvironmentFault:
    return EnvironmentFault(
        f"MLflow at {redact_text(uri)} cannot be read: {redact_text(brief(problem))}",
        "see that the server runs, and MLFLOW_TRACKING_TOKEN or _USERNAME and _PASSWORD",
    )

"""Registered models of MLflow come into our registry."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from regtrain.errors import EnvironmentFault, RegtrainError
from regtrain.run.mlflow_import import ImportReport, import_mlflow
from regtrain_registry import Registry
from support.cli.fixtures import bare_project
from support.cli.projects import Project
from support.registry.blank import make_registry
from support.services.mlflow import MLflowServer, blank_database, mlflow_server, quiet_mlflow

__all__ = ["bare_project", "blank_database", "mlflow_server", "quiet_mlflow"]
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quiet_mlflow")]


class Trap:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


def fill(client: Any, folder: Path, model: str = "Digits Model") -> str:
    """A run with params, metrics and files, of which two versions are made; the run's id."""
    experiment = client.create_experiment(f"of {model}", **_artifacts(client, folder))
    run = client.create_run(experiment, tags={"mlflow.source.git.commit": "0123abc"}, run_name="first").info.run_id
    client.log_param(run, "lr", 0.1)
    client.log_metric(run, "val/accuracy", 0.75, step=3)
    client.set_terminated(run)
    files = folder / "files"
    (files / "data").mkdir(parents=True, exist_ok=True)
    save_file({"weight": np.ones(4, dtype=np.float32)}, files / "model.safetensors")
    (files / "MLmodel").write_text("flavors: {}\n")
    (files / "data" / "model.pkl").write_bytes(pickle.dumps(Trap(folder / "unpickled")))
    (files / "a b.txt").write_text("a name that is none here")
    client.log_artifacts(run, str(files), "model")
    client.create_registered_model(model, tags={"owner": "me"}, description="all of it")
    source = f"{client.get_run(run).info.artifact_uri}/model"
    for number in (1, 2):
        client.create_model_version(
            model, source, run, tags={"team": "vision", "bad tag": "x"}, description=f"v{number}"
        )
    client.set_registered_model_alias(model, "champion", "2")
    return str(run)


def _artifacts(client: Any, folder: Path) -> dict[str, str]:
    return {} if client.tracking_uri.startswith("http") else {"artifact_location": (folder / "artifacts").as_uri()}


def outcomes(report: ImportReport) -> list[tuple[str, str]]:
    return [(version.source, version.outcome) for version in report.versions]


def check(registry: Registry, report: ImportReport, run: str, folder: Path) -> None:
    """What came in, of which nothing was unpickled."""
    assert outcomes(report) == [("Digits Model/1", "imported"), ("Digits Model/2", "imported")]
    left_out = "\n".join([*report.versions[0].left_out, *report.left_out])
    for part in (
        "file 'a b.txt'",
        "file 'data/model.pkl': kept",
        "tag 'bad tag'",
        "'digits-model' here",
        "description",
    ):
        assert part in left_out, part
    two = registry.show("digits-model@champion")
    assert (two.number, two.summary, two.metrics, two.run_id) == (2, "v2", {"val/accuracy": 0.75}, f"mlflow-{run}")
    assert (two.config["mlflow"], two.source.git_commit) == ({"lr": "0.1"}, "0123abc")
    assert (two.tags["team"], two.tags["mlflow.version"], two.tags["mlflow.pickles"]) == (
        "vision",
        "Digits Model/2",
        "data/model.pkl",
    )
    assert [(file.path, file.kind.value) for file in two.artifacts] == [
        ("MLmodel", "other"),
        ("data/model.pkl", "other"),
        ("model.safetensors", "weights"),
    ]
    found = registry.run(f"mlflow-{run}")
    assert (found.name, found.status.value, found.metrics) == ("first", "finished", {"val/accuracy": 0.75})
    assert not (folder / "unpickled").exists()


def test_from_a_database_again_and_again(tmp_path: Path, blank_database: Path) -> None:
    """Versions come in once, with all that belongs to them; a second call takes what is new and changes nothing."""
    from mlflow import MlflowClient

    shutil.copy(blank_database, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client, registry = MlflowClient(uri, uri), make_registry(tmp_path / "registry.db")
    run = fill(client, tmp_path)
    check(registry, import_mlflow(registry, uri), run, tmp_path)
    registry.set_alias("digits-model/1", "champion")
    before = [version.to_json() for version in registry.versions("digits-model")]
    again = import_mlflow(registry, uri, "Digits Model")
    assert outcomes(again) == [("Digits Model/1", "present"), ("Digits Model/2", "present")]
    assert "alias 'champion': names digits-model@" in again.versions[1].left_out[0]
    assert [version.to_json() for version in registry.versions("digits-model")] == before
    client.create_model_version("Digits Model", "file:///nowhere/at/all", run)
    client.create_model_version("Digits Model", f"{client.get_run(run).info.artifact_uri}/model")
    more = import_mlflow(registry, uri)
    assert [outcome for _, outcome in outcomes(more)] == ["present", "present", "failed", "imported"]
    assert not more.ok
    assert "nowhere" in more.versions[2].left_out[-1]
    assert len(registry.versions("digits-model")) == 3


def test_the_command(bare_project: Project, tmp_path: Path, blank_database: Path) -> None:
    """It makes the registry where there is none, says what it did, and has exit code 1 for what could not be taken."""
    from mlflow import MlflowClient

    shutil.copy(blank_database, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowClient(uri, uri)
    run = fill(client, tmp_path)
    said = bare_project("registry", "import-mlflow", uri)
    assert said.code == 0, said.err
    assert "Digits Model/2: imported as digits-model@" in said.out
    assert said.out.splitlines()[-1] == "2 imported, 0 present, 0 failed"
    client.create_model_version("Digits Model", "file:///nowhere/at/all", run)
    again = bare_project("registry", "import-mlflow", uri, "--model", "Digits Model", "--json")
    assert again.code == 1
    assert [version["outcome"] for version in again.json()["versions"]] == ["present", "present", "failed"]


def test_from_a_server(tmp_path: Path, mlflow_server: MLflowServer) -> None:
    """The same over HTTP."""
    from mlflow import MlflowClient

    client = MlflowClient(mlflow_server.uri, mlflow_server.uri)
    run, registry = fill(client, tmp_path), make_registry(tmp_path / "registry.db")
    check(registry, import_mlflow(registry, mlflow_server.uri, "Digits Model"), run, tmp_path)
    with pytest.raises(RegtrainError, match="no model 'other'"):
        import_mlflow(registry, mlflow_server.uri, "other")


def test_places_that_are_not_there(tmp_path: Path) -> None:
    """A file that is missing is not made, and a server that does not answer is one error."""
    registry = make_registry(tmp_path / "registry.db")
    with pytest.raises(EnvironmentFault, match="there is no such file"):
        import_mlflow(registry, f"sqlite:///{tmp_path / 'none.db'}")
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(EnvironmentFault, match=r"http://me:\*\*\*@127\.0\.0\.1:9 cannot be read"):
        import_mlflow(registry, "http://me:hunter2@127.0.0.1:9")


def test_a_version_that_was_not_finished_comes_in_once(
    tmp_path: Path, blank_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import fails between registering a version and marking it: the next one finishes the same version."""
    from mlflow import MlflowClient

    shutil.copy(blank_database, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    fill(MlflowClient(uri, uri), tmp_path)
    registry = make_registry(tmp_path / "registry.db")

    def fail(self: Registry, *facts: object) -> object:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "set_tags", fail)
        assert {outcome for _, outcome in outcomes(import_mlflow(registry, uri))} == {"failed"}
    before = [version.number for version in registry.versions("digits-model")]
    assert outcomes(import_mlflow(registry, uri)) == [("Digits Model/1", "imported"), ("Digits Model/2", "imported")]
    assert [version.number for version in registry.versions("digits-model")] == before == [2, 1]

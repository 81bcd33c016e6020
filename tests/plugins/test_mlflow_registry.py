"""MLflow's own clients on our registry."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from regtrain_registry import ArtifactKind, FileToStore, Registration, Registry, RunStart, VersionInfo
from support.registry.blank import make_registry
from support.registry.places import database_on
from support.registry.servers import postgresql
from support.services.mlflow import quiet_mlflow

__all__ = ["quiet_mlflow"]
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quiet_mlflow")]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = make_registry(tmp_path / ".regtrain" / "registry.db")
    made.start_run(RunStart("run-1", "run", str(tmp_path / "run")))
    return made


@pytest.fixture
def client(tmp_path: Path, registry: Registry) -> Any:
    return connect(f"regtrain://{tmp_path}")


def connect(uri: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient("http://127.0.0.1:9", uri)  # no server: the runs of MLflow are not asked


def register(registry: Registry, folder: Path, model: str = "digits", value: float = 1.0) -> VersionInfo:
    path = folder / f"{model}-{value}.safetensors"
    save_file({"weight": np.full(4, value, dtype=np.float32)}, path)
    files = (FileToStore(path, "model.safetensors", ArtifactKind.WEIGHTS),)
    return registry.register(
        Registration(model, files, run_id="run-1", metrics={"val/accuracy": value}, summary="first")
    )


def code_of(call: Callable[[], Any]) -> str:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException) as caught:
        call()
    return str(caught.value.error_code)


def test_models_and_versions_are_read(tmp_path: Path, registry: Registry, client: Any) -> None:
    """Numbers are MLflow's versions; ours, digest, run, metrics, tags, aliases and stage come with them."""
    made = [register(registry, tmp_path, value=number / 10) for number in (1, 2, 3)]
    registry.set_alias("digits/2", "champion")
    registry.tag("digits/2", "team", "vision")
    registry.promote("digits/3", "production")
    model = client.get_registered_model("digits")
    assert (model.name, dict(model.aliases)) == ("digits", {"champion": "2", "production": "3"})
    assert {version.current_stage: version.version for version in model.latest_versions} == {
        "None": "2",
        "Production": "3",
    }
    found = client.get_model_version("digits", "2")
    assert (found.version, found.run_id, found.description, found.aliases) == ("2", "run-1", "first", ["champion"])
    assert (found.tags["team"], found.tags["regtrain.version"]) == ("vision", made[1].version)
    assert found.tags["regtrain.digest"] == made[1].digest
    assert [(metric.key, metric.value) for metric in found.metrics] == [("val/accuracy", 0.2)]
    assert client.get_model_version_by_alias("digits", "champion").version == "2"
    assert client.get_model_version_by_alias("digits", made[0].version).version == "1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, about stages
        assert [version.version for version in client.get_latest_versions("digits", ["Production"])] == ["3"]


def test_downloads_by_number_and_alias(tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """`models:/digits@champion` and `models:/digits/1` give the files, compared with their digests."""
    import mlflow

    register(registry, tmp_path, value=0.1)
    register(registry, tmp_path, value=0.2)
    registry.set_alias("digits/1", "champion")
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    mlflow.set_registry_uri(f"regtrain://{tmp_path}")
    try:
        for uri, value in (("models:/digits@champion", 0.1), ("models:/digits/1", 0.1), ("models:/digits/2", 0.2)):
            folder = Path(mlflow.artifacts.download_artifacts(uri))
            content = (folder / "model.safetensors").read_bytes()
            assert content == (tmp_path / f"digits-{value}.safetensors").read_bytes(), uri
    finally:
        mlflow.set_registry_uri("")
        mlflow.set_tracking_uri("")
        monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)


def test_searching_with_filters_and_pages(tmp_path: Path, registry: Registry, client: Any) -> None:
    """Filters on name, tags and run, an order, and pages that join to the whole."""
    for number in range(5):
        register(registry, tmp_path, f"model-{number}", value=number + 1)
    for number in range(3):
        register(registry, tmp_path, value=number / 10)
    registry.tag("digits/2", "team", "vision")

    def names(**query: Any) -> list[str]:
        return [model.name for model in client.search_registered_models(**query)]

    def versions(query: str, **options: Any) -> list[str]:
        return [f"{found.name}/{found.version}" for found in client.search_model_versions(query, **options)]

    assert names(filter_string="name LIKE 'model-%'", order_by=["name DESC"]) == [f"model-{n}" for n in (4, 3, 2, 1, 0)]
    assert len(names()) == 6
    pages, token = [], None
    while token is not None or not pages:
        page = client.search_registered_models(max_results=2, page_token=token)
        pages.append([model.name for model in page])
        token = page.token
    assert [len(page) for page in pages] == [2, 2, 2]
    assert sorted(name for page in pages for name in page) == sorted(names())
    assert versions("name = 'digits'", order_by=["version_number ASC"]) == ["digits/1", "digits/2", "digits/3"]
    assert versions("name = 'digits' and tags.team = 'vision'") == ["digits/2"]
    assert len(versions("run_id = 'run-1'")) == 8
    assert versions("name = 'nothing'") == []
    first = client.search_model_versions("name = 'digits'", max_results=2)
    assert len([*first, *client.search_model_versions("name = 'digits'", max_results=2, page_token=first.token)]) == 3
    assert code_of(lambda: client.search_registered_models("colour = 'red'")) == "INVALID_PARAMETER_VALUE"
    assert code_of(lambda: client.search_registered_models(max_results=0)) == "INVALID_PARAMETER_VALUE"


def test_what_may_be_changed(tmp_path: Path, registry: Registry, client: Any) -> None:
    """Tags, aliases, description, stages and names; a deleted version can be restored with us."""
    register(registry, tmp_path, value=0.1)
    register(registry, tmp_path, value=0.2)
    client.set_model_version_tag("digits", "1", "team", "vision")
    client.set_registered_model_alias("digits", "challenger", 1)
    client.update_model_version("digits", "1", "better")
    one = registry.show("digits/1")
    assert (one.tags, one.aliases, one.summary) == ({"team": "vision"}, ["challenger"], "better")
    client.delete_model_version_tag("digits", "1", "team")
    client.delete_model_version_tag("digits", "1", "team")
    client.delete_registered_model_alias("digits", "challenger")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert client.transition_model_version_stage("digits", "1", "Production").current_stage == "Production"
        moved = client.transition_model_version_stage("digits", "2", "Production", archive_existing_versions=True)
        assert (moved.current_stage, registry.show("digits/1").status.value) == ("Production", "archived")
        assert client.transition_model_version_stage("digits", "2", "None").current_stage == "None"
        assert client.transition_model_version_stage("digits", "1", "None").current_stage == "None"
    client.delete_model_version("digits", "1")
    assert code_of(lambda: client.get_model_version("digits", "1")) == "RESOURCE_DOES_NOT_EXIST"
    assert [found.version for found in client.search_model_versions("name = 'digits'")] == ["2"]
    assert registry.restore("digits/1").tags == {}
    client.rename_registered_model("digits", "numbers")
    assert client.get_registered_model("numbers").name == "numbers"
    assert client.copy_model_version("models:/numbers/2", "copies").version == "1"


def test_what_our_rules_forbid_is_refused(tmp_path: Path, registry: Registry, client: Any) -> None:
    """Files of a version, a stage whose gates do not hold, empty models: MLflow's error class with a code, and
    nothing has changed."""
    register(registry, tmp_path, value=0.1)
    registry.set_policy("digits", {"stages": {"production": {"require": {"val/accuracy": ">= 0.9"}}}})
    before = registry.show("digits/1").to_json()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gated = code_of(lambda: client.transition_model_version_stage("digits", "1", "Production"))
    refused = {
        "gated": gated,
        "alias of a stage": code_of(lambda: client.set_registered_model_alias("digits", "production", "1")),
        "files": code_of(lambda: client.create_model_version("digits", str(tmp_path))),
        "new model": code_of(lambda: client.create_registered_model("other")),
        "whole model": code_of(lambda: client.delete_registered_model("digits")),
        "our tag": code_of(lambda: client.set_model_version_tag("digits", "1", "regtrain.digest", "x")),
        "no model": code_of(lambda: client.get_registered_model("nothing")),
        "no version": code_of(lambda: client.get_model_version("digits", "7")),
        "no number": code_of(lambda: client.get_model_version_by_alias("digits", "nobody")),
    }
    assert refused == {
        "gated": "INVALID_STATE",
        "alias of a stage": "INVALID_STATE",
        "files": "FEATURE_DISABLED",
        "new model": "FEATURE_DISABLED",
        "whole model": "FEATURE_DISABLED",
        "our tag": "INVALID_PARAMETER_VALUE",
        "no model": "RESOURCE_DOES_NOT_EXIST",
        "no version": "RESOURCE_DOES_NOT_EXIST",
        "no number": "RESOURCE_DOES_NOT_EXIST",
    }
    assert registry.show("digits/1").to_json() == before


def test_which_registry_a_uri_names(tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder, a file, a database URL, or the registry around the current folder; one that is not there is not made."""
    from regtrain_plugins.mlflow_registry import database_of

    file = tmp_path / ".regtrain" / "registry.db"
    assert database_of(f"regtrain://{tmp_path}") == f"sqlite:///{file}"
    assert database_of(f"regtrain://{file}") == f"sqlite:///{file}"
    assert database_of("regtrain+postgresql://me@host/name") == "postgresql://me@host/name"
    assert (database_of("regtrain:"), database_of("regtrain:///")) == (None, None)
    assert code_of(lambda: database_of("regtrain://host/x")) == "INVALID_PARAMETER_VALUE"
    register(registry, tmp_path)
    monkeypatch.chdir(tmp_path)
    for uri in ("regtrain:", f"regtrain+sqlite:///{file}"):
        assert [model.name for model in connect(uri).search_registered_models()] == ["digits"], uri
    missing = connect(f"regtrain://{tmp_path / 'missing'}")
    assert code_of(missing.search_registered_models) == "RESOURCE_DOES_NOT_EXIST"
    assert not (tmp_path / "missing").exists()


def test_a_registry_on_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL of its database, behind `regtrain+`: models are listed, an alias is set, files are downloaded."""
    with postgresql() as server, database_on(server, tmp_path) as place:
        monkeypatch.setenv("REGTRAIN_STORE_URI", str(place.folder / "blobs"))
        made = register(_with_run(place.open()), tmp_path)
        client = connect(f"regtrain+{place.uri}")
        assert [model.name for model in client.search_registered_models()] == ["digits"]
        client.set_registered_model_alias("digits", "champion", "1")
        assert place.open().resolve("digits@champion").digest == made.digest
        folder = Path(client.get_model_version_download_uri("digits", "1").removeprefix("file://"))
        assert (folder / "model.safetensors").exists()


def _with_run(registry: Registry) -> Registry:
    registry.start_run(RunStart("run-1", "run", "run"))
    return registry

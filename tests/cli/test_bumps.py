"""A part of the version that says too little is refused on the command line, unless it is forced."""

from __future__ import annotations

from pathlib import Path

import pytest

from regtrain_registry import Registry
from support.cli.projects import Project, make_project


@pytest.fixture(scope="module")
def trained_twice(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """small@1.0.0 and small@1.1.0, which learned faster; tests register the faster run once more."""
    project = make_project(tmp_path_factory.mktemp("bumps"))
    project.config(registry={"model": "small"})
    project.train()
    project.train("optimizer.lr=0.2")
    return project


@pytest.mark.parametrize("asked", [("--bump", "patch"), ("--version", "1.0.9")])
def test_too_little_is_refused_and_can_be_forced(asked: tuple[str, str], trained_twice: Project) -> None:
    """Exit code 3 with the evidence; with --force it is registered, and `show`, `diff` and `history` say so."""
    project, model = trained_twice, f"copy-{asked[0].strip('-')}"
    slow, fast = project.run_folders()
    project("models", "register", slow, "--model", model)
    register = ("models", "register", fast, "--model", model, *asked, "--json")
    refused = project(*register)
    assert (refused.code, refused.error()["code"]) == (3, "wrong_bump")
    assert "optimizer.lr: 0.1 → 0.2" in refused.error()["message"]
    assert "--force" in refused.error()["hint"]
    assert len(project("models", "versions", model, "--json").json()) == 1
    made = project(*register, "--force").json()
    assert made["bump"]["forced"] is True
    assert (made["bump"]["kind"], made["bump"]["computed"]) == ("patch", "minor")
    ref = f"{model}@{made['version']}"
    assert "forced: optimizer.lr: 0.1 → 0.2" in project("models", "show", ref).out
    assert (
        f"{ref} was registered as patch, forced; computed was minor" in project("models", "diff", f"{model}/1", ref).out
    )
    assert project("models", "history", model, "--json").json()[0]["facts"]["forced"] is True
    assert "was registered as" not in project("models", "diff", "small@1.0.0", "small@1.1.0").out


def test_a_config_may_force_too(trained_twice: Project) -> None:
    """registry.bump and registry.force; without force nothing is registered, but the run is recorded."""
    project = trained_twice
    before = len(project.runs())
    project.config("patch.yaml", registry={"model": "small", "bump": "patch"})
    said = project("run", "patch.yaml", "optimizer.lr=0.3", "--json")
    assert (said.code, said.error()["code"]) == (3, "wrong_bump")
    assert len(project.runs()) == before + 1
    forced = project.train("optimizer.lr=0.3", "registry.force=true", config="patch.yaml")
    assert forced["version"] == "1.1.1"
    assert Path(forced["run_dir"]).is_dir()


def test_a_run_is_registered_where_it_was_recorded(bare_project: Project, tmp_path: Path) -> None:
    """The database that its config names, also when it is registered by hand."""
    bare_project.train(f"registry.uri=sqlite:///{tmp_path}/theirs/registry.db")
    folder = next((bare_project.folder / "runs").iterdir())
    assert bare_project("models", "register", folder, "--model", "other", "--json").json()["version"] == "1.0.0"
    with Registry(f"sqlite:///{tmp_path}/theirs/registry.db")._database._engine.connect() as connection:
        names = connection.exec_driver_sql("SELECT name FROM rt_models ORDER BY name").scalars().all()
    assert names == ["other", "tiny"]
    assert not (bare_project.folder / ".regtrain/registry.db").exists()


def test_what_was_registered_and_is_gone_is_said(project: Project) -> None:
    """The same registration again: expired is a conflict that names `restore`, collected one that names `--version`."""
    project.train()
    folder = next((project.folder / "runs").iterdir())
    for _ in range(2):
        assert project("models", "register", folder, "--model", "other", "--json").json()["number"] == 1
    project("models", "register", folder, "--model", "other", "--version", "2.0.0", "--force")
    assert project("models", "delete", "other@1.0.0").code == 0
    said = project("models", "register", folder, "--model", "other", "--json")
    assert (said.code, said.out) == (3, "")
    assert "models restore other@1.0.0" in said.error()["hint"]
    assert project("registry", "gc", "--grace", "0", "--yes").code == 0
    said = project("models", "register", folder, "--model", "other", "--json")
    assert (said.code, said.error()["code"]) == (3, "collected")

"""A part of the version that says too little is refused on the command line, unless it is forced."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.projects import Project, make_project


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

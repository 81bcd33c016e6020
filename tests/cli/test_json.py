"""The JSON that scripts rely on: one document on standard output, with the fields that were promised."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from regtrain_registry import Registry
from regtrain_registry.db.migrations import HEAD
from support.cli.projects import Project

Trained = tuple[Project, dict[str, Any]]
SHA = re.compile(r"sha256:[0-9a-f]{64}")
BLAKE3 = re.compile(r"blake3:[0-9a-f]{64}")
VERSION_FIELDS = {
    "name", "version", "number", "status", "aliases", "tags", "created_at", "run_id", "metrics", "digest", "size_bytes",
    "artifacts", "parents", "signature", "source",
}  # fmt: skip


def test_a_run_prints_its_result(trained: Trained) -> None:
    """The result of a run has every promised field, and they agree with each other."""
    project, result = trained
    assert set(result) >= {
        "run_id", "name", "status", "run_dir", "epochs", "steps", "metrics", "best", "model", "version", "number",
        "digest", "seconds", "exports",
    }  # fmt: skip
    assert (result["name"], result["status"], result["epochs"], result["steps"]) == ("tiny", "finished", 2, 4)
    assert (result["model"], result["version"], result["number"]) == ("tiny", "1.0.0", 1)
    assert SHA.fullmatch(result["digest"])
    assert set(result["best"]) == {"metric", "value", "step", "checkpoint"}
    assert Path(result["best"]["checkpoint"]).is_dir()
    assert result["best"]["metric"] == "val/accuracy"
    assert {"train/loss", "train/lr", "val/loss", "val/accuracy"} <= set(result["metrics"])
    assert Path(result["run_dir"]).parent == project.folder / "runs"
    assert result["exports"] == []


def test_models_list(trained: Trained) -> None:
    """A model is listed with its latest version, aliases and size."""
    project, result = trained
    (model,) = project("models", "list", "--json").json()
    assert set(model) >= {"name", "versions", "latest", "aliases", "size_bytes"}
    assert (model["name"], model["versions"]) == ("tiny", 1)
    assert set(model["latest"]) >= {"version", "number", "created_at", "metrics"}
    assert model["latest"]["version"] == result["version"]
    assert model["size_bytes"] > 0


def test_models_show(trained: Trained) -> None:
    """A version shows its files with digests, its run, its source and the whole config."""
    project, result = trained
    shown = project("models", "show", "tiny@1.0.0", "--json").json()
    assert set(shown) >= VERSION_FIELDS | {"config"}
    assert shown["run_id"] == result["run_id"]
    assert shown["digest"] == result["digest"]
    assert shown["parents"] == []
    assert set(shown["source"]) == {"git_commit", "dirty"}
    assert shown["config"]["training"]["epochs"] == 2
    assert shown["created_at"].endswith("Z")
    files = {artifact["path"]: artifact for artifact in shown["artifacts"]}
    assert set(files["model.safetensors"]) == {"path", "kind", "digest", "size_bytes"}
    assert {"config.yaml", "metadata.json", "requirements.txt", "code/model.py", "code/data.py"} <= set(files)
    assert shown["signature"]["inputs"] == {"dtype": "float32", "shape": [None, 3]}


@pytest.mark.parametrize("ref", ["tiny", "tiny@1.0.0", "tiny@^1.0", "tiny@latest", "tiny/1", "models:/tiny/1"])
def test_every_form_of_a_ref_shows_the_version(ref: str, trained: Trained) -> None:
    """Every promised form of a reference finds the same version."""
    project, result = trained
    assert project("models", "show", ref, "--json").json()["digest"] == result["digest"]


def test_models_versions(trained: Trained) -> None:
    """Versions have the fields of `models show` without the config."""
    (version,) = trained[0]("models", "versions", "tiny", "--json").json()
    assert set(version) >= VERSION_FIELDS
    assert "config" not in version


def test_runs_list_and_show(trained: Trained) -> None:
    """A run is listed with its version, and found by id, the beginning of its id, name and folder."""
    project, result = trained
    (run,) = project.runs()
    assert (run["run_id"], run["status"], run["model"], run["version"]) == (
        result["run_id"],
        "finished",
        "tiny",
        "1.0.0",
    )
    assert run["started_at"] <= run["finished_at"]
    shown = project("runs", "show", result["run_id"], "--json").json()
    assert shown["run_dir"] == result["run_dir"]
    for name in (result["run_id"][:12], "tiny", result["run_dir"]):
        assert project("runs", "show", name, "--json").json() == shown
    assert set(shown) >= {"config", "code", "environment", "data", "metrics", "best", "seconds"}
    assert set(shown["data"]) == {"train", "val"}
    assert all(SHA.fullmatch(digest) for digest in shown["data"].values())


def test_checkpoints_list(trained: Trained) -> None:
    """Checkpoints have step, epoch, metrics, size, digest and tags; the newest is the last."""
    project, result = trained
    for name in (result["run_id"], "tiny", result["run_dir"]):
        found = project("checkpoints", "list", name, "--json").json()
        assert [set(c) for c in found] == [
            {"path", "step", "epoch", "metrics", "size_bytes", "digest", "tags"} for _ in found
        ]
        assert "last" in found[-1]["tags"]
        (best,) = [c for c in found if "best" in c["tags"]]
        assert best["path"] == result["best"]["checkpoint"]
        assert best["metrics"]["val/accuracy"] == result["best"]["value"]
        assert BLAKE3.fullmatch(best["digest"])


def test_config_show(trained: Trained) -> None:
    """Every key of a config has its value and its source."""
    project, _ = trained
    shown = project("config", "show", "run.yaml", "epochs=7", "--json").json()
    assert all(set(entry) == {"value", "source"} for entry in shown.values())
    assert shown["training.epochs"]["value"] == 7
    assert "epochs=7" in shown["training.epochs"]["source"]
    assert shown["training.batch_size"]["value"] == 8
    assert "run.yaml" in shown["training.batch_size"]["source"]


def test_plugins_list(trained: Trained) -> None:
    """Plugins are listed with what they provide and why one was left out."""
    found = {p["name"]: p for p in trained[0]("plugins", "list", "--json").json()}
    assert all(set(p) >= {"name", "distribution", "version", "provides", "error"} for p in found.values())
    assert "SGD" in found["optimizers-torch"]["provides"]["optimizers"]
    assert found["launch-here"]["distribution"] == "launch-here"
    assert found["launch-here"]["error"] is None


def test_plan_says_each_choice_with_its_reason(trained: Trained) -> None:
    """`plan` and `run --dry-run` say the same, and start nothing."""
    project, _ = trained
    planned = project("plan", "run.yaml", "--json").json()
    assert project("run", "run.yaml", "--dry-run", "--json").json() == planned
    assert all(set(choice) == {"value", "reason"} for choice in planned["choices"].values())
    assert planned["choices"]["training.batch_size"] == {"value": 8, "reason": "config"}
    assert len(project.run_folders()) == 1


@pytest.mark.parametrize(
    ("argv", "code", "exit_code"),
    [
        (["models", "show", "tiny@9.9.9"], "version_not_found", 2),
        (["models", "show", "tinny"], "model_not_found", 2),
        (["models", "versions", "tinny"], "model_not_found", 2),
        (["runs", "show", "nothing"], "run_not_found", 2),
        (["checkpoints", "list", "nothing"], "run_not_found", 2),
        (["plugins", "show", "nothing"], "unknown_name", 2),
        (["config", "show", "nothing.yaml"], "config_file", 2),
        (["config", "explain", "training.epoc"], "config_key", 2),
        (["run", "run.yaml", "--epochs", "many"], "usage", 2),
        (["rum", "run.yaml"], "usage", 2),
    ],
)
def test_an_error_is_one_document_on_standard_error(
    argv: list[str], code: str, exit_code: int, trained: Trained
) -> None:
    """With --json an error is one document on standard error, and standard output stays empty."""
    said = trained[0](*argv, "--json")
    assert (said.code, said.out) == (exit_code, "")
    assert set(json.loads(said.err)) == {"error"}
    assert set(said.error()) == {"code", "message", "hint"}
    assert said.error()["code"] == code
    assert said.error()["message"]


def test_no_registry_is_said(bare_project: Project) -> None:
    """Before the first run a list says that there is no registry, and makes none."""
    said = bare_project("models", "list", "--json")
    assert (said.code, said.error()["code"]) == (2, "no_registry")
    said = bare_project("run", "run.yaml", "--resume", "tiny@1.0.0", "--json")
    assert (said.code, "no registry" in said.error()["message"]) == (2, True)
    assert not (bare_project.folder / ".regtrain").exists()


def test_nothing_is_upgraded_where_nothing_is(bare_project: Project) -> None:
    """`registry upgrade` makes no registry; one that is there says its schema."""
    said = bare_project("registry", "upgrade")
    assert (said.code, said.out, "there is no registry at" in said.err) == (2, "", True)
    assert not (bare_project.folder / ".regtrain").exists()
    Registry(f"sqlite:///{bare_project.folder}/.regtrain/registry.db")
    assert bare_project("registry", "upgrade").out.endswith(f"has schema {HEAD}\n")


def test_a_metric_that_is_not_finite_is_null(project: Project) -> None:
    """A run whose loss became NaN prints JSON that every parser reads, and registers the same."""
    project.config(optimizer={"name": "SGD", "lr": 1e30}, checkpoint={"monitor": "val/accuracy"})
    said = project("run", "run.yaml", "--allow-nonfinite", "--json")
    assert said.code == 0, said.err
    result = json.loads(said.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert result["metrics"]["train/loss"] is None
    for name in ("outcome.json", "metrics.json"):
        text = (Path(result["run_dir"]) / name).read_text()
        json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
    assert "not finite" in project("run", "run.yaml", "--allow-nonfinite").out

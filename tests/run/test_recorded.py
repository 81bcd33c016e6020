"""What is recorded of a run: code, data, environment, seed, lineage, version; and what is refused before it trains."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.cli.projects import Project

Trained = tuple[Project, dict[str, Any]]


def git(folder: Path, *argv: str) -> str:
    name = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *name, *argv], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def sha256_of_weights(checkpoint: dict[str, Any]) -> str:
    """What the registry calls the weights of a listed checkpoint."""
    content = (Path(checkpoint["path"]) / "model.safetensors").read_bytes()
    return "sha256:" + hashlib.sha256(content).hexdigest()


def test_the_run_folder_tells_the_story(trained: Trained) -> None:
    """A run folder has config, plan, metadata, requirements, logs, code and outcome; no half-written file stays."""
    project, result = trained
    folder = Path(result["run_dir"])
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {
        "config.yaml", "plan.json", "metadata.json", "requirements.txt", "outcome.json", "metrics.json",
        "logs/metrics.jsonl", "logs/train.log", "code/model.py", "code/data.py",
    } <= names  # fmt: skip
    assert not [name for name in names if Path(name).name.startswith(".")]
    metadata = json.loads((folder / "metadata.json").read_bytes())
    assert metadata["seed"] == 1
    assert metadata["started_at"].endswith("Z")
    assert {"python", "platform", "host", "argv", "hardware", "code", "run_id"} <= set(metadata)
    assert "torch==" in (folder / "requirements.txt").read_text()
    lines = [json.loads(line) for line in (folder / "logs/metrics.jsonl").read_text().splitlines()]
    assert all({"step", "epoch", "time"} <= set(line) for line in lines)
    assert lines[-1]["val/accuracy"] == result["metrics"]["val/accuracy"]
    assert project("config", "check", folder / "config.yaml").code == 0


@pytest.mark.slow
def test_code_is_recorded_with_its_changes(project: Project) -> None:
    """In a git repository the commit is recorded, and what differs from it, with the run and with the version."""
    git(project.folder, "init", "-q")
    git(project.folder, "add", "run.yaml", "model.py", "data.py")
    git(project.folder, "commit", "-qm", "First")
    commit = git(project.folder, "rev-parse", "HEAD")
    clean = project.train()
    metadata = json.loads((Path(clean["run_dir"]) / "metadata.json").read_bytes())
    assert metadata["code"] == {"git_commit": commit, "dirty": False, "diff": None}
    project.write("model.py", (project.folder / "model.py").read_text() + "\n# wider next time\n")
    dirty = project.train()
    metadata = json.loads((Path(dirty["run_dir"]) / "metadata.json").read_bytes())
    assert metadata["code"]["dirty"] is True
    assert "+# wider next time" in metadata["code"]["diff"]
    assert project("models", "checkout", "tiny@latest", "out").code == 0
    git(project.folder, "checkout", "-q", "model.py")
    git(project.folder, "apply", "out/code/uncommitted.diff")
    assert (project.folder / "model.py").read_bytes() == (project.folder / "out/code/model.py").read_bytes()
    assert not any(
        a["path"].endswith(".diff") for a in project("models", "show", "tiny/1", "--json").json()["artifacts"]
    )
    assert project("models", "show", "tiny@latest", "--json").json()["source"] == {"git_commit": commit, "dirty": True}
    assert project("runs", "show", dirty["run_id"], "--json").json()["code"]["git_commit"] == commit
    assert dirty["version"] == "1.1.0"  # other code


def test_versions_follow_what_changed(project: Project) -> None:
    """The same recipe again is a patch, another learning rate a minor, another shape a major version."""
    assert project.train()["version"] == "1.0.0"
    assert project.train("--seed", "5")["version"] == "1.0.1"
    assert project.train("--learning-rate", "0.2")["version"] == "1.1.0"
    assert project.train("model.width=9")["version"] == "2.0.0"
    assert [v["number"] for v in project("models", "versions", "tiny", "--json").json()] == [4, 3, 2, 1]


def test_code_that_the_model_imports_is_code(project: Project) -> None:
    """A file that the model file imports from beside it is kept with the version; a change of it is a minor version."""
    project.write("width_of_this_test.py", "WIDTH = 4\n")
    model = (project.folder / "model.py").read_text()
    project.write("model.py", f"from width_of_this_test import WIDTH\n{model}")
    assert project.train()["version"] == "1.0.0"
    shown = project("models", "show", "tiny", "--json").json()
    assert {"code/model.py", "code/width_of_this_test.py"} <= {artifact["path"] for artifact in shown["artifacts"]}
    project.write("width_of_this_test.py", "WIDTH = 4  # no: 5\n")
    assert project.train()["version"] == "1.1.0"


def test_the_config_can_say_model_bump_and_version(project: Project) -> None:
    """registry.model, registry.bump and registry.version overrule what is computed."""
    assert project.train("registry.model=other")["model"] == "other"
    assert project.train("registry.model=other", "registry.bump=major")["version"] == "2.0.0"
    assert project.train("registry.model=other", "registry.version=3.1.4")["version"] == "3.1.4"
    shown = project("models", "show", "other@3.1.4", "--json").json()
    assert shown["bump"]["overruled"]


def test_a_version_that_is_taken_is_refused_before_training(project: Project) -> None:
    """A version that exists is a conflict (exit code 3) before anything is trained or recorded."""
    project.train("registry.version=1.0.0")
    said = project("run", "run.yaml", "registry.version=1.0.0", "--json")
    assert (said.code, said.out, said.error()["code"]) == (3, "", "version_taken")
    assert "tiny@1.0.0" in said.error()["message"]
    assert "registry.version" in said.error()["hint"]
    assert len(project.run_folders()) == len(project.runs()) == 1
    assert project("run", "run.yaml", "registry.version=1.0.0", "--debug").code == 0  # which registers nothing


def test_a_run_without_a_registry(bare_project: Project) -> None:
    """registry.enabled: false trains, records and registers nothing, and makes no registry."""
    result = bare_project.train("registry.enabled=false")
    assert (result["status"], result["version"]) == ("finished", None)
    assert not (bare_project.folder / ".regtrain").exists()
    assert Path(result["run_dir"], "outcome.json").is_file()


def test_state_lives_beside_the_config_or_above(bare_project: Project) -> None:
    """The first run makes .regtrain beside its config; a run from elsewhere with REGTRAIN_HOME uses that."""
    (bare_project.folder / "sub").mkdir()
    below = Project(bare_project.folder / "sub")
    bare_project.train()
    assert (bare_project.folder / ".regtrain/registry.db").is_file()
    assert below("models", "list", "--json").json()[0]["name"] == "tiny"


def test_a_run_can_be_registered_later(project: Project) -> None:
    """A run that no registry knew is recorded and registered by its folder; the same again is the same version."""
    result = project.train("registry.enabled=false")
    made = project("models", "register", result["run_dir"], "--model", "late", "--json")
    assert made.code == 0, made.err
    assert (made.json()["name"], made.json()["version"], made.json()["run_id"]) == ("late", "1.0.0", result["run_id"])
    assert [run["status"] for run in project.runs()] == ["finished"]
    again = project("models", "register", result["run_dir"], "--model", "late", "--json").json()
    assert again["version"] == "1.0.0"


def test_a_run_folder_that_was_moved_can_be_registered(project: Project) -> None:
    """A run is registered from where its folder is now."""
    result = project.train("registry.enabled=false")
    moved = Path(result["run_dir"]).rename(project.folder / "moved")
    made = project("models", "register", moved, "--model", "late", "--json")
    assert made.code == 0, made.err
    assert made.json()["version"] == "1.0.0"


def test_registering_with_bump_version_and_parent(project: Project) -> None:
    """A checkpoint is registered under another name, with the part of the version, the version or parents asked for."""
    result = project.train("checkpoint.every_n_epochs=1")
    checkpoints = project("checkpoints", "list", "tiny", "--json").json()
    register = ("models", "register", checkpoints[0]["path"], "--json", "--model")
    first = project(*register, "tiny", "--bump", "major").json()
    assert (first["version"], first["digest"]) == ("2.0.0", sha256_of_weights(checkpoints[0]))
    child = project(*register, "child", "--version", "0.3.0", "--parent", "tiny@1.0.0").json()
    assert (child["version"], child["parents"]) == ("0.3.0", [{"ref": "tiny@1.0.0", "relation": "resumed_from"}])
    again = project(*register, "child", "--version", "0.3.0", "--parent", "tiny@1.0.0").json()
    assert (again["number"], again["parents"]) == (child["number"], child["parents"])
    without = project(*register, "child", "--version", "0.3.0")  # not the same registration
    assert (without.code, without.error()["code"]) == (3, "version_taken")
    other = ("models", "register", checkpoints[-1]["path"], "--model", "child", "--version", "0.3.0")
    assert project(*other, "--json").error()["code"] == "version_taken"
    many = (
        "--parent",
        "distilled_from=tiny@2.0.0",
        "--parent",
        "merged_from=tiny@>=1",
        "--parent",
        "ensemble_of=child",
    )
    merged = project(*register, "merged", *many).json()
    assert merged["parents"] == [
        {"ref": "child@0.3.0", "relation": "ensemble_of"},
        {"ref": "tiny@2.0.0", "relation": "distilled_from"},
        {"ref": "tiny@2.0.0", "relation": "merged_from"},
    ]
    assert project(*register, "merged", *many).json()["number"] == 1
    wrong = project(*register, "merged", "--parent", "destilled_from=tiny")
    assert (wrong.code, wrong.error()["hint"].split(",")[0]) == (2, "there is distilled_from")
    assert project(*register, "child", "--version", "0.3").code == 2
    assert project(*register, "child", "--bump", "major", "--version", "1.0.0").code == 2
    assert project(*register, "child", "--parent", "nobody@1.0.0").code == 2
    assert project(*register, "Not A Name").code == 2
    assert project("models", "register", "model.py", "--model", "x").code == 2
    assert project("models", "register", result["run_dir"] + "/checkpoints/step-99999999", "--model", "x").code == 2


def test_the_names_of_views_register_what_they_show(project: Project) -> None:
    """`last_model.pth` is the last checkpoint, and `best` the best one, also when they are not the same."""
    result = project.train("checkpoint.every_n_epochs=1", "checkpoint.pth_names=true", "checkpoint.monitor=train/lr", "checkpoint.mode=max",
                           "scheduler.name=ExponentialLR", "scheduler.gamma=0.5")  # fmt: skip
    first, last = project("checkpoints", "list", "tiny", "--json").json()
    assert (first["tags"], last["tags"]) == (["best"], ["last"])
    folder = Path(result["run_dir"]) / "checkpoints"
    for name, wanted in (("last_model.pth", last), ("last", last), ("best_model.pth", first), ("best", first)):
        made = project("models", "register", folder / name, "--model", name.replace("_", "-"), "--json").json()
        assert made["digest"] == sha256_of_weights(wanted), name


def test_a_version_comes_back_byte_for_byte(trained: Trained, tmp_path: Path) -> None:
    """`models checkout` writes files with the digests that were registered, into a new or empty folder only."""
    project, result = trained
    said = project("models", "checkout", "tiny@1.0.0", tmp_path / "copy", "--bare", "--json")
    shown = project("models", "show", "tiny@1.0.0", "--json").json()
    assert {str(Path(p).relative_to(tmp_path / "copy")) for p in said.json()} == {a["path"] for a in shown["artifacts"]}
    for artifact in shown["artifacts"]:
        content = (tmp_path / "copy" / artifact["path"]).read_bytes()
        assert "sha256:" + hashlib.sha256(content).hexdigest() == artifact["digest"]
    weights = Path(result["best"]["checkpoint"]) / "model.safetensors"
    assert (tmp_path / "copy/model.safetensors").read_bytes() == weights.read_bytes()
    assert (tmp_path / "copy/code/model.py").read_bytes() == (project.folder / "model.py").read_bytes()
    again = project("models", "checkout", "tiny@1.0.0", tmp_path / "copy", "--json")
    assert (again.code, again.error()["code"]) == (2, "folder_not_empty")


def test_a_registered_checkpoint_is_linked(trained: Trained) -> None:
    """Weights and training state lie on the disk once, read-only, under both names."""
    project, result = trained
    store = project.folder / ".regtrain/blobs/sha256"
    for artifact in project("models", "show", "tiny@1.0.0", "--json").json()["artifacts"]:
        blob = store / artifact["digest"].removeprefix("sha256:")
        name = Path(artifact["path"])
        if name.name in ("model.safetensors", "state.safetensors", "state.json"):
            assert (Path(result["best"]["checkpoint"]) / name.name).samefile(blob)
        assert blob.stat().st_mode & 0o777 == 0o400


def test_files_of_one_name_are_both_kept(project: Project) -> None:
    """Model and data files of one name in two folders are both kept as code."""
    for part in ("model", "data"):
        project.write(f"{part}/parts.py", (project.folder / f"{part}.py").read_text())
    project.config(model={"target": "./model/parts.py:build"}, data={"target": "./data/parts.py:build"})
    project.train()
    paths = [a["path"] for a in project("models", "show", "tiny", "--json").json()["artifacts"]]
    assert {"code/model/parts.py", "code/data/parts.py"} <= set(paths)


def test_a_run_folder_that_cannot_be_finished_is_removed(project: Project) -> None:
    """Where the run cannot be recorded, no run folder stays behind as if there were a run."""
    project.train()
    database = project.folder / ".regtrain/registry.db"
    database.write_bytes(database.read_bytes()[:5000])
    said = project("run", "run.yaml", "--json")
    assert said.code == 4, said.err
    assert len(project.run_folders()) == 1


def test_passwords_stay_out_of_the_registry(project: Project) -> None:
    """A password in a URL of the config or of the command line is in no row and no file of the registry."""
    url = "https://user:CANARY@example.org/weights"
    project.write("model.py", (project.folder / "model.py").read_text().replace("width: int = 4", "width=4, url=None"))
    project.config(model={"target": "./model.py:build", "url": url})
    git(project.folder, "init", "-q")
    git(project.folder, "add", "model.py")
    git(project.folder, "commit", "-qm", "First")
    git(project.folder, "add", "run.yaml")
    result = project.train("experiment.description=from " + url)
    assert (
        "+  url: https://user:***@example.org/weights"
        in (Path(result["run_dir"]) / "code/uncommitted.diff").read_text()
    )
    held = [
        path for path in (project.folder / ".regtrain").rglob("*") if path.is_file() and b"CANARY" in path.read_bytes()
    ]
    assert held == []
    assert "CANARY" not in project("models", "show", "tiny", "--json").out
    assert "CANARY" not in project("runs", "show", "tiny", "--json").out
    assert "***" in project("models", "show", "tiny", "--json").out
    assert "CANARY" not in (Path(result["run_dir"]) / "metadata.json").read_text()
    assert project.train("epochs=3", config=f"{result['run_dir']}/config.yaml")["steps"] == 6

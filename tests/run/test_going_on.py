"""Going on with a run: from every name that a checkpoint has, with damage on the way, from its own config."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.cli.projects import Project

NAMES: dict[str, Callable[[dict[str, Any]], str]] = {
    "run folder": lambda run: run["run_dir"],
    "config of the run": lambda run: f"{run['run_dir']}/config.yaml",
    "checkpoints folder": lambda run: f"{run['run_dir']}/checkpoints",
    "checkpoint folder": lambda run: f"{run['run_dir']}/checkpoints/step-00000004",
    "file of a checkpoint": lambda run: f"{run['run_dir']}/checkpoints/step-00000004/model.safetensors",
    "last": lambda run: f"{run['run_dir']}/checkpoints/last",
    "last_model.pth": lambda run: f"{run['run_dir']}/checkpoints/last_model.pth",
    "last.pth": lambda run: f"{run['run_dir']}/checkpoints/last.pth",
    "relative path": lambda run: f"runs/{run['run_id']}",
    "run id": lambda run: run["run_id"],
    "beginning of the id": lambda run: run["run_id"][:17],
    "name": lambda run: run["name"],
    "version": lambda run: "tiny@1.0.0",
    "alias": lambda run: "tiny@latest",
    "uri": lambda run: "models:/tiny/1",
}


@pytest.fixture
def first(project: Project) -> dict[str, Any]:
    """A finished run whose last checkpoint is its best one, at step 4."""
    project.config(checkpoint={"monitor": "train/loss", "every_n_epochs": 1, "pth_names": True})
    result = project.train()
    assert result["best"]["step"] == 4
    return result


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_a_checkpoint(
    name: str,
    project: Project,
    first: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run goes on from each name that a checkpoint has, and the new version names its parent."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))  # other tests unpack too
    before = set(Path(tempfile.gettempdir()).glob("regtrain-resume-*"))
    second = project.train("--resume", NAMES[name](first), "--epochs", "3")
    assert (second["epochs"], second["steps"]) == (3, 6)
    assert second["run_id"] != first["run_id"]
    shown = project("models", "show", f"tiny@{second['version']}", "--json").json()
    assert shown["parents"] == [{"ref": "tiny@1.0.0", "relation": "resumed_from"}]
    assert project("runs", "show", second["run_id"], "--json").json()["resumed_from"] == first["run_id"]
    assert set(Path(tempfile.gettempdir()).glob("regtrain-resume-*")) == before


def test_the_config_of_a_run_goes_on_with_it(project: Project, first: dict[str, Any]) -> None:
    """`regtrain run RUN_DIR/config.yaml epochs=3` goes on; the data and model files are found from anywhere."""
    (project.folder / "elsewhere").mkdir()
    elsewhere = Project(project.folder / "elsewhere")
    shutil.copytree(project.folder / "site", elsewhere.folder / "site")
    second = elsewhere.train("epochs=3", config=f"{first['run_dir']}/config.yaml")
    assert (second["steps"], Path(second["run_dir"]).parent) == (6, project.folder / "runs")
    assert len(project.runs()) == 2
    third = elsewhere.train("epochs=4", config=f"{second['run_dir']}/config.yaml")
    assert third["steps"] == 8


def test_a_run_that_was_resumed_goes_on_from_itself(project: Project, first: dict[str, Any]) -> None:
    """checkpoint.resume_from in a run's own config is where it once began, not where it goes on."""
    second = project.train(f"checkpoint.resume_from=runs/{first['run_id']}", "--epochs", "3")
    third = project.train("epochs=4", config=f"{second['run_dir']}/config.yaml")
    assert third["steps"] == 8
    run = project("runs", "show", third["run_id"], "--json").json()
    assert run["resumed_from"] == second["run_id"]


def test_a_finished_run_has_nothing_left(project: Project, first: dict[str, Any]) -> None:
    """Going on with a run that has all its epochs says so, and how to ask for more."""
    said = project("run", f"{first['run_dir']}/config.yaml", "--json")
    assert said.code == 2
    assert "nothing is left to train" in said.error()["message"]
    assert "epochs=" in said.error()["hint"]


def test_a_run_that_was_killed_after_its_last_step_is_finished(project: Project, first: dict[str, Any]) -> None:
    """All steps done, no outcome: going on trains nothing, and registers what is there."""
    (Path(first["run_dir"]) / "outcome.json").unlink()
    rest = project.train("--resume", first["run_dir"])
    assert (rest["status"], rest["steps"]) == ("finished", first["steps"])
    assert rest["digest"] == first["digest"]
    assert rest["version"] == "1.0.1"


def test_a_run_by_steps_has_nothing_left(project: Project) -> None:
    """The end that was reached is named, and how to ask for more of it."""
    run = project.train("training.max_steps=3", "training.epochs=null")
    said = project("run", "run.yaml", "training.max_steps=3", "--resume", run["run_dir"], "--json")
    assert said.code == 2
    assert "3 of 3 steps" in said.error()["message"]
    assert "training.max_steps=6" in said.error()["hint"]


def test_paths_that_were_typed_are_found_again(project: Project) -> None:
    """--output-dir and --data-dir are relative to where they were typed; the run's own config still finds them."""
    work = Project(project.folder / "work")
    shutil.copytree(project.folder / "site", work.folder / "site")
    (work.folder / "numbers").mkdir()
    project.write("data.py", (project.folder / "data.py").read_text().replace("rows: int = 24", "data_dir, rows=24")
                  .replace("    inputs", "    open(data_dir + '/here').close()\n    inputs", 1))  # fmt: skip
    (work.folder / "numbers/here").touch()
    first = work.train("--output-dir", "out", "--data-dir", "numbers", config="../run.yaml")
    assert Path(first["run_dir"]).parent == work.folder / "out"
    second = project.train("epochs=3", config=f"{first['run_dir']}/config.yaml")
    assert Path(second["run_dir"]).parent == work.folder / "out"
    assert second["steps"] == 6


def test_the_environment_still_overrides(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that was set when the run began changes nothing when it is still set, overrides the run's own config
    when it is another, and the run's config has its value when it is gone."""
    monkeypatch.setenv("REGTRAIN_BATCH_SIZE", "4")
    monkeypatch.setenv("REGTRAIN_OUTPUT_DIR", "from-environment")
    first = project.train()
    assert first["steps"] == 8
    own = f"{first['run_dir']}/config.yaml"
    assert project.train("epochs=3", config=own)["steps"] == 12
    monkeypatch.delenv("REGTRAIN_BATCH_SIZE")
    monkeypatch.delenv("REGTRAIN_OUTPUT_DIR")
    assert project("plan", own, "--json").json()["choices"]["training.batch_size"]["value"] == 4
    third = project.train("epochs=3", config=own)
    assert third["steps"] == 12
    assert Path(third["run_dir"]).parent == project.folder / "from-environment"
    monkeypatch.setenv("REGTRAIN_BATCH_SIZE", "16")
    assert project("plan", own, "--json").json()["choices"]["training.batch_size"]["value"] == 16
    assert project.train("epochs=3", config=own)["steps"] == 9


def damage(checkpoint: Path, name: str = "model.safetensors") -> None:
    content = bytearray((checkpoint / name).read_bytes())
    content[-1] ^= 1
    (checkpoint / name).chmod(0o644)  # linked files are read-only, which holds for everybody but root
    (checkpoint / name).write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["folder", "checkpoint"])
@pytest.mark.parametrize("name", ["model.safetensors", "state.safetensors", "state.json", "manifest.json"])
def test_a_damaged_checkpoint_gives_way(name: str, asked: str, project: Project, first: dict[str, Any]) -> None:
    """A single flipped bit in the newest checkpoint: a warning, and the one before it is used."""
    newest = Path(first["run_dir"]) / "checkpoints/step-00000004"
    damage(newest, name)
    said = project("run", "run.yaml", "--resume", newest if asked == "checkpoint" else first["run_dir"], "--json")
    assert said.code == 0, said.err
    assert "warning" in said.err
    assert "step-00000004" in said.err
    assert "step-00000002" in (Path(said.json()["run_dir"]) / "logs/train.log").read_text()
    assert said.json()["steps"] == 4


def test_only_damaged_checkpoints(project: Project, first: dict[str, Any]) -> None:
    """With no whole checkpoint the run is refused as damaged (exit code 4), not begun afresh."""
    for checkpoint in (Path(first["run_dir"]) / "checkpoints").glob("step-*"):
        damage(checkpoint)
    said = project("run", "run.yaml", "--resume", first["run_dir"], "--epochs", "3", "--json")
    assert (said.code, said.error()["code"]) == (4, "checkpoint_damaged")
    assert project.runs()[0]["status"] == "failed"


def test_a_damaged_version(project: Project, first: dict[str, Any]) -> None:
    """A version whose stored weights were changed is refused with exit code 4."""
    digest = first["digest"].removeprefix("sha256:")
    (blob,) = (project.folder / ".regtrain/blobs").rglob(digest)
    blob.chmod(0o600)
    damage(blob.parent, blob.name)
    before = set(Path(tempfile.gettempdir()).glob("regtrain-resume-*"))
    said = project("run", "run.yaml", "--resume", "tiny@1.0.0", "--epochs", "3", "--json")
    assert (said.code, said.error()["code"]) == (4, "blob_damaged")
    assert set(Path(tempfile.gettempdir()).glob("regtrain-resume-*")) == before


@pytest.mark.parametrize("plan", ["{}", "[]", "not json", '{"choices": []}'])
def test_another_program_s_plan_json(plan: str, project: Project) -> None:
    """A plan.json above the config that is none of a run does not make the config a run's own."""
    project.write("plan.json", plan)
    project.config("config.yaml")
    for name in ("run.yaml", "config.yaml"):
        assert project("plan", name).code == 0
    project.write("metadata.json", "{}")
    assert project("plan", "run.yaml").code == 0
    said = project("run", "run.yaml", "--resume", ".", "--json")
    assert (said.code, said.error()["code"]) == (2, "run_not_found")


def test_planning_leaves_nothing_unpacked(project: Project, first: dict[str, Any]) -> None:
    """A plan that would go on from a version, or is refused then, leaves no copy of it behind."""
    before = set(Path(tempfile.gettempdir()).glob("regtrain-resume-*"))
    assert project("plan", "run.yaml", "--resume", "tiny@1.0.0").code == 0
    assert project("run", "run.yaml", "--resume", "tiny@1.0.0", "optimizer.name=nothing").code == 2
    assert set(Path(tempfile.gettempdir()).glob("regtrain-resume-*")) == before


def test_the_kept_config_is_canonical(project: Project, first: dict[str, Any]) -> None:
    """The run's config.yaml has what was overridden, in canonical spelling, and the plan its own copy."""
    result = project.train("--epochs", "1", "lr=0.3")
    folder = Path(result["run_dir"])
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert (config["training"]["epochs"], config["optimizer"]["lr"]) == (1, 0.3)
    assert json.loads((folder / "plan.json").read_bytes())["config"]["optimizer"]["lr"] == 0.3

"""plan.json and settled.json are checked again when they are read, whoever wrote them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regtrain.errors import RegtrainError
from regtrain.plan.making import new_run_id
from regtrain.run_dir import RunDir
from regtrain.types import Plan
from support.cli.projects import Project

Change = Callable[[dict[str, Any]], object]


def changed(path: Path, change: Change) -> None:
    value = json.loads(path.read_bytes())
    change(value)
    path.write_text(json.dumps(value))


def test_it_comes_back_as_it_was(trained: tuple[Project, dict[str, Any]]) -> None:
    """Typed, with every choice in its place and without secrets in its public copy."""
    plan = RunDir(Path(trained[1]["run_dir"])).read_plan()
    assert isinstance(plan, Plan)
    assert (plan.task, plan.optimizer, plan.evaluator) == ("classification", "SGD", "classification")
    assert plan.config.training.device == "auto"
    assert plan.reason("optimizer.name") == "config"
    assert plan.config == plan.public


WRONG_PLANS: dict[str, tuple[Change, int, str]] = {
    "a place above": (lambda p: p["config"]["checkpoint"].update(save_dir="../victim"), 2, "checkpoint.save_dir"),
    "an absolute place": (lambda p: p["config"]["logging"].update(log_dir="/etc"), 2, "logging.log_dir"),
    "checkpoints from elsewhere": (lambda p: p.update(resume="../other/checkpoints"), 2, "resume"),
    "weights from elsewhere": (lambda p: p.update(initial_weights="/etc/passwd"), 2, "initial_weights"),
    "an id that is a path": (lambda p: p.update(run_id="../../x"), 2, "no run id"),
    "a newer release": (lambda p: p.update(format=3), 2, "newer release"),
    "an older release": (lambda p: p.update(format=1), 2, "format"),
    "half of it": (lambda p: p.pop("config"), 2, "config"),
    "a key of its own": (lambda p: p["config"]["training"].update(epoch=3), 2, "epoch"),
    "another type": (lambda p: p["config"]["training"].update(epochs="many"), 2, "epochs"),
}


def test_a_plan_that_is_wrong_is_refused(trained: tuple[Project, dict[str, Any]], tmp_path: Path) -> None:
    """Each with the culprit in its message; nothing is read, written or deleted elsewhere."""
    wrong = []
    for name, (change, code, culprit) in WRONG_PLANS.items():
        folder = Path(shutil.copytree(trained[1]["run_dir"], tmp_path / name.replace(" ", "-")))
        changed(folder / "plan.json", change)
        try:
            RunDir(folder).read_plan()
            wrong.append((name, "it was read"))
        except RegtrainError as problem:
            if problem.exit_code != code or culprit not in problem.message or not problem.hint:
                wrong.append((name, str(problem)))
    assert wrong == []


CONTENTS = {"nothing": "", "cut": '{"run_id": "x"', "a list": "[]", "deep": "[" * 3000, "null": "null"}


def test_a_file_that_is_no_plan_is_refused(trained: tuple[Project, dict[str, Any]], tmp_path: Path) -> None:
    """Empty, cut, another type of JSON, nested without end, a folder, missing: one error each, by the command line."""
    project, result = trained
    wrong = []
    for name in (*CONTENTS, "a folder", "missing"):
        folder = Path(shutil.copytree(result["run_dir"], tmp_path / name.replace(" ", "-")))
        plan = folder / "plan.json"
        plan.unlink()
        if name == "a folder":
            plan.mkdir()
        elif name in CONTENTS:
            plan.write_text(CONTENTS[name])
        for command in (("checkpoints", "list"), ("runs", "sync"), ("models", "register", "--model", "x")):
            said = project(*command, folder)
            if said.code != 2 or "fault of regtrain" in said.err or not said.err.startswith("error: "):
                wrong.append((name, command, said))
    assert wrong == []


WRONG_SETTLED: dict[str, tuple[Change, str]] = {
    "another run": (lambda s: s.update(run_id="another"), "another"),
    "a key that is none of its own": (lambda s: s["values"].update({"optimizer.lr": 9.0}), "optimizer.lr"),
    "a device that was not asked for": (lambda s: s["values"].update({"training.device": "cuda"}), "training.device"),
    "a newer release": (lambda s: s.update(format=2), "newer release"),
}


def test_what_contradicts_the_plan_is_refused(project: Project, tmp_path: Path) -> None:
    """settled.json decides what is registered: it must be of the same run, and keep to what a job may settle."""
    project.config(training={"epochs": 1, "batch_size": 8, "device": "cpu"})
    run = Path(project.train()["run_dir"])
    wrong = []
    for name, (change, culprit) in WRONG_SETTLED.items():
        folder = Path(shutil.copytree(run, tmp_path / "wrong" / name.replace(" ", "-")))
        changed(folder / "settled.json", change)
        said = project("models", "register", folder, "--model", "x")
        if said.code != 2 or culprit not in said.err:
            wrong.append((name, said))
    assert wrong == []
    assert "tiny" in project("models", "list").out
    assert project("models", "show", "x").code == 2


def test_code_that_changed_since_the_plan_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job names both digests and trains nothing."""
    from regtrain.run import execution

    before = execution.launch

    def edited(plan: Any, host: Any, run_dir: Any) -> Any:
        project.write("model.py", (project.folder / "model.py").read_text() + "\n# another model\n")
        return before(plan, host, run_dir)

    monkeypatch.setattr(execution, "launch", edited)
    said = project("run", "run.yaml", "--json")
    assert said.code == 2
    message = said.error()["message"]
    assert "model.target" in message
    assert message.count("sha256:") == 2
    assert [run["status"] for run in project.runs()] == ["failed"]


def test_ids_do_not_collide() -> None:
    """A thousand runs started in one second have a thousand ids that are names of folders."""
    made = {new_run_id("Ä run / of many") for _ in range(1000)}
    assert len(made) == 1000
    assert all(name.replace("-", "").isalnum() and name.isascii() for name in made)


def test_a_folder_from_elsewhere_names_no_place_outside(project: Project, tmp_path: Path) -> None:
    """A run folder that this registry has not recorded runs the code that lies in it, whatever its plan says."""
    run = Path(project.train("epochs=1")["run_dir"])
    foreign = Path(shutil.copytree(run, tmp_path / "foreign"))
    changed(foreign / "plan.json", lambda plan: plan.update(base_dir="/"))
    text = (foreign / "config.yaml").read_text()
    standard = Path(shutil.__file__).relative_to("/")
    (foreign / "config.yaml").write_text(text.replace("./model.py:build", f"./{standard}:which"))
    said = project("run", foreign / "config.yaml", "epochs=2", "--json")
    assert said.code == 2
    assert "there is no file" in said.error()["message"]
    (foreign / "config.yaml").write_text(text)
    resumed = project("run", foreign / "config.yaml", "epochs=2", "--json")
    assert resumed.code == 0, resumed.err
    assert resumed.json()["epochs"] == 2

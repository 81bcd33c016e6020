"""`model.init_from`: a run begins with the weights of a registered version, and says so for ever."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from regtrain import Trainer
from regtrain_registry import ArtifactKind, FileToStore, Registration, Registry
from support.cli.projects import CONFIG, Project, make_project

# A rate that changes no weight: what comes out is what the run began with.
STILL = {"optimizer": {"name": "SGD", "lr": 0.0}, "experiment": {"name": "fine", "seed": 5}}


def model(ref: str, **more: Any) -> dict[str, Any]:
    return {**CONFIG["model"], "init_from": ref, **more}


def weights_of(project: Project, ref: str, folder: str) -> dict[str, torch.Tensor]:
    assert project("models", "checkout", ref, folder, "--bare").code == 0
    tensors: dict[str, torch.Tensor] = load_file(project.folder / folder / "model.safetensors")
    return tensors


def inputs_of(project: Project) -> list[tuple[str, str]]:
    """Run and relation of everything that a run started from."""
    import sqlite3

    connection = sqlite3.connect(project.folder / ".regtrain/registry.db")
    rows = connection.execute("SELECT run_id, relation FROM rt_run_inputs ORDER BY run_id").fetchall()
    connection.close()
    return rows


def registered(project: Project, name: str, **tensors: torch.Tensor) -> None:
    """A version that no run made."""
    file = project.folder / f"{name}.safetensors"
    save_file(tensors, file)
    registry = Registry(f"sqlite:///{project.folder}/.regtrain/registry.db")
    registry.register(Registration(name, (FileToStore(file, "model.safetensors", ArtifactKind.WEIGHTS),)))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """tiny@1.0.0, tiny@1.0.1 and tiny@1.1.0."""
    project = make_project(tmp_path_factory.mktemp("template"))
    project.train()
    project.train("seed=2")
    project.train("optimizer.lr=0.2")
    return project


@pytest.fixture
def base(template: Project, tmp_path: Path) -> Project:
    """A copy of them, to begin with."""
    return Project(Path(shutil.copytree(template.folder, tmp_path / "base")))


def test_the_weights_are_those_of_the_version(base: Project) -> None:
    """A run that learns nothing leaves the tensors that it began with; one without init_from does not."""
    for name, chosen, expected in (("fine", "tiny@~1.0.0", "tiny@1.0.1"), ("other", "tiny", "tiny@1.1.0")):
        base.config(**{**STILL, "experiment": {"name": name, "seed": 5}}, model=model(chosen))
        result = base.train()
        began, ended = weights_of(base, expected, f"began-{name}"), weights_of(base, f"{name}@1.0.0", f"ended-{name}")
        assert all(torch.equal(began[key], ended[key]) for key in began)
        shown = base("models", "show", name, "--json").json()
        assert shown["parents"] == [{"ref": expected, "relation": "fine_tuned_from"}]
        assert shown["config"]["model"]["init_from"] == expected
        assert (result["run_id"], "fine_tuned_from") in inputs_of(base)
    base.config(**STILL)
    base.train("experiment.name=alone")
    assert not torch.equal(weights_of(base, "alone", "alone")["0.weight"], began["0.weight"])


def test_a_plan_names_the_exact_version(base: Project) -> None:
    """Before anything is trained, with the range that chose it; nothing is recorded."""
    base.config(**STILL, model=model("tiny@^1.0"))
    choice = base("plan", "run.yaml", "--json").json()["choices"]["model.init_from"]
    assert choice == {"value": "tiny@1.1.0", "reason": "config: tiny@^1.0"}
    assert inputs_of(base) == []


def test_lineage_goes_through_it(base: Project) -> None:
    """Upward from the child, downward from the parent."""
    base.config(**STILL, model=model("tiny@1.0.1"))
    base.train()
    edges = base("models", "lineage", "fine", "--json").json()["edges"]
    assert edges == [{"child": "fine@1.0.0", "parent": "tiny@1.0.1", "relation": "fine_tuned_from"}]
    down = base("models", "lineage", "tiny@1.0.1", "--down", "--json").json()["nodes"]
    assert [node["ref"] for node in down] == ["tiny@1.0.1", "fine@1.0.0"]


def test_another_shape_is_refused_and_three_keys_named(base: Project) -> None:
    """Exit code 2 and nothing registered; with init_strict: false what fits is taken, and the rest is said."""
    base.config(**STILL, model=model("tiny@1.0.0", width=9))
    said = base("run", "run.yaml", "--json")
    error = said.error()
    assert (said.code, error["code"]) == (2, "checkpoint_mismatch")
    assert "tiny@1.0.0 does not fit the model" in error["message"]
    assert "0.weight is [4, 3] in tiny@1.0.0 and [9, 3] in the model" in error["message"]
    assert error["message"].count(";") == 2
    assert "init_strict" in error["hint"]
    assert base("models", "show", "fine").code == 2
    base.config(**STILL, model=model("tiny@1.0.0", width=9, init_strict=False))
    taken = base("run", "run.yaml", "--json")
    assert taken.code == 0, taken.err
    assert "1 of 4 tensors begin with tiny@1.0.0" in taken.err
    began, ended = weights_of(base, "tiny@1.0.0", "began"), weights_of(base, "fine", "ended")
    assert torch.equal(began["2.bias"], ended["2.bias"])
    assert ended["0.weight"].shape == (9, 3)


def test_nothing_that_fits_is_no_beginning(base: Project) -> None:
    """init_strict: false takes what fits, but not nothing."""
    registered(base, "foreign", other=torch.zeros(2))
    base.config(**STILL, model=model("foreign", init_strict=False))
    said = base("run", "run.yaml", "--json")
    assert (said.code, said.error()["code"]) == (2, "checkpoint_mismatch")
    assert "nothing of foreign@1.0.0 fits" in said.error()["message"]


@pytest.mark.parametrize(
    ("ref", "code", "exit_code"),
    [("tinny@1.0.0", "model_not_found", 2), ("tiny@^7", "version_not_found", 2), ("tiny@@", "ref", 2)],
)
def test_a_version_that_is_not_there_is_refused_at_once(ref: str, code: str, exit_code: int, base: Project) -> None:
    """Before there is a run folder; also by `plan`."""
    base.config(**STILL, model=model(ref))
    before = base.run_folders()
    for command in ("run", "plan"):
        said = base(command, "run.yaml", "--json")
        assert (said.code, said.error()["code"]) == (exit_code, code)
    assert base.run_folders() == before


def test_damaged_weights_are_refused_at_once(base: Project) -> None:
    """Exit code 4 names the file and the version; there is no run folder."""
    digest = next(a["digest"] for a in base("models", "show", "tiny@1.0.0", "--json").json()["artifacts"]
                  if a["kind"] == "weights").removeprefix("sha256:")  # fmt: skip
    blob = next(path for path in (base.folder / ".regtrain/blobs").rglob(f"*{digest}*") if path.is_file())
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.chmod(0o600)
    blob.write_bytes(content)
    base.config(**STILL, model=model("tiny@1.0.0"))
    before = base.run_folders()
    said = base("run", "run.yaml", "--json")
    assert (said.code, said.error()["code"]) == (4, "blob_damaged")
    assert "model.safetensors of tiny@1.0.0" in said.error()["message"]
    assert base.run_folders() == before


def test_what_is_no_safetensors_is_refused(base: Project) -> None:
    """A version whose weights are something else, or several files, cannot be begun with."""
    file = base.folder / "weights.bin"
    file.write_bytes(b"weights")
    registry = Registry(f"sqlite:///{base.folder}/.regtrain/registry.db")
    registry.register(Registration("foreign", (FileToStore(file, "weights.bin", ArtifactKind.WEIGHTS),)))
    base.config(**STILL, model=model("foreign"))
    said = base("run", "run.yaml", "--json")
    assert (said.code, said.error()["code"]) == (2, "config_value")
    assert "weights.bin" in said.error()["message"]


def test_a_run_that_goes_on_keeps_what_it_began_with(base: Project) -> None:
    """An interrupted run that is resumed: weights of the checkpoint, the same exact version, the same parent."""
    base.config(experiment={"name": "fine", "seed": 5}, model=model("tiny@^1.0"), checkpoint={"every_n_epochs": 1})
    first = base.train("registry.enabled=false")
    base.config("again.yaml", model=CONFIG["model"])
    base.train(config="again.yaml")  # another tiny@1: the range would choose it
    record = Registry(f"sqlite:///{base.folder}/.regtrain/registry.db")
    assert record.show("tiny@^1.0").version != "1.1.0"
    second = base.train("--resume", first["run_dir"], "--epochs", "3")
    shown = base("models", "show", "fine", "--json").json()
    assert shown["config"]["model"]["init_from"] == "tiny@1.1.0"
    assert second["steps"] == 6
    third = base.train("epochs=4", config=f"{second['run_dir']}/config.yaml")
    last = base("models", "show", f"fine@{third['version']}", "--json").json()
    assert last["parents"] == [{"ref": f"fine@{second['version']}", "relation": "resumed_from"}]
    assert (last["config"]["model"]["init_from"], last["bump"]["kind"]) == ("tiny@1.1.0", "patch")


def test_an_interrupted_run_hands_its_parent_on(base: Project) -> None:
    """A run that left no version is no parent: the one that goes on from it has the same parent as it had."""
    base.config(experiment={"name": "fine", "seed": 5}, model=model("tiny@1.0.1"), checkpoint={"every_n_epochs": 1})
    first = base.train("--debug")  # leaves a checkpoint and no version
    assert first["version"] is None
    second = base.train("--resume", first["run_dir"])
    shown = base("models", "show", "fine", "--json").json()
    assert shown["parents"] == [{"ref": "tiny@1.0.1", "relation": "fine_tuned_from"}]
    assert sorted(inputs_of(base)) == sorted((run["run_id"], "fine_tuned_from") for run in (first, second))


def test_a_checkpoint_and_a_version_at_once_are_refused(base: Project) -> None:
    """Going on from a run that began without init_from: the weights cannot be both."""
    base.config(model=model("tiny@1.0.0"))
    for resume in (str(base.run_folders()[0]), "tiny@1.0.0"):
        said = base("run", "run.yaml", "--resume", resume, "--epochs", "3", "--json")
        assert (said.code, said.error()["code"]) == (2, "config_value")
        assert "init_from" in said.error()["message"]


def test_a_version_that_is_resumed_is_an_input(base: Project) -> None:
    """`--resume tiny@1.0.0` is recorded at the start of the run."""
    result = base.train("--resume", "tiny@1.0.0", "--epochs", "3")
    assert inputs_of(base) == [(result["run_id"], "resumed_from")]


def test_another_first_version_is_another_recipe(base: Project) -> None:
    """The same config again, with the range choosing a newer version: a minor version that says which."""
    base.config(**STILL, model=model("tiny@~1.0.0"))
    base.train()
    base.config("more.yaml", experiment={"name": "tiny", "seed": 9})
    base.train("--resume", "tiny@1.0.1", "--epochs", "3", config="more.yaml")
    second = base.train()
    shown = base("models", "show", f"fine@{second['version']}", "--json").json()
    assert shown["version"] == "1.1.0"
    assert "model.init_from: tiny@1.0.1 → tiny@1.0.2" in shown["bump"]["reasons"]


def test_a_live_model_begins_with_it_too(base: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In Python the module that was passed gets the weights."""
    shutil.rmtree(base.folder / "site")
    monkeypatch.chdir(base.folder)
    torch.manual_seed(3)
    live = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    rows = torch.utils.data.TensorDataset(torch.randn(16, 3), torch.zeros(16).long())
    config = {"training": {"epochs": 1}, "optimizer": {"name": "SGD", "lr": 0.0}, "model": {"init_from": "tiny@1.0.0"}}
    result = Trainer(config, live, rows, experiment_name="fine").train()
    assert result.version is not None
    assert [parent.ref for parent in result.version.parents] == ["tiny@1.0.0"]
    began = weights_of(base, "tiny@1.0.0", "began")
    assert all(torch.equal(began[key], value) for key, value in live.state_dict().items())

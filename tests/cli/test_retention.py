"""Which versions and checkpoints stay, from the command line: `models prune`, `policy`, `restore`, `registry gc`, `du`."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from regtrain_registry import Registry, RunStart, process_identity
from support.cli.projects import Project, make_project


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """tiny@1.0.0, 1.0.1 and 1.0.2, each of a run with a checkpoint for every epoch."""
    project = make_project(tmp_path_factory.mktemp("template"))
    project.config(checkpoint={"every_n_epochs": 1})
    for seed in (1, 2, 3):
        project.train(f"experiment.seed={seed}")
    return project


@pytest.fixture
def three(template: Project, tmp_path: Path) -> Project:
    """A copy of them, to let go of."""
    return Project(Path(shutil.copytree(template.folder, tmp_path / "three", symlinks=True)))


def versions(project: Project) -> dict[str, str]:
    return {v["version"]: v["status"] for v in project("models", "versions", "tiny", "--json").json()}


def test_a_policy_is_set_shown_and_taken_away(three: Project) -> None:
    """As JSON, as a table, and none."""
    path = three.write("policy.yaml", "keep_top_k: 1\nmonitor: val_loss\ntotal_size: 1GB\n")
    assert three("models", "policy", "tiny").out == "tiny has no policy\n"
    rules = {"keep_best": 1, "monitor": ["val/loss"], "mode": ["min"], "total_size": "1GB"}
    assert three("models", "policy", "tiny", "--set", path, "--json").json() == {"retention": rules}
    assert 'retention.mode        ["min"]' in three("models", "policy", "tiny").out
    assert three("models", "policy", "tiny", "--clear", "--json").json() is None
    assert three("models", "policy", "tiny", "--clear", "--set", path).code == 2


def test_pruning_from_the_command_line(three: Project) -> None:
    """The promised fields; a dry run changes nothing; --explain names what stays too."""
    path = three.write("policy.yaml", "keep_newest: 1\n")
    said = three("models", "prune", "tiny", "--policy", path, "--dry-run", "--json").json()
    assert said == [
        {"ref": "tiny@1.0.2", "action": "keep", "reason": "latest release"},
        {"ref": "tiny@1.0.1", "action": "expire", "reason": "no rule keeps it"},
        {"ref": "tiny@1.0.0", "action": "expire", "reason": "no rule keeps it"},
    ]
    assert set(versions(three).values()) == {"ready"}
    dry = three("models", "prune", "tiny", "--policy", path, "--dry-run", "--explain").out.splitlines()
    assert (len(dry), dry[-1]) == (5, "2 of 3 versions would expire")
    assert three("models", "prune", "tiny", "--policy", path).out.splitlines()[-1] == "2 of 3 versions expired"
    assert versions(three) == {"1.0.2": "ready", "1.0.1": "expired", "1.0.0": "expired"}
    assert three("models", "restore", "tiny@1.0.0").out.startswith("restored as ready: tiny@1.0.0")
    assert three("models", "prune", "tiny", "--policy", path).out.splitlines()[-1] == "1 of 2 versions expired"


def test_an_empty_policy_is_not_set(three: Project) -> None:
    """Who wants none is told how to take it away."""
    said = three("models", "policy", "tiny", "--set", three.write("empty.yaml", ""), "--json")
    assert said.code == 2
    assert "--clear" in said.error()["hint"]


def test_bad_policies_are_bad_input(three: Project) -> None:
    """None at all, one that is missing, a key or a value that means nothing: exit code 2, nothing expired."""
    three.write("unknown.yaml", "keep_newst: 1\n")
    three.write("wrong.yaml", "keep_newest: 0\n")
    said = three("models", "prune", "tiny", "--json")
    assert (said.code, said.out, said.error()["code"]) == (2, "", "policy")
    assert "keep_newest" in three("models", "prune", "tiny", "--policy", "unknown.yaml").err
    for name in ("unknown.yaml", "wrong.yaml", "nowhere.yaml"):
        assert three("models", "prune", "tiny", "--policy", name).code == 2
        assert three("models", "policy", "tiny", "--set", name).code == 2
    assert set(versions(three).values()) == {"ready"}


def test_one_version_goes_and_another_may_not(three: Project) -> None:
    """Exit code 3 and what keeps it; 3 also for what is not expired."""
    said = three("models", "delete", "tiny", "--json")
    assert (said.code, said.error()["code"]) == (3, "held")
    assert "latest release" in said.error()["message"]
    assert three("models", "delete", "tiny@1.0.0", "--json").json()["status"] == "expired"
    assert three("models", "restore", "tiny@1.0.1").code == 3


def test_room_is_given_back(three: Project) -> None:
    """By `registry gc`: what it would do, what it did, and by way of the trash; `du` shows it."""
    before = three("registry", "du", "--json").json()
    assert (before["idle_bytes"], before["trash_bytes"], before["models"][0]["versions"]) == (0, 0, 3)
    assert before["saved_bytes"] > 0
    three("models", "delete", "tiny@1.0.0")
    assert three("registry", "gc").out == "0 versions collected, 0 B moved to the trash, 0 B deleted from there\n"
    waiting = three("registry", "gc", "--explain").out.splitlines()[1].split(maxsplit=4)
    assert waiting[:2] == ["keep", "tiny@1.0.0"]
    dry = three("registry", "gc", "--grace", "0", "--dry-run", "--json").json()
    assert (dry["dry_run"], dry["collected"]) == (True, 1)
    done = three("registry", "gc", "--grace", "0", "--json").json()
    assert (done["collected"], done["trashed_bytes"]) == (1, dry["trashed_bytes"])
    after = three("registry", "du", "--json").json()
    assert (after["trash_bytes"], after["models"][0]["versions"]) == (done["trashed_bytes"], 2)
    assert three("registry", "gc", "--grace", "0s").out.endswith("deleted from there\n")
    assert three("registry", "du", "--json").json()["trash_bytes"] == 0
    assert versions(three)["1.0.0"] == "collected"
    gone = three("models", "checkout", "tiny@1.0.0", "out", "--json")
    assert (gone.code, gone.error()["code"]) == (3, "collected")
    assert three("models", "checkout", "tiny@1.0.1", "out").code == 0
    assert "tiny" in three("registry", "du").out


def test_half_of_the_store_asks_first(three: Project) -> None:
    """Exit code 3 until --yes; a grace that is none is bad input."""
    three.write("policy.yaml", "keep_newest: 1\n")
    three("models", "prune", "tiny", "--policy", "policy.yaml")
    said = three("registry", "gc", "--grace", "0", "--json")
    assert (said.code, said.error()["code"]) == (3, "collection_too_large")
    assert three("registry", "gc", "--grace", "0", "--yes").code == 0
    assert three("registry", "gc", "--grace", "soon").code == 2


def test_a_run_applies_the_policy(project: Project) -> None:
    """That of its config, by the metric of its checkpoints, else the model's own; in one line, and as JSON."""
    project.config(registry={"retention": {"keep_top_k": 1}})
    assert project.train()["expired"] == []
    said = [project("run", "run.yaml", f"experiment.seed={seed}").out for seed in (2, 3, 4)]
    lines = [line for out in said for line in out.splitlines() if line.startswith("expired: ")]
    left = [version for version, status in versions(project).items() if status == "ready"]
    assert lines
    assert all(line.endswith("(no rule keeps it)") for line in lines)
    assert len(left) <= 2  # the best, and the newest
    project.config()
    assert project.train("experiment.seed=5")["expired"] == []
    project.write("policy.yaml", "keep_newest: 1\n")
    project("models", "policy", "tiny", "--set", "policy.yaml")
    expired = project.train("experiment.seed=6")["expired"]
    assert {one["reason"] for one in expired} == {"no rule keeps it"}
    assert [version for version, status in versions(project).items() if status == "ready"] == ["1.0.5"]


def test_a_policy_that_means_nothing_is_refused_before_training(project: Project) -> None:
    """By line and key; no run folder is made."""
    project.config(registry={"retention": {"younger_than": 30}})
    assert "registry.retention.younger_than: write it as 30d" in project("run", "run.yaml").err
    project.config(registry={"retention": {"keep_newest": 1, "monitor": ["a", "b"], "mode": ["min", "max", "min"]}})
    assert project("run", "run.yaml").code == 2
    assert project.run_folders() == []


def test_a_policy_that_fails_leaves_the_run_as_it_is(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version is registered; what went wrong is a warning."""

    def fail(*_: object) -> None:
        raise RuntimeError("no such luck")

    project.config(registry={"retention": {"keep_newest": 1}})
    monkeypatch.setattr("regtrain_registry.Registry.prune", fail)
    said = project("run", "run.yaml", "--json")
    assert (said.code, said.json()["version"]) == (0, "1.0.0")
    assert "warning: no version expired: no such luck" in said.err


def test_the_best_checkpoint(three: Project) -> None:
    """By what the run went by, or by another metric; one that no checkpoint has is bad input."""
    run = three.run_folders()[0]
    found = three("checkpoints", "best", run, "--json").json()
    rows = three("checkpoints", "list", run, "--json").json()
    assert found["path"] == next(row["path"] for row in rows if "best" in row["tags"])
    worst = three("checkpoints", "best", run, "--metric", "val_loss", "--mode", "max", "--json").json()
    assert (worst["metric"], worst["value"]) == ("val/loss", max(row["metrics"]["val/loss"] for row in rows))
    assert three("checkpoints", "best", run, "--metric", "val/loss").out.strip() != worst["path"]
    said = three("checkpoints", "best", run, "--metric", "val/f2", "--json")
    assert (said.code, "val/loss" in said.error()["hint"]) == (2, True)


def keep_only_the_best(run: Path) -> None:
    """The run's config says so from here on."""
    plan = json.loads((run / "plan.json").read_text())
    plan["config"]["checkpoint"] |= {"every_n_epochs": None, "save_last": False}
    (run / "plan.json").write_text(json.dumps(plan))


def test_checkpoints_that_the_config_does_not_keep_go(three: Project) -> None:
    """Of a finished run all but the best; nothing in a dry run; `last` points to what is left."""
    run = three.run_folders()[0]
    assert three("checkpoints", "prune", run).out.startswith("0 of 2 checkpoints removed")
    keep_only_the_best(run)
    dry = three("checkpoints", "prune", run, "--dry-run", "--json").json()
    assert sorted(row["action"] for row in dry) == ["keep", "remove"]
    assert len(list(run.glob("checkpoints/step-*"))) == 2
    assert three("checkpoints", "prune", run).out.splitlines()[-1].startswith("1 of 2 checkpoints removed")
    assert [str(path) for path in run.glob("checkpoints/step-*")] == [r["path"] for r in dry if r["action"] == "keep"]
    assert (run / "checkpoints" / "last").resolve().is_dir()


def test_a_run_that_could_go_on_keeps_its_newest(three: Project) -> None:
    """And one that is running keeps everything: exit code 3."""
    run = three.run_folders()[0]
    keep_only_the_best(run)
    best, *others = sorted(run.glob("checkpoints/step-*"))
    outcome = json.loads((run / "outcome.json").read_text())
    (run / "outcome.json").write_text(json.dumps(outcome | {"status": "interrupted"}))
    manifest = json.loads((best / "manifest.json").read_text())
    manifest["metrics"] = {name: 0.0 if "loss" in name else 1.0 for name in manifest["metrics"]}
    (best / "manifest.json").write_text(json.dumps(manifest))
    assert three("checkpoints", "prune", run).out.startswith("0 of 2")
    (run / "outcome.json").write_text(json.dumps(outcome))
    me = process_identity(os.getpid())
    plan = json.loads((run / "plan.json").read_text()) | {"run_id": "at-work"}
    (run / "plan.json").write_text(json.dumps(plan))
    Registry(f"sqlite:///{three.folder}/.regtrain/registry.db").start_run(
        RunStart("at-work", "tiny", str(run), host=me.host, pid=me.pid, pid_started=me.started, boot_id=me.boot_id)
    )
    said = three("checkpoints", "prune", run, "--json")
    assert (said.code, said.error()["code"]) == (3, "run_busy")
    assert others[0].is_dir()

"""What is said of versions from the command line: `models alias`, `promote`, `tag`, `deprecate`, `history` and the like."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from regtrain_registry import Relation
from support.cli.projects import Project, make_project
from support.host.packages import Package


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """tiny@1.0.0 and tiny@1.0.1."""
    project = make_project(tmp_path_factory.mktemp("template"))
    project.train()
    project.train("experiment.seed=7")
    return project


@pytest.fixture
def two(template: Project, tmp_path: Path) -> Project:
    """A copy of them, to say things about."""
    return Project(Path(shutil.copytree(template.folder, tmp_path / "two")))


def test_a_stage_from_the_command_line(two: Project) -> None:
    """Gates from a file; the evidence as JSON and as a table; exit code 1 when a gate does not hold."""
    gates = two.folder / "gates.yaml"
    gates.write_text("require: {train/loss: '>= 0'}\n")
    shown = two("models", "promote", "tiny@1.0.0", "production", "--gates", str(gates), "--json").json()
    assert (shown["stages"], [one["passed"] for one in shown["evidence"]]) == (["production"], [True, True, True])
    assert "passed  train/loss >= 0" in two("models", "promote", "tiny/2", "production", "--gates", str(gates)).out
    gates.write_text("require: {train/loss: '< 0'}\n")
    said = two("models", "promote", "tiny/1", "production", "--gates", str(gates), "--json")
    assert (said.code, said.out, said.error()["code"]) == (1, "", "promotion_refused")
    assert two("models", "show", "tiny@production", "--json").json()["number"] == 2


def test_bad_gates_are_bad_input(two: Project) -> None:
    """A file that is missing, no table, or names no gate: exit code 2, nothing moved."""
    (two.folder / "gates.yaml").write_text("requires: {a: '> 1'}\n")
    (two.folder / "list.yaml").write_text("[1, 2]\n")
    for name in ("gates.yaml", "list.yaml", "nowhere.yaml"):
        assert two("models", "promote", "tiny", "production", "--gates", str(two.folder / name)).code == 2
    assert two("models", "show", "tiny", "--json").json()["stages"] == []


def test_an_alias_is_taken_away(two: Project) -> None:
    """--remove; once more is bad input."""
    two("models", "alias", "tiny/1", "champion")
    assert two("models", "alias", "tiny", "champion", "--remove", "--json").json()["aliases"] == []
    assert two("models", "alias", "tiny", "champion", "--remove").code == 2


def test_tags(two: Project) -> None:
    """Several at once, removed again; what is no NAME=VALUE is refused before anything is written."""
    shown = two("models", "tag", "tiny", "team=vision", "note=a=b", "--json").json()
    assert shown["tags"] == {"note": "a=b", "team": "vision"}
    assert two("models", "tag", "tiny", "--remove", "team", "--json").json()["tags"] == {"note": "a=b"}
    for words in ((), ("team",), ("ok=1", "team"), ("=x",), ("ok=1", "b c=2"), ("ok=1", "--remove", "gone")):
        assert two("models", "tag", "tiny", *words).code == 2
    assert two("models", "show", "tiny", "--json").json()["tags"] == {"note": "a=b"}


def test_what_is_said_is_shown(two: Project) -> None:
    """`models show` has stage, tags, status, reason and successor."""
    two("models", "promote", "tiny/1", "staging")
    two("models", "tag", "tiny/1", "team=vision")
    two("models", "pin", "tiny/1")
    assert two("models", "describe", "tiny/1", "for the demo", "--json").json()["summary"] == "for the demo"
    said = two("models", "deprecate", "tiny/1", "--reason", "drifts", "--successor", "tiny/2")
    assert said.out.startswith("deprecated: tiny@1.0.0")
    shown = two("models", "show", "tiny/1").out
    for words in ("deprecated, pinned, drifts, take tiny@1.0.1", "stages         staging", "team=vision"):
        assert words in shown
    assert two("models", "pin", "tiny/1", "--off", "--json").json()["pinned"] is False
    assert two("models", "deprecate", "tiny/2", "--json").json()["status"] == "deprecated"


def test_archived_versions_are_not_the_latest(two: Project) -> None:
    """`archive` takes a version out of latest; a second time is a conflict."""
    two("models", "archive", "tiny/2", "--reason", "superseded")
    assert "archived, superseded" in two("models", "show", "tiny/2").out
    assert two("models", "list", "--json").json()[0]["latest"]["number"] == 1
    assert two("models", "archive", "tiny/2").code == 3


def test_history(two: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who did what, newest first, of a model or of one version."""
    monkeypatch.setenv("REGTRAIN_USER", "ada")
    two("models", "alias", "tiny/1", "champion")
    found = two("models", "history", "tiny", "--json").json()
    assert [event["kind"] for event in found] == ["alias_set", "registered", "registered"]
    assert (found[0]["who"], found[0]["version"], found[0]["facts"]["alias"]) == ("ada", "1.0.0", "champion")
    assert len(two("models", "history", "tiny@1.0.1", "--json").json()) == 1
    _, line = two("models", "history", "tiny", "--limit", "1").out.splitlines()
    assert line.split()[3] == "ada"
    assert two("models", "history", "tinny").code == 2


def test_a_bump_that_says_too_little(two: Project) -> None:
    """`--bump patch` over another shape is a conflict; --force takes it, and the version says so ever after."""
    two.train("model.width=9")
    first = two.run_folders()[0]
    said = two("models", "register", first, "--model", "tiny", "--bump", "patch", "--json")
    assert (said.code, said.out, said.error()["code"]) == (3, "", "wrong_bump")
    made = two("models", "register", first, "--model", "tiny", "--bump", "patch", "--force", "--json").json()
    assert (made["version"], made["bump"]["forced"], made["bump"]["computed"]) == ("2.0.1", True, "major")
    assert "computed was major), forced" in two("models", "show", "tiny@2.0.1").out
    assert two("models", "history", "tiny@2.0.1", "--json").json()[0]["facts"]["forced"] is True


def test_a_plugin_may_refuse_a_promotion(two: Project) -> None:
    """What the plugin raised is the error's message, and nothing moved."""
    said = "raise PermissionError(f'{version.model} {stage}: not on a Friday')"
    code = f"@hookimpl\ndef regtrain_version_promoted(version, stage):\n    {said}\n"
    Package("friday", code).install(two.folder / "site")
    refused = two("models", "promote", "tiny", "production", "--json")
    assert (refused.code, refused.out) == (2, "")
    assert "friday refused the promotion: tiny production: not on a Friday" in refused.error()["message"]
    assert two("models", "show", "tiny", "--json").json()["stages"] == []


def test_who_did_not_object_is_evidence(two: Project) -> None:
    """A plugin that was asked and let it pass is named beside the gates, and in the history."""
    code = "@hookimpl\ndef regtrain_version_promoted(version, stage):\n    assert stage == 'production'\n"
    Package("monday", code).install(two.folder / "site")
    shown = two("models", "promote", "tiny", "production", "--json").json()
    said = "plugin 'monday' of monday does not object"
    assert [one["passed"] for one in shown["evidence"] if one["gate"] == said] == [True]
    facts = two("models", "history", "tiny", "--limit", "1", "--json").json()[0]["facts"]
    assert said in [one["gate"] for one in facts["evidence"]]


def test_a_refused_promotion_shows_its_evidence(two: Project) -> None:
    """What every gate found stands in the error's document, also what holds."""
    gates = two.write("gates.yaml", "require: {train/loss: '< 0'}\n")
    error = two("models", "promote", "tiny/1", "production", "--gates", gates, "--json").error()
    assert set(error) == {"code", "message", "hint", "evidence"}
    assert {one["gate"]: one["passed"] for one in error["evidence"]} == {
        "the version is ready": True,
        "train/loss < 0": False,
        "no ancestor is deprecated": True,
    }


def test_a_stage_is_not_set_as_an_alias(two: Project) -> None:
    """What the policy calls a stage moves by promotion alone; the policy waits until an alias of that name is gone."""
    policy = two.write("policy.yaml", "stages: {production: {require: {train/loss: '< 0'}}}\n")
    two("models", "alias", "tiny/1", "production")
    said = two("models", "policy", "tiny", "--set", policy)
    assert (said.code, "regtrain models alias tiny production --remove" in said.err) == (3, True)
    two("models", "alias", "tiny", "production", "--remove")
    assert two("models", "policy", "tiny", "--set", policy).code == 0
    assert two("models", "promote", "tiny/1", "production").code == 1
    assert two("models", "alias", "tiny/1", "production", "--json").error()["code"] == "stage_guarded"
    assert two("models", "show", "tiny@production").code == 2


def test_remedies_are_those_of_the_place(two: Project) -> None:
    """How a run is forced, which relations there are, which kind of file is missing, which versions are left."""
    said = two("run", "run.yaml", "registry.bump=patch", "model.width=9")
    assert (said.code, "registry.force=true" in said.err, "--force" in said.err) == (3, True, True)
    first = two.run_folders()[0]
    said = two("models", "register", first, "--model", "tiny", "--parent", "stolen_from=tiny")
    assert said.code == 2
    assert all(relation in said.err for relation in Relation)
    assert "nofile: no such policy file" in two("models", "prune", "tiny", "--policy", "nofile").err
    assert "nofile: no such file of gates" in two("models", "promote", "tiny", "prod", "--gates", "nofile").err
    for number in ("1", "2"):
        two("models", "archive", f"tiny/{number}")
    assert "Name one: 1.0.1 (archived), 1.0.0 (archived)." in two("models", "show", "tiny").err

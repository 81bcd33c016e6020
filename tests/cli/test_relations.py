"""How versions and runs relate: `models lineage`, `diff`, `rename`, `copy` and `runs compare`."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing

import pytest

from regtrain_registry import Registry, RunStart
from support.cli.projects import Project, make_project

NODE_FIELDS = {"ref", "number", "created_at", "run_id", "metrics"}


@pytest.fixture(scope="module")
def related(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """tiny@1.0.0, tiny@1.0.1 resumed from it for longer, and tiny@2.0.0 of another width; for tests that only read."""
    project = make_project(tmp_path_factory.mktemp("related"))
    project.train()
    project.train("--resume", "tiny@1.0.0", "--epochs", "3")
    project.train("model.width=9", "--learning-rate", "0.2")
    return project


def test_lineage_as_json(related: Project) -> None:
    """The version, its ancestors and the edges, with the promised fields; two ways to ask for it."""
    shown = related("models", "lineage", "tiny@1.0.1", "--json").json()
    assert related("models", "lineage", "tiny@1.0.1", "--format", "json").json() == shown
    assert (set(shown), shown["ref"]) == ({"ref", "nodes", "edges"}, "tiny@1.0.1")
    assert [set(node) for node in shown["nodes"]] == [NODE_FIELDS] * 2
    assert [node["ref"] for node in shown["nodes"]] == ["tiny@1.0.1", "tiny@1.0.0"]
    assert shown["edges"] == [{"child": "tiny@1.0.1", "parent": "tiny@1.0.0", "relation": "resumed_from"}]
    described = related("models", "show", "tiny@1.0.1", "--json").json()
    assert {field: described[field] for field in NODE_FIELDS - {"ref"}} == {
        field: shown["nodes"][0][field] for field in NODE_FIELDS - {"ref"}
    }


def test_lineage_downward(related: Project) -> None:
    """What came from a version; nothing from the last one."""
    shown = related("models", "lineage", "tiny/1", "--down", "--json").json()
    assert [node["ref"] for node in shown["nodes"]] == ["tiny@1.0.0", "tiny@1.0.1"]
    assert related("models", "lineage", "tiny@2.0.0", "--down", "--json").json()["edges"] == []


def test_lineage_as_text(related: Project) -> None:
    """A tree unless said otherwise; Mermaid and Graphviz for other programs."""
    drawn = related("models", "lineage", "tiny@1.0.1")
    assert drawn.out.splitlines()[0].startswith("tiny@1.0.1, run ")
    assert drawn.out.splitlines()[1].startswith("└─ tiny@1.0.0 (resumed_from), run ")
    assert related("models", "lineage", "tiny@1.0.1", "--format", "tree") == drawn
    assert related("models", "lineage", "tiny@1.0.1", "--format", "mermaid").out.startswith("flowchart TD\n")
    assert related("models", "lineage", "tiny@1.0.1", "--format", "dot").out.startswith("digraph lineage {\n")


def test_two_formats_at_once_are_refused(related: Project) -> None:
    """--json with another format is bad input, and so is a format that does not exist."""
    said = related("models", "lineage", "tiny", "--json", "--format", "dot")
    assert (said.code, said.out, said.error()["code"]) == (2, "", "usage")
    assert related("models", "lineage", "tiny", "--format", "xml").code == 2


def test_diff_as_json(related: Project) -> None:
    """Every part by key with old and new, and the bump with the reasons that registering gave."""
    shown = related("models", "diff", "tiny@1.0.1", "tiny@2.0.0", "--json").json()
    parts = {"config", "data", "code", "signature", "state", "source", "metrics"}
    assert set(shown) == {"old", "new", "bump", "reasons", "registered"} | parts
    assert shown["registered"] == related("models", "show", "tiny@2.0.0", "--json").json()["bump"]
    assert (shown["old"], shown["new"], shown["bump"]) == ("tiny@1.0.1", "tiny@2.0.0", "major")
    assert shown["reasons"] == related("models", "show", "tiny@2.0.0", "--json").json()["bump"]["reasons"]
    assert shown["config"]["optimizer.lr"] == {"old": 0.1, "new": 0.2}
    assert shown["config"]["training.epochs"] == {"old": 3, "new": 2}
    assert shown["state"]["0.weight"] == {"old": [[4, 3], "float32"], "new": [[9, 3], "float32"]}
    assert (shown["data"], shown["code"], shown["signature"], shown["source"]) == ({}, {}, {}, {})
    metrics = {n: related("models", "show", f"tiny/{n}", "--json").json()["metrics"] for n in (2, 3)}
    assert shown["metrics"] == {k: {"old": metrics[2][k], "new": metrics[3][k]} for k in metrics[2]}


def test_diff_as_text(related: Project) -> None:
    """The bump, its reasons, then one line a change with both values, and all metrics."""
    lines = related("models", "diff", "tiny@1.0.1", "tiny@2.0.0").out.splitlines()
    assert lines[0] == "tiny@1.0.1 → tiny@2.0.0: major"
    assert "  state: 0.weight [4, 3] → [9, 3]" in lines
    words = [line.split() for line in lines]
    assert ["part", "key", "tiny@1.0.1", "tiny@2.0.0"] in words
    assert ["config", "optimizer.lr", "0.1", "0.2"] in words
    assert ["state", "0.bias", "[4]", "float32", "[9]", "float32"] in words
    assert any(line[:2] == ["metrics", "val/loss"] for line in words)


def test_diff_of_a_version_with_itself(related: Project) -> None:
    """The same recipe, and no part but the metrics."""
    shown = related("models", "diff", "tiny", "tiny/3", "--json").json()
    assert (shown["bump"], shown["reasons"]) == ("patch", ["same recipe"])
    assert not any(shown[part] for part in ("config", "data", "code", "signature", "state", "source"))


def test_who_saw_data(related: Project) -> None:
    """`lineage --data` lists every version that saw them, itself or through parents, as JSON and as a table."""
    data = related("runs", "show", "tiny", "--json").json()["data"]
    shown = related("models", "lineage", "--data", data["train"], "--json").json()
    assert set(shown) == {"data", "versions"}
    assert [set(one) for one in shown["versions"]] == [NODE_FIELDS | {"data", "through"}] * 3
    assert [(one["ref"], one["data"], one["through"]) for one in shown["versions"]] == [
        ("tiny@2.0.0", {"train": data["train"]}, []),
        ("tiny@1.0.1", {"train": data["train"]}, ["tiny@1.0.0"]),
        ("tiny@1.0.0", {"train": data["train"]}, []),
    ]
    start = data["val"].removeprefix("sha256:")[:8]
    lines = [line.split() for line in related("models", "lineage", "--data", start).out.splitlines()]
    assert lines[1:] == [["tiny@2.0.0", "val", "-"], ["tiny@1.0.1", "val", "tiny@1.0.0"], ["tiny@1.0.0", "val", "-"]]


def test_data_that_nobody_saw(related: Project) -> None:
    """An empty list, and for people a line that says so."""
    nobody = related("models", "lineage", "--data", "0" * 64, "--json")
    assert (nobody.code, nobody.json()["versions"]) == (0, [])
    said = related("models", "lineage", "--data", "0" * 64)
    assert (said.code, said.out) == (0, "")
    assert "no version saw data" in said.err


@pytest.mark.parametrize(
    "argv", [["--data", "1234567"], ["--data", "0" * 64, "tiny"], ["--data", "0" * 64, "--down"], []]
)
def test_a_question_about_data_stands_alone(argv: list[str], related: Project) -> None:
    """Too short a digest, a version or a direction beside it, or neither, is bad input."""
    said = related("models", "lineage", *argv, "--json")
    assert (said.code, said.out) == (2, "")


@pytest.mark.parametrize(
    ("argv", "code", "near"),
    [
        (["lineage", "tinny"], "model_not_found", "tiny"),
        (["lineage", "tiny@9.9.9", "--down"], "version_not_found", "2.0.0"),
        (["diff", "tinny", "tiny"], "model_not_found", "tiny"),
        (["diff", "tiny", "tiny@champion"], "version_not_found", "2.0.0"),
    ],
)
def test_an_unknown_ref_is_answered_with_what_is_near(argv: list[str], code: str, near: str, related: Project) -> None:
    """Exit code 2 and one error document; standard output stays empty."""
    said = related("models", *argv, "--json")
    assert (said.code, said.out, said.error()["code"]) == (2, "", code)
    assert near in said.error()["hint"]


def test_runs_side_by_side(related: Project) -> None:
    """What differs by part and key, a value for each run, and all metrics; what is the same is left out."""
    ids = [run["run_id"] for run in related("runs", "list", "--json").json()][::-1]
    shown = related("runs", "compare", *ids, "--json").json()
    assert [(run["run_id"], run["version"]) for run in shown["runs"]] == list(
        zip(ids, ["tiny@1.0.0", "tiny@1.0.1", "tiny@2.0.0"], strict=True)
    )
    assert shown["config"]["training.epochs"] == [2, 3, 2]
    assert shown["config"]["optimizer.lr"] == [0.1, 0.1, 0.2]
    assert (shown["data"], "experiment.seed" in shown["config"]) == ({}, False)
    assert all(len(values) == 3 for values in shown["metrics"].values())
    assert "val/loss" in shown["metrics"]
    words = [line.split() for line in related("runs", "compare", *ids).out.splitlines()]
    assert words[0] == ["part", "key", *ids]
    assert ["status", *["finished"] * 3] in words
    assert ["version", "tiny@1.0.0", "tiny@1.0.1", "tiny@2.0.0"] in words
    assert ["config", "training.epochs", "2", "3", "2"] in words
    assert ["config", "optimizer.lr", "0.1", "0.1", "0.2"] in words
    assert related("runs", "compare").code == 2
    assert related("runs", "compare", ids[0], "nobody").code == 2


def test_runs_with_other_data_and_code_side_by_side(project: Project) -> None:
    """Digests of the data, the commit and whether it was changed; none where there was no repository."""
    project.train()
    git = ("git", "-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    for argv in (("init", "-q"), ("add", "model.py"), ("commit", "-qm", "First")):
        subprocess.run([*git, *argv], cwd=project.folder, check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], cwd=project.folder, check=True, capture_output=True, text=True)
    project.train("data.rows=32")
    runs = project.runs()[::-1]
    shown = project("runs", "compare", *(run["run_id"] for run in runs), "--json").json()
    recorded = [project("runs", "show", run["run_id"], "--json").json()["data"] for run in runs]
    assert recorded[0]["train"] != recorded[1]["train"]
    assert shown["data"]["train"] == [data["train"] for data in recorded]
    assert shown["code"]["git_commit"] == [None, head.stdout.strip()]


def test_a_run_that_measured_nothing_side_by_side(project: Project) -> None:
    """What only the other one has is shown, whichever comes first."""
    trained = project.train()
    Registry(f"sqlite:///{project.folder}/.regtrain/registry.db").start_run(RunStart("bare", "bare", "/runs/bare"))
    for names in (("bare", trained["run_id"]), (trained["run_id"], "bare")):
        shown = project("runs", "compare", *names, "--json").json()
        place = names.index("bare")
        assert shown["runs"][place]["version"] is None
        assert shown["metrics"]["val/loss"][place] is None
        assert shown["metrics"]["val/loss"][1 - place] == trained["metrics"]["val/loss"]
        assert shown["config"]["training.batch_size"][place] is None
        assert shown["config"]["training.batch_size"][1 - place] == 8


def test_a_model_is_renamed_and_a_version_copied(project: Project) -> None:
    """The former name answers with a note on standard error; both commands as JSON; a taken name is exit code 3."""
    project.train()
    assert project("models", "rename", "tiny", "smallest").out == "renamed: tiny is smallest\n"
    shown = project("models", "show", "tiny@1.0.0", "--json")
    assert (shown.json()["name"], shown.err) == ("smallest", "note: model tiny was renamed; its name is smallest\n")
    assert project.train()["model"] == "smallest"
    copied = project("models", "copy", "smallest/1", "--to", "other")
    assert copied.out == "copied: other@1.0.0 (number 1) from smallest@1.0.0\n"
    made = project("models", "copy", "smallest/1", "--to", "other", "--json").json()
    assert (made["version"], made["parents"]) == ("1.0.1", [{"ref": "smallest@1.0.0", "relation": "copied_from"}])
    taken = project("models", "rename", "other", "tiny", "--json")
    assert (taken.code, taken.out, taken.error()["code"]) == (3, "", "model_taken")
    assert project("models", "rename", "other", "another", "--json").json()["name"] == "another"
    usage = {model["name"]: model for model in project("registry", "du", "--json").json()["models"]}
    assert usage["another"]["own_bytes"] == 0 < usage["smallest"]["own_bytes"]
    assert usage["another"]["saved_bytes"] == usage["another"]["logical_bytes"] - usage["another"]["stored_bytes"]


def test_a_damaged_row_is_one_line_of_a_list(project: Project) -> None:
    """The others are as they were; `show` names row and column, exit code 4; no trace of a program."""
    project.train()
    project.train("model.width=9")
    with closing(sqlite3.connect(project.folder / ".regtrain/registry.db")) as connection, connection:
        connection.execute("UPDATE rt_versions SET metrics = '{', created_at = 'rubbish' WHERE number = 2")
        connection.execute(
            "UPDATE rt_runs SET metrics = '{' WHERE id = (SELECT run_id FROM rt_versions WHERE number = 2)"
        )
    listed = project("models", "versions", "tiny", "--json").json()
    assert [version["status"] for version in listed] == ["damaged", "ready"]
    assert (listed[0]["metrics"], listed[0]["created_at"], listed[0]["version"]) == ({}, None, "2.0.0")
    latest = project("models", "list", "--json").json()[0]["latest"]
    assert (latest["version"], latest["status"], latest["created_at"]) == ("2.0.0", "damaged", None)
    for command in (("models", "list"), ("models", "versions", "tiny"), ("models", "search"), ("runs", "list")):
        said = project(*command)
        assert (said.code, "damaged" in said.out) == (0, True), command
    shown = project("models", "show", "tiny@2.0.0", "--json")
    assert (shown.code, shown.out, shown.error()["code"]) == (4, "", "row_damaged")
    assert "row id 2 of rt_versions: created_at cannot be read: 'rubbish'" in shown.error()["message"]
    assert project("models", "show", "tiny@1.0.0").code == 0
    checked = project("registry", "fsck")
    assert checked.code == 4
    assert "row: row id 2 of rt_versions: metrics cannot be read: '{'" in checked.out

"""Files in and out: `models checkout`, `card`, `verify`, `sign`, archives, and `registry fsck`, `backup`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from regtrain_registry.cards import plots
from support.cli.projects import CONFIG, Project, make_project
from support.registry.keys import make_key


@pytest.fixture(scope="module")
def carded(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """tiny@1.0.0 with words for its card, and tiny@1.0.1 resumed from it; for tests that only read."""
    project = make_project(tmp_path_factory.mktemp("carded"))
    words = {"license": "mit", "tags": ["toy"], "intended_use": "Trying things.", "language": ["en"]}
    project.config(registry={"card": words})
    project.train()
    project.train("--resume", "tiny@1.0.0", "--epochs", "3")
    return project


@pytest.fixture
def damaged(carded: Project, tmp_path: Path) -> tuple[Project, str]:
    """A copy of it whose newest weights have one other byte; and their digest."""
    shutil.copytree(carded.folder / ".regtrain", tmp_path / ".regtrain")
    project = Project(tmp_path)
    digest = project("models", "show", "tiny", "--json").json()["digest"]
    file = tmp_path / ".regtrain/blobs/sha256" / digest.removeprefix("sha256:")
    file.chmod(0o600)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    return project, digest


@pytest.mark.slow
def test_checkout_gives_the_folder_of_a_version(carded: Project, tmp_path: Path) -> None:
    """Weights, config, metrics, log, card and plots."""
    paths = carded("models", "checkout", "tiny@1.0.1", tmp_path / "out", "--json").json()
    names = {str(Path(path).relative_to(tmp_path / "out")) for path in paths}
    wanted = {
        "model.safetensors",
        "config.yaml",
        "metrics.json",
        "logs/train.log",
        "model_card.md",
        "plots/01-loss.svg",
    }
    assert wanted <= names
    assert all(Path(path).is_file() for path in paths)
    head = yaml.safe_load((tmp_path / "out/model_card.md").read_text().split("---\n")[1])
    assert (head["license"], head["language"], head["base_model"]) == ("mit", ["en"], ["tiny@1.0.0"])
    assert {"toy", "regtrain"} <= set(head["tags"])
    assert head["pipeline_tag"] == "tabular-classification"
    bare = carded("models", "checkout", "tiny", tmp_path / "bare", "--bare")
    assert "model_card.md" not in bare.out


def test_checkout_says_how_to_get_plots(carded: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error, and the rest is there."""
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    said = carded("models", "checkout", "tiny", tmp_path / "out")
    assert (said.code, "regtrain[plots]" in said.err, "plots/" in said.out) == (0, True, False)


def test_card_is_printed(carded: Project) -> None:
    """As Markdown, or in JSON."""
    text = carded("models", "card", "tiny").out
    assert text.startswith("---\nlicense: mit\n")
    assert "Trying things." in text
    assert carded("models", "card", "tiny", "--json").json() == {"ref": "tiny", "card": text}


def test_words_of_the_card_are_checked(project: Project) -> None:
    """Before anything is trained, and a change of them is no other recipe."""
    project.config(registry={"card": {"licence": "mit"}})
    said = project("run", "run.yaml", "--json")
    assert (said.code, "license" in said.error()["message"] + said.error()["hint"]) == (2, True)
    project.config()
    project.train()
    project.config(registry={"card": {"license": "mit"}}, experiment={**CONFIG["experiment"], "seed": 2})
    assert project.train()["version"] == "1.0.1"


def test_verify_names_what_is_damaged(carded: Project, damaged: tuple[Project, str]) -> None:
    """Exit code 4, also with JSON."""
    assert carded("models", "verify", "tiny", "--json").json()["ok"] is True
    project, digest = damaged
    said = project("models", "verify", "tiny", "--json")
    assert said.code == 4
    wrong = {file["path"]: file["problem"] for file in said.json()["files"] if file["problem"]}
    assert wrong == {"model.safetensors": "changed"}
    assert "model.safetensors (changed)" in said.error()["message"]
    assert digest in project("models", "verify", "tiny").out


def test_fsck_ends_with_4_where_something_is_wrong(carded: Project, damaged: tuple[Project, str]) -> None:
    """The promised fields; repair moves the damaged file aside and nothing else."""
    fine: dict[str, Any] = carded("registry", "fsck", "--read-data", "--json").json()
    assert (fine["ok"], fine["versions"], fine["problems"]) == (True, 2, [])
    project, digest = damaged
    assert project("registry", "fsck").code == 0
    said = project("registry", "fsck", "--read-data", "--json")
    assert (said.code, said.json()["ok"], [p["subject"] for p in said.json()["problems"]]) == (4, False, [digest])
    said = project("registry", "fsck", "--read-data", "--repair")
    assert (said.code, "quarantine" in said.out, digest in said.out) == (4, True, True)
    assert "is missing" in project("registry", "fsck").out


def test_backup_writes_a_new_file(carded: Project, tmp_path: Path) -> None:
    """And says how the files are copied; a second one does not take its place."""
    made = carded("registry", "backup", tmp_path / "b.db", "--json").json()
    assert made["size_bytes"] == (tmp_path / "b.db").stat().st_size
    assert carded("registry", "backup", tmp_path / "b.db").code == 2
    assert "rsync -a" in carded("registry", "backup", tmp_path / "c.db").err


def test_sign_and_verify_with_a_key(carded: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password comes from the environment, never from the command line."""
    key = make_key(tmp_path, "ada", "secret")
    said = carded("models", "sign", "tiny@1.0.0", "--key", key, "--json")
    assert (said.code, said.error()["code"]) == (2, "signing_key")
    monkeypatch.setenv("REGTRAIN_KEY_PASSWORD", "secret")
    assert carded("models", "sign", "tiny@1.0.0", "--key", key).code == 0
    found = carded("models", "verify", "tiny@1.0.0", "--key", key.with_suffix(".pub"), "--json").json()
    assert (found["ok"], len(found["signed_by"])) == (True, 64)
    said = carded("models", "verify", "tiny@1.0.1", "--key", key.with_suffix(".pub"), "--json")
    assert (said.code, said.error()["code"]) == (1, "not_signed")


def test_versions_move_to_another_project(carded: Project, tmp_path: Path) -> None:
    """By one file; a registry is made where there is none."""
    made = carded("models", "export-archive", "tiny", "-o", tmp_path / "a.tar", "--json").json()
    assert (made["versions"], made["complete"]) == (2, 2)
    assert carded("models", "export-archive", "-o", tmp_path / "b.tar").code == 2
    assert carded("models", "export-archive", "tiny", "--all", "-o", tmp_path / "b.tar").code == 2
    some = carded("models", "export-archive", "--all", "--files", "named", "-o", tmp_path / "c.tar")
    assert "2 versions, 2 with their files" in some.out
    (tmp_path / "there").mkdir()
    there = Project(tmp_path / "there")
    taken = there("models", "import-archive", tmp_path / "a.tar", "--json").json()
    assert [(one["ref"], one["outcome"]) for one in taken] == [("tiny@1.0.0", "imported"), ("tiny@1.0.1", "imported")]
    assert there("models", "import-archive", tmp_path / "a.tar").out.count("known") == 2
    assert [node["ref"] for node in there("models", "lineage", "tiny", "--json").json()["nodes"]] == [
        "tiny@1.0.1",
        "tiny@1.0.0",
    ]
    assert there("models", "import-archive", tmp_path / "there").code == 2


def test_no_registry_is_made_for_an_archive_that_is_not_there(tmp_path: Path) -> None:
    """Bad input, and the folder stays as it was."""
    said = Project(tmp_path)("models", "import-archive", "nope.tar", "--json")
    assert (said.code, said.error()["code"]) == (2, "archive")
    assert list(tmp_path.iterdir()) == []

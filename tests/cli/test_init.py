"""`regtrain init`: a project that runs as it is, in a process as a user starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli.projects import Project


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    """A folder that has a config or a model file already is a conflict, and stays as it is."""
    here = Project(tmp_path)
    assert here("init", "new/project").code == 0
    assert {path.name for path in (tmp_path / "new/project").iterdir()} == {"run.yaml", "model.py"}
    (tmp_path / "new/project/run.yaml").write_text("mine: true\n")
    again = here("init", "new/project")
    assert again.code == 3
    assert (tmp_path / "new/project/run.yaml").read_text() == "mine: true\n"
    assert here("init", "/proc/new").code == 5


def test_the_config_of_init_is_right(tmp_path: Path) -> None:
    """What init writes passes the check and can be planned."""
    here = Project(tmp_path)
    here("init")
    assert here("config", "check", "run.yaml").code == 0
    assert here("plan", "run.yaml", "--json").json()["model"] == "my-digits"


@pytest.mark.slow
def test_the_project_of_init_runs(tmp_path: Path) -> None:
    """`regtrain init` and `regtrain run` end with a registered model and one document on standard output."""
    here = Project(tmp_path)
    here("init")
    program = [sys.executable, "-c", "from regtrain.cli import main; main()"]
    done = subprocess.run(
        [*program, "run", "run.yaml", "--epochs", "1", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["status"], result["model"], result["version"]) == ("finished", "my-digits", "1.0.0")
    plain = subprocess.run(
        [*program, "run", "run.yaml", "--epochs", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "registered: my-digits@1.0.1" in plain.stdout
    assert "epoch 1" in plain.stderr

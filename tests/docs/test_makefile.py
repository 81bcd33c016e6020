"""`make demo` does what the README shows, and set-up is done once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from docs.markdown import read_page
from docs.output import same_output, without_folder
from docs.running import commands_of

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def make(*arguments: str) -> str:
    """Output of make in the repository, both streams; what is installed here counts as set up."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REGTRAIN_", "RAT_", "MAKE"))}
    command = ["make", "--no-print-directory", "-C", str(ROOT), f"BIN={BIN}", "-o", ".venv/ready", *arguments]
    surroundings = {**kept, "CUDA_VISIBLE_DEVICES": "", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    output = done.stdout.decode("utf-8")
    assert done.returncode == 0, output
    return output


@pytest.mark.slow
def test_demo_prints_what_the_readme_shows(tmp_path: Path) -> None:
    """The demo's output in the README is that of the demo: commands, metrics, versions."""
    page = read_page(ROOT / "README.md")
    shown = next(
        c for block in page.blocks if block.language == "console" for c in commands_of(block) if c.text == "make demo"
    )
    output = make("demo", f"DEMO={tmp_path / 'project' / 'demo'}")
    output = (
        output.replace(f"{BIN}/", ".venv/bin/")
        .replace(f"={tmp_path / 'project'}/", "=")
        .replace(f" {tmp_path / 'project'}/demo/runs\n", " demo/runs\n")
    )
    assert same_output(shown.output, without_folder(output, tmp_path / "project", tmp_path / "no"))


def test_help_names_every_target() -> None:
    """`make help` has a line for each target that a person calls."""
    named = {line.split()[1] for line in make("help").splitlines()}
    targets = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    assert named == set(targets.split()[1:]) - {"help", "setup"}


def test_set_up_depends_on_what_is_to_be_installed() -> None:
    """A change of pyproject.toml or constraints.txt installs again; torch comes first and everything is constrained."""
    steps = make("-n", "-W", "constraints.txt", "setup", "VENV=not-there").splitlines()
    installs = [line for line in steps if " install " in line]
    assert "'pip>=25.1'" in installs[0]
    assert installs[1].endswith("--constraint constraints.txt torch")
    assert "--group dev" in installs[2] and "--constraint constraints.txt" in installs[2]
    assert steps[-1] == "touch not-there/ready"

"""`make demo` does what the README shows, and set-up is done once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.docs.markdown import read_page
from support.docs.output import same_output, without_folder
from support.docs.running import commands_of

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SET_UP = ("-o", ".venv/runnable", "-o", ".venv/ready")


def make(*arguments: str) -> str:
    """Output of make in the repository, both streams; what is installed here counts as set up."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REGTRAIN_", "RAT_", "MAKE"))}
    command = ["make", "--no-print-directory", "-C", str(ROOT), f"BIN={BIN}", *SET_UP, *arguments]
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
    output = without_folder(output, tmp_path / "project", tmp_path / "no")
    assert same_output(shown.output, output), output


def test_help_names_every_target() -> None:
    """`make help` has a line for each target that a person calls."""
    named = {line.split()[1] for line in make("help").splitlines()}
    targets = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    assert named == set(targets.split()[1:]) - {"help", "setup"}


def installs(target: str, *changed: str) -> list[str]:
    """What make would install for a target in an environment that has only what is not changed."""
    options = [word for name in changed for word in ("-W", name)]
    steps = make("-n", *options, target, "VENV=not-there").splitlines()
    return [line.partition(" install ")[2] for line in steps if " install " in line]


def test_set_up_depends_on_what_is_to_be_installed() -> None:
    """A change of pyproject.toml or constraints.txt installs again; torch comes first and everything is constrained."""
    for changed in ("constraints.txt", "pyproject.toml"):
        pip, *others = installs("setup", changed)
        assert "'pip>=25.3'" in pip
        assert others[0].endswith("pip torch")
        assert others[-1].endswith("--editable '.[datasets]' --group dev")
        assert [
            line for line in others if "--constraint constraints.txt --build-constraint constraints.txt" not in line
        ] == []


def test_the_demo_installs_only_what_it_needs() -> None:
    """No linters, servers and trackers for a demo; after it, set-up goes on from there."""
    assert not any("dev" in line for line in installs("demo", "constraints.txt"))
    assert len(installs("setup", "constraints.txt")) == len(installs("demo", "constraints.txt")) + 1

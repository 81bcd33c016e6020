"""`regtrain plugins new`: a package of each kind whose own tests pass, and what is refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest
import yaml

import regtrain.testing
from regtrain.cli.plugins.new import KINDS
from regtrain.config import load
from regtrain.testing.offered import Offered
from regtrain.types import Kind
from support.cli.projects import Project

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a new package of each kind; `tried-optimizers` is the package for optimizers."""
    folder = tmp_path_factory.mktemp("packages")
    for kind in KINDS:
        said = Project(folder)("plugins", "new", f"tried-{kind}", "--kind", kind)
        assert said.code == 0, said.err
        assert f"wrote tried-{kind}" in said.out
    return folder


def run(argv: Sequence[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | variables
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_every_kind_has_a_package_and_a_conformance_class() -> None:
    """What can be offered can be begun by a command, and has a class that it is held to."""
    classes = [getattr(regtrain.testing, name) for name in regtrain.testing.__all__]
    held = {one.kind for one in classes if isinstance(one, type) and issubclass(one, Offered)}
    assert held == set(get_args(Kind))
    assert set(KINDS) == set(get_args(Kind))


def test_a_package_is_complete(packages: Path) -> None:
    """Names are filled in everywhere, code is formatted, metadata and workflow can be read, and the config loads."""
    for kind in KINDS:
        folder = packages / f"tried-{kind}"
        found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        needed = {"pyproject.toml", "README.md", ".gitignore", ".github/workflows/ci.yml", "tests/test_plugin.py"}
        package = f"src/tried_{kind}"
        needed |= {f"{package}/{name}" for name in ("__init__.py", "py.typed", "plugin.py")}
        assert needed <= found
        for name in found:
            left = re.findall(r"@(?:name|package|offer|singular|summary|use|regtrain)@", (folder / name).read_text())
            assert left == [], name
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        assert project["entry-points"]["regtrain"] == {f"tried-{kind}": f"tried_{kind}.plugin"}
        if kind != "commands":
            assert f"tried-{kind}" in load(folder / "run.yaml", environ={}).config.model_dump_json()
    ruff = [sys.executable, "-m", "ruff"]
    rules = ["check", "--select", "E,F,I,UP,B,SIM,RET,PTH", "--config", "src = ['*/src']"]
    for check in (["format", "--check"], rules):
        done = run([*ruff, *check, "--isolated", "--no-cache", "--line-length", "120", "."], packages)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_tests_of_every_package_pass(packages: Path) -> None:
    """Each package passes the tests that came with it, with warnings as errors; one process for all, for the time."""
    sources = os.pathsep.join(str(packages / f"tried-{kind}" / "src") for kind in KINDS)
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-W", "error"]
    done = run([*argv, "--rootdir", str(packages), "."], packages, PYTHONPATH=sources)
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.slow
def test_continuous_integration_passes_in_an_environment_of_its_own(packages: Path, tmp_path: Path) -> None:
    """Every `run` line of the workflow succeeds where the package is really installed; a run then asks for it by name."""
    folder = packages / "tried-optimizers"
    site = tmp_path / "env"
    made = run([sys.executable, "-m", "venv", "--without-pip", str(site)], tmp_path)
    assert made.returncode == 0, made.stderr
    # The environment sees the packages of this one, but what is installed goes into it alone.
    (folder_of,) = site.glob("lib/python*/site-packages")
    (folder_of / "surroundings.pth").write_text("\n".join(path for path in sys.path if "site-packages" in path))
    (site / "bin" / "regtrain").write_text(
        f"#!{site}/bin/python\nimport sys\nfrom regtrain.cli import main\nsys.exit(main())\n"
    )
    (site / "bin" / "regtrain").chmod(0o755)
    workflow = yaml.safe_load((folder / ".github/workflows/ci.yml").read_text())
    steps = [step["run"] for step in workflow["jobs"]["test"]["steps"] if "run" in step]
    assert len(steps) == 3
    source = [str(ROOT / part) for part in ("core", "registry", "plugins")]
    variables = {
        "PATH": f"{site}/bin{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(source),
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads the variable the other way round
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    for step in [*steps, "regtrain run run.yaml training.epochs=1 --json"]:
        done = run(["bash", "-ec", step], folder, **variables)
        assert done.returncode == 0, f"{step}\n{done.stdout}{done.stderr}"
    assert (folder_of / "tried_optimizers" / "steps.py").exists()
    assert '"version": "1.0.0"' in done.stdout


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    """A wrong name, a taken one, an unknown kind and a folder with files in it: one error each, and nothing is written."""
    project = Project(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    wrong: list[tuple[list[str], int, str]] = [
        (["--", "-table"], 2, "--kind"),
        (["--kind", "tracker", "--", "-table"], 2, "no name of a distribution"),
        (["my table", "--kind", "tracker"], 2, "no name of a distribution"),
        (["../table", "--kind", "tracker"], 2, "no name of a distribution"),
        (["2fast", "--kind", "tracker"], 2, "cannot import"),
        (["class", "--kind", "tracker"], 2, "cannot import"),
        (["json", "--kind", "tracker"], 2, "installed already"),
        (["Regtrain", "--kind", "tracker"], 2, "installed already"),
        (["regtrain-SGD", "--kind", "optimizer"], 2, "a name that regtrain has"),
        (["regtrain-run", "--kind", "command"], 2, "a name that regtrain has"),
        (["table", "--kind", "traker"], 2, "there are: tracker"),
        (["table", "--kind", "zebra"], 2, "there are: model, dataset"),
        (["table"], 2, "--kind"),
        (["full", "--kind", "tracker"], 3, "full exists"),
        (["table", "--kind", "tracker", "--directory", "file"], 3, "file exists"),
        (["table", "--kind", "tracker", "--directory", "/proc/table"], 5, "cannot be written"),
    ]
    for arguments, code, word in wrong:
        said = project("plugins", "new", *arguments)
        assert (said.code, word in said.err) == (code, True), f"{arguments}: {said.code} {said.err}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full"]
    (tmp_path / "empty").mkdir()
    assert project("plugins", "new", "table", "--kind", "Trackers", "--directory", "empty").code == 0

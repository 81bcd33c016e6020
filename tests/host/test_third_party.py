"""The example package, installed by pip as any user would, and used by name from its YAML file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.host.packages import regtrain

PACKAGE = Path(__file__).parents[2] / "examples" / "plugin-package"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, so that building leaves nothing in the checkout."""
    folder = tmp_path_factory.mktemp("source") / "plugin-package"
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__", ".*", "runs", "dist"))
    return folder


@pytest.fixture(scope="module")
def site(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip has installed the package."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    argv = [sys.executable, "-m", "pip", "install", *options, "--target", str(folder), str(source)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_it_is_listed(site: Path) -> None:
    """`regtrain plugins list --json` shows its three plugins with distribution, version and what they provide."""
    done = regtrain(site, "plugins", "list", "--json")
    found = {one["name"]: one for one in json.loads(done.stdout) if one["distribution"] == "regtrain-signum"}
    assert {one["version"] for one in found.values()} == {"0.3.0"}
    assert [one["error"] for one in found.values()] == [None, None, None]
    assert found["signum"]["provides"] == {"optimizers": ["Signum"]}
    assert found["kappa"]["provides"] == {"evaluators": ["kappa"]}
    assert found["journal"]["listens"] == ["regtrain_run_finished", "regtrain_version_registered"]


def test_a_run_uses_it_by_name(site: Path, tmp_path: Path) -> None:
    """Its run.yaml trains with its optimizer, registers a version with its metric, and leaves its journal."""
    shutil.copyfile(PACKAGE / "run.yaml", tmp_path / "run.yaml")
    done = regtrain(site, "run", "run.yaml", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["version"] == "1.0.0"
    assert result["best"]["metric"] == "val/kappa"
    assert result["metrics"]["val/kappa"] > 0.5
    shown = json.loads(regtrain(site, "models", "show", result["model"], "--json", cwd=tmp_path).stdout)
    assert shown["metrics"]["val/kappa"] == result["best"]["value"]
    journal = [json.loads(line) for line in (Path(result["run_dir"]) / "journal.jsonl").read_text().splitlines()]
    assert [line["event"] for line in journal] == ["version_registered", "run_finished"]
    assert (journal[0]["model"], journal[0]["version"]) == (result["model"], "1.0.0")
    assert journal[1]["metrics"]["val/kappa"] == result["metrics"]["val/kappa"]


def test_without_it_the_name_is_unknown(tmp_path: Path) -> None:
    """The same config where the package is not installed is refused, and names what there is."""
    shutil.copyfile(PACKAGE / "run.yaml", tmp_path / "run.yaml")
    done = regtrain(tmp_path, "run", "run.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "no optimizer is called 'signum'" in done.stderr


def test_its_own_tests_pass(site: Path, source: Path) -> None:
    """The package's tests, which inherit from regtrain.testing, run against the installed package."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(source)]
    done = subprocess.run(argv, cwd=source, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout

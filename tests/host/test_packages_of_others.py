"""Packages of others as plugins: each installed by pip in a folder of its own, and used by name from its YAML file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.host.packages import regtrain

PLUGINS = Path(__file__).parents[2] / "examples" / "plugins"
NAMES = ("regtrain-comet", "regtrain-pytorch-optimizer", "regtrain-torchmetrics")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, so that building leaves nothing in the checkout."""
    folder = tmp_path_factory.mktemp("sources") / "plugins"
    shutil.copytree(PLUGINS, folder, ignore=shutil.ignore_patterns("__pycache__", ".*", "runs", "dist"))
    return folder


@pytest.fixture(scope="module")
def site(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip has installed them."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    packages = [str(sources / name) for name in NAMES]
    argv = [sys.executable, "-m", "pip", "install", *options, "--target", str(folder), *packages]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_package_is_here() -> None:
    """A package that is added to the examples is tried below."""
    assert sorted(path.name for path in PLUGINS.iterdir() if path.is_dir()) == list(NAMES)


def test_they_are_listed_together(site: Path) -> None:
    """All of them load, none takes a name of another, and none needs its package for that."""
    found = json.loads(regtrain(site, "plugins", "list", "--json").stdout)
    ours = [one for one in found if one["distribution"] in NAMES]
    assert len(ours) == 4
    assert [one for one in found if one["error"] or one["clashes"]] == []


def test_a_run_uses_all_of_them_by_name(site: Path, tmp_path: Path) -> None:
    """The config of each package, laid over the others: one run with the optimizer, the metrics and the tracker."""
    config: dict[str, Any] = {}
    for name in NAMES:
        config |= yaml.safe_load((PLUGINS / name / "run.yaml").read_text())
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    done = regtrain(site, "run", "run.yaml", "training.epochs=1", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    folder = Path(result["run_dir"])
    assert result["best"]["metric"] == "val/calibration_error"
    assert 0 < result["metrics"]["val/calibration_error"] < 1
    assert result["metrics"]["val/auroc"] > 0.5
    planned = yaml.safe_load((folder / "config.yaml").read_text())
    assert (planned["optimizer"]["name"].lower(), planned["scheduler"]["name"].lower()) == ("adan", "rex")
    records = [json.loads(line) for line in (folder / "logs/metrics.jsonl").read_text().splitlines()]
    assert [record["train/lr"] for record in records if "train/lr" in record][-1] < 0.005  # REX has lowered it
    told = _told(folder / "comet")
    assert told["val/auroc"] == pytest.approx(result["metrics"]["val/auroc"])
    assert (told["version"], told["digest"]) == (f"{result['model']}@1.0.0", result["digest"])
    assert told["status"] == "finished"
    names = sorted(path.name for path in (folder / "comet").iterdir())
    assert regtrain(site, "runs", "sync", str(folder), cwd=tmp_path).returncode == 0
    assert sorted(path.name for path in (folder / "comet").iterdir()) == names


def _told(folder: Path) -> dict[str, Any]:
    """Names and values in Comet's archives, the newest of each."""
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            payloads = [json.loads(line)["payload"] for line in archive.read("messages.json").splitlines()]
        found |= {m["metric"]["metricName"]: m["metric"]["metricValue"] for m in payloads if "metric" in m}
        found |= {m["key"]: m["value"] for m in payloads if "key" in m}
    return found


def test_their_own_tests_pass(sources: Path, site: Path) -> None:
    """The tests of all packages, which inherit from regtrain.testing, with warnings as errors; one process for all."""
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-W", "error"]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [*argv, "--rootdir", str(sources), "."],
        cwd=sources,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout

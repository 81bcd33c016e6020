"""Every example runs as it stands, and learns what it says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from regtrain.config import load
from support.docs.running import run_command

EXAMPLES = Path(__file__).parents[2] / "examples"
CONFIGS = sorted(path for path in EXAMPLES.rglob("*.yaml") if not {"plugin-package", "plugins"} & set(path.parts))

# Config → command before it, metric of the best checkpoint, at least (or at most) this.
LEARNS = {
    "digits.yaml": ("true", "val/accuracy", 0.97, 1.0),
    "dgd/run.yaml": ("true", "val/loss", 0.0, 0.05),
    "mnist.yaml": ("true", "val/accuracy", 0.96, 1.0),
    "own-model/run.yaml": ("true", "val/f1", 0.92, 1.0),
    "regression/run.yaml": ("python regression/data.py", "val/rmse", 0.0, 60.0),
}


def test_every_example_is_run() -> None:
    """A config that is added to the examples is run by the test below."""
    assert {str(path.relative_to(EXAMPLES)) for path in CONFIGS} == set(LEARNS)


@pytest.mark.parametrize("path", CONFIGS, ids=[str(path.relative_to(EXAMPLES)) for path in CONFIGS])
def test_an_example_loads(path: Path) -> None:
    """Keys, types and values of each example are right."""
    assert load(path, environ={}).config.training.epochs


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNS)
def test_an_example_learns(name: str, tmp_path: Path) -> None:
    """Each example trains to its quality, registers 1.0.0, and the run folder has what it should."""
    before, metric, least, most = LEARNS[name]
    folder = tmp_path / "examples"
    shutil.copytree(EXAMPLES, folder, ignore=shutil.ignore_patterns("runs", ".regtrain", "*.csv", "__pycache__"))
    code, output = run_command(f"{before} && regtrain run {name} --json 2>/dev/null", folder)
    assert code == 0, output
    result = json.loads(output)
    assert result["version"] == "1.0.0"
    assert result["best"]["metric"] == metric
    assert least <= result["best"]["value"] <= most

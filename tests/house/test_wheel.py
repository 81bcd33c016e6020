"""What is built is what a stranger can use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def call(*command: str | Path, cwd: Path, **environment: str) -> str:
    outer = {k: v for k, v in os.environ.items() if not k.startswith(("REGTRAIN_", "PYTHON"))}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**outer, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_contents(wheel: Path) -> None:
    """Three packages with their data files, and nothing of tests, docs or examples."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "regtrain",
        "regtrain_registry",
        "regtrain_plugins",
    }
    assert "regtrain/templates/run.yaml.txt" in names
    assert "regtrain/py.typed" in names
    assert any(name.startswith("regtrain_registry/migrations/versions/0001") for name in names)


@pytest.mark.slow
def test_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """`pip install` of the wheel into an empty environment; help, a run and the list work from there."""
    call(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    bin_ = tmp_path / "venv/bin"
    pip = [bin_ / "python", "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt"]
    call(*pip, "torch", cwd=tmp_path)  # first, so that nothing else draws in another build of it
    call(*pip, f"{wheel}[datasets]", cwd=tmp_path)
    assert "Commands:" in call(bin_ / "regtrain", "--help", cwd=tmp_path)
    call(bin_ / "regtrain", "init", "mine", cwd=tmp_path)
    said = call(bin_ / "regtrain", "run", "run.yaml", "--epochs", "1", "--json", cwd=tmp_path / "mine")
    assert json.loads(said)["version"] == "1.0.0"
    listed = json.loads(call(bin_ / "regtrain", "models", "list", "--json", cwd=tmp_path / "mine"))
    assert [model["name"] for model in listed] == ["my-digits"]

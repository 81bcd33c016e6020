"""What is built can be installed and used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from email import message_from_string
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

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
    assert any(name.startswith("regtrain_registry/db/migrations/versions/0001") for name in names)


def link_required(wheel: Path, extra: str, site: Path) -> None:
    """Make of `site` what an index would install for the wheel: the packages that it requires, and what these require."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = message_from_string(archive.read(name).decode("utf-8"))
    lines = metadata.get_all("Requires-Dist", [])
    pending = [(line, frozenset({extra})) for line in lines]
    seen = set()
    while pending:
        line, extras = pending.pop()
        needed = Requirement(line)
        if (line, extras) in seen or not wanted(needed, extras):
            continue
        seen.add((line, extras))
        installed = distribution(needed.name)
        for top in {file.parts[0] for file in installed.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (site / top).exists():
                (site / top).symlink_to(installed.locate_file(top))
        pending += [(line, frozenset(needed.extras)) for line in installed.requires or ()]


def wanted(needed: Requirement, extras: frozenset[str]) -> bool:
    marker = needed.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""})


@pytest.mark.slow
def test_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """`pip install` of the wheel where only that is which it requires; help, a run and the list work from there."""
    call(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    bin_ = tmp_path / "venv/bin"
    (site,) = tmp_path.glob("venv/lib/python*/site-packages")
    link_required(wheel, "datasets", site)
    call(bin_ / "python", "-m", "pip", "install", "--quiet", "--no-index", f"{wheel}[datasets]", cwd=tmp_path)
    assert not (site / "pytest").exists()
    assert "Commands:" in call(bin_ / "regtrain", "--help", cwd=tmp_path)
    call(bin_ / "regtrain", "init", "mine", cwd=tmp_path)
    said = call(bin_ / "regtrain", "run", "run.yaml", "--epochs", "1", "--json", cwd=tmp_path / "mine")
    assert json.loads(said)["version"] == "1.0.0"
    listed = json.loads(call(bin_ / "regtrain", "models", "list", "--json", cwd=tmp_path / "mine"))
    assert [model["name"] for model in listed] == ["my-digits"]

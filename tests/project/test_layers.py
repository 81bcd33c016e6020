"""The layers hold, and each contract breaks when it is broken."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
SOURCES = ("core", "registry", "plugins")

# contract → a file and the import that must not stand in it
PLANTED = {
    "registry-alone": ("registry/regtrain_registry/domain/recipe.py", "import regtrain.errors"),
    "core-names-no-plugin": ("core/regtrain/plan/names.py", "import regtrain_plugins.models.simple"),
    "plugins-see-two-modules": ("plugins/regtrain_plugins/models/simple.py", "import regtrain.errors"),
    "plugins-apart": ("plugins/regtrain_plugins/models/simple.py", "import regtrain_plugins.datasets.digits"),
    "who-reaches-the-registry": ("core/regtrain/trainer/loop.py", "import regtrain_registry.refs"),
    "who-loads-torch": ("core/regtrain/run/open_registry.py", "import regtrain.trainer.loop"),
    "who-touches-pluggy": ("core/regtrain/trainer/loop.py", "import pluggy"),
    "layers-of-the-core": ("core/regtrain/config/resolve.py", "import regtrain.plan"),
    "layers-of-the-registry": ("registry/regtrain_registry/semver.py", "import regtrain_registry.db.tables"),
    "layers-of-the-store": ("registry/regtrain_registry/store/blob.py", "import regtrain_registry.store.local"),
}


def lint(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(str(folder / name) for name in SOURCES)
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [str(program), "--config", str(folder / "pyproject.toml"), "--no-cache", *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
    )


def test_every_floor_holds() -> None:
    """All contracts of pyproject.toml are kept."""
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout[-2000:]
    assert f"{len(CONTRACTS)} kept, 0 broken" in done.stdout


def test_every_contract_has_a_planted_violation() -> None:
    """No contract that nobody has seen broken."""
    assert sorted(PLANTED) == sorted(contract["id"] for contract in CONTRACTS)


@pytest.mark.slow
@pytest.mark.parametrize("contract", PLANTED)
def test_a_planted_violation_breaks_it(tmp_path: Path, contract: str) -> None:
    """The contract, and it alone is asked, says BROKEN."""
    for name in SOURCES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    file, line = PLANTED[contract]
    with (tmp_path / file).open("a") as source:
        source.write(f"\n{line}\n")
    done = lint(tmp_path, "--contract", contract)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout


def test_contracts_name_every_room() -> None:
    """A new module of the core is named in the contracts that list modules one by one."""
    modules = {
        f"regtrain.{path.stem}"
        for path in (ROOT / "core/regtrain").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    } - {"regtrain.__init__", "regtrain.__main__"}
    by_id = {contract["id"]: contract for contract in CONTRACTS}
    hidden = set(by_id["plugins-see-two-modules"]["forbidden_modules"])
    assert modules - hidden == {"regtrain.hookspecs", "regtrain.types"}
    kept_away = set(by_id["who-reaches-the-registry"]["source_modules"])
    assert modules - kept_away == {"regtrain.api", "regtrain.cli", "regtrain.run"}

"""Whose module it is, and of when: each file of a project sees its own neighbours, as they are now."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from regtrain.targets import find_target, load_target
from regtrain.targets.load import import_file, loaded_files
from support.cli.projects import Project


def project_of(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder.resolve()


def called(base: Path, text: str) -> object:
    return load_target(find_target("model.target", text, base, ()))()


def test_two_files_of_one_name_are_two_modules(tmp_path: Path) -> None:
    """Each target gets the `common.py` beside itself."""
    base = project_of(
        tmp_path,
        {
            "a/common.py": "WIDTH = 4\n",
            "a/model.py": "from common import WIDTH\ndef build(): return WIDTH\n",
            "b/common.py": "WIDTH = 64\n",
            "b/data.py": "import common\ndef build(): return common.WIDTH\n",
        },
    )
    assert (called(base, "./a/model.py:build"), called(base, "./b/data.py:build")) == (4, 64)
    assert "common" not in sys.modules


# name of the way to import → what is in pkg/model.py; each takes `head` from pkg/layers.py
WAYS = {
    "from the project": "from pkg.layers import head\ndef build(): return head\n",
    "beside it": "from layers import head\ndef build(): return head\n",
    "relative": "from .layers import head\ndef build(): return head\n",
    "relative, the module": "from . import layers\ndef build(): return layers.head\n",
    "the package": "import pkg.layers\ndef build(): return pkg.layers.head\n",
    "under another name": "import pkg.layers as below\ndef build(): return below.head\n",
    "a module from a package": "from pkg import layers\ndef build(): return layers.head\n",
    "everything": "from layers import *\ndef build(): return head\n",
    "late": "def build():\n    from pkg.layers import head\n    return head\n",
    "late, in a method": "class build:\n    def __new__(cls):\n        import layers\n        return layers.head\n",
    "in a lambda's default": "build = lambda head=__import__('layers').head: head\n",
}


@pytest.mark.parametrize("package", [True, False])
def test_every_way_to_import(tmp_path: Path, package: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without `__init__.py`, from any working directory; what is recorded as the code is what ran."""
    monkeypatch.chdir("/")
    wrong = []
    for number, (name, text) in enumerate(WAYS.items()):
        files = {"pkg/model.py": text, "pkg/layers.py": "head = 7\n", "pkg/unused.py": ""}
        base = project_of(tmp_path / f"{package}{number}", files | ({"pkg/__init__.py": ""} if package else {}))
        target = find_target("model.target", "./pkg/model.py:build", base, ())
        if load_target(target)() != 7:
            wrong.append((name, "another value"))
        dynamic = "lambda" in name
        if set(loaded_files(base)) - ({base / "pkg/layers.py"} if dynamic else set()) != set(target.files):
            wrong.append((name, loaded_files(base), target.files))
    assert wrong == []


def test_files_that_changed_are_imported_anew(tmp_path: Path) -> None:
    """An edit of the same length within the same second counts, also one of a file that is imported."""
    base = project_of(tmp_path, {"net.py": "from width import W\ndef build(): return W\n", "width.py": "W = 4\n"})
    assert called(base, "./net.py:build") == 4
    stamp = (base / "width.py").stat()
    (base / "width.py").write_text("W = 9\n")
    os.utime(base / "width.py", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert called(base, "./net.py:build") == 9
    assert called(base, "./net.py:build") == 9
    assert not list(base.rglob("__pycache__"))


def test_files_that_did_not_change_are_imported_once(tmp_path: Path) -> None:
    """Two targets share what they import, so that a class is one class."""
    base = project_of(
        tmp_path,
        {
            "shared.py": "class Config: ...\n",
            "model.py": "from shared import Config\ndef build(): return Config\n",
            "data.py": "import shared\ndef build(): return shared.Config\n",
        },
    )
    assert called(base, "./model.py:build") is called(base, "./data.py:build")


def test_a_neighbour_is_not_taken_for_pythons_own(tmp_path: Path) -> None:
    """A `queue.py` of the project is its own for the project's files and nobody's else; installed packages are there."""
    base = project_of(
        tmp_path,
        {
            "queue.py": "mine = True\n",
            "model.py": "import queue\nimport torch\nimport json.decoder\ndef build(): return queue.mine, torch, json\n",
        },
    )
    mine, found, module = called(base, "./model.py:build")  # type: ignore[misc]
    assert mine is True
    assert isinstance(found, ModuleType)
    assert module is json
    import queue

    assert hasattr(queue, "Queue")
    assert str(base) not in sys.path


def test_objects_of_the_project_can_be_pickled(tmp_path: Path) -> None:
    """Loading processes get datasets by pickle where they are not forked: classes are found by their module's name."""
    base = project_of(tmp_path, {"sub.dir/data set.py": "class Rows:\n    def __init__(self): self.n = 3\n"})
    module = import_file(base / "sub.dir/data set.py", base)
    rows = pickle.loads(pickle.dumps(module.Rows()))
    assert type(rows) is module.Rows


def test_a_folder_of_data_is_not_a_module(tmp_path: Path) -> None:
    """A folder without Python files does not hide an installed package of its name."""
    base = project_of(tmp_path, {"yaml/a.csv": "1\n", "model.py": "import yaml\ndef build(): return yaml.safe_load\n"})
    import yaml

    assert called(base, "./model.py:build") is yaml.safe_load


def test_errors_name_the_users_line(tmp_path: Path) -> None:
    """A mistake in a file that is imported is shown in that file."""
    base = project_of(tmp_path, {"model.py": "import layers\ndef build(): ...\n", "layers.py": "x = 1\nx.missing\n"})
    with pytest.raises(Exception, match="missing") as caught:
        called(base, "./model.py:build")
    assert "model.py:1" in str(caught.value)


@pytest.mark.slow
def test_a_job_is_not_broken_by_its_working_directory(project: Project) -> None:
    """A file of the working directory that has the name of one of Python's modules is not run by the job."""
    project.write("queue.py", 'open("ran", "w")\nraise RuntimeError("not queue")\n')
    project.config(launcher=None)
    wrote = 'import os\nopen(os.path.join(os.environ["REGTRAIN_RUN_DIR"], "mine.txt"), "w").close()\n'
    project.write("model.py", wrote + (project.folder / "model.py").read_text())
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [str(Path(sys.executable).with_name("regtrain")), "run", "run.yaml", "--json"]
    done = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not (project.folder / "ran").exists()
    assert (Path(json.loads(done.stdout)["run_dir"]) / "mine.txt").exists()


def test_what_was_trained_is_what_is_recorded(project: Project) -> None:
    """Code that is edited between two runs of one process gives two models, each with its own code beside it."""
    from safetensors import safe_open

    shapes, kept = [], []
    for width in (4, 9):
        text = (
            f"from torch import nn\ndef build(): return nn.Sequential(nn.Linear(3, {width}), nn.Linear({width}, 4))\n"
        )
        project.write("model.py", text)
        result = project.train()
        weights = Path(result["best"]["checkpoint"]) / "model.safetensors"
        with safe_open(weights, "np") as file:
            shapes.append(file.get_slice("0.weight").get_shape()[0])
        kept.append((Path(result["run_dir"]) / "code/model.py").read_text() == text)
    assert (shapes, kept) == ([4, 9], [True, True])

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
from regtrain.targets.load import expect, import_file, loaded_sources
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
        if set(loaded_sources(base)) - ({base / "pkg/layers.py"} if dynamic else set()) != set(target.files):
            wrong.append((name, loaded_sources(base), target.files))
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


ROWS = """
class Rows:
    def __len__(self): return 4
    def __getitem__(self, i):
        from lib.numbers import first
        return first + i
"""
SPAWNED = """
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from regtrain.targets.load import import_file
base = Path(sys.argv[1])
if __name__ == "__main__":
    rows = import_file(base / "my data.py", base).Rows()
    for method in ("spawn", "forkserver"):
        with ProcessPoolExecutor(1, get_context(method)) as pool:
            print(list(pool.map(rows.__getitem__, range(4))))
"""


@pytest.mark.slow
def test_a_spawned_process_finds_the_modules(tmp_path: Path) -> None:
    """Loading processes are spawned on macOS, and get the dataset by pickle: its module is found by its name alone,
    in a folder of any name, and with it what its functions import late."""
    base = project_of(
        tmp_path / "von \u00c4nne_5f_ & co.",
        {"my data.py": ROWS, "lib/__init__.py": "", "lib/numbers.py": "first = 7\n"},
    )
    (tmp_path / "spawned.py").write_text(SPAWNED)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-P", str(tmp_path / "spawned.py"), str(base)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["[7, 8, 9, 10]"] * 2, done.stderr


def test_what_was_made_before_an_edit_goes_on_as_it_was(tmp_path: Path) -> None:
    """A model of the first run still imports what it needs after the second run has begun."""
    late = "def build():\n    def later():\n        from other import N\n        return N\n    return later\n"
    base = project_of(tmp_path, {"net.py": late, "other.py": "N = 1\n"})
    first = called(base, "./net.py:build")
    project_of(tmp_path, {"net.py": late + "# edited\n"})
    second = called(base, "./net.py:build")
    assert first is not second
    assert (first(), second()) == (1, 1)  # type: ignore[operator]


def test_what_is_recorded_is_all_that_is_run(tmp_path: Path) -> None:
    """A file that changes after it was recorded, and before a function imports it, is refused by its name."""
    base = project_of(
        tmp_path, {"net.py": "def build():\n    from other import N\n    return N\n", "other.py": "N = 1\n"}
    )
    target = find_target("model.target", "./net.py:build", base, ())
    expect(base, target.read())
    build = load_target(target)
    (base / "other.py").write_text("N = 2\n")
    with pytest.raises(ImportError, match=r"other\.py has changed since the run began"):
        build()
    expect(base, target.read())  # the next run
    assert load_target(target)() == 2


def test_late_imports_are_looked_up_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that imports may be called for every sample: no file is looked for each time."""
    text = "def build():\n    def f():\n        import json, other\n        return json, other.N\n    return f\n"
    base = project_of(tmp_path, {"net.py": text, "other.py": "N = 1\n"})
    late = called(base, "./net.py:build")
    assert late() == (json, 1)  # type: ignore[operator]
    monkeypatch.setattr(Path, "is_file", lambda path: pytest.fail(f"looked for {path}"))
    assert late() == (json, 1)  # type: ignore[operator]


EDITS = """
from pathlib import Path
import importlib
import torch
class Edits(torch.utils.data.TensorDataset):
    calls = 0
    def __getitem__(self, i):
        Edits.calls += 1
        if Edits.calls > 50:  # the model is built, and the check before the first step is over
            Path({model!r}).write_text("edited = True")
            assert importlib.import_module(".ex" + "tra", __package__).N == 3
        return super().__getitem__(i)
def build():
    inputs = torch.randn(24, 3, generator=torch.Generator().manual_seed(1))
    labels = (inputs.sum(1) > 0).long()
    return Edits(inputs[:16], labels[:16]), Edits(inputs[16:], labels[16:])
"""


def test_code_may_be_edited_while_it_trains(project: Project) -> None:
    """The run ends well, with the code that it began with; what was imported by a made-up name is kept as well."""
    project.write("extra.py", "N = 3\n")
    project.write("data.py", EDITS.format(model=str(project.folder / "model.py")))
    planned = (project.folder / "model.py").read_text()
    run = project.train("epochs=5")
    code = Path(run["run_dir"]) / "code"
    assert (project.folder / "model.py").read_text() == "edited = True"
    assert (code / "model.py").read_text() == planned
    assert (code / "extra.py").read_text() == "N = 3\n"


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
    environment.pop("PYTHONSAFEPATH", None)
    command = [sys.executable, "-m", "regtrain", "run", "run.yaml", "--json"]
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

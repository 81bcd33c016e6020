"""A small project that trains in a moment, and the command line called on it."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from regtrain.cli import main
from support.registry.blank import make_file

MODEL = """\
from torch import nn


def build(width: int = 4) -> nn.Module:
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))
"""

DATA = """\
import torch
from torch.utils.data import TensorDataset


def build(rows: int = 24):
    inputs = torch.randn(rows, 3, generator=torch.Generator().manual_seed(1))
    labels = (inputs.sum(1) > 0).long()
    return TensorDataset(inputs[:-8], labels[:-8]), TensorDataset(inputs[-8:], labels[-8:])
"""

# A launcher that runs the job in this process: the whole story of a run, without three seconds of importing torch.
LAUNCHER = """\
from pathlib import Path

from regtrain.hookspecs import hookimpl
from regtrain.types import Launched


class Here:
    def launch(self, job, resources):
        from regtrain.job import main

        return Launched(main(Path(job.argv[-1])))


@hookimpl
def regtrain_register_launchers(register):
    register("here", Here)
"""

CONFIG: dict[str, Any] = {
    "experiment": {"name": "tiny", "seed": 1},
    "model": {"target": "./model.py:build"},
    "data": {"target": "./data.py:build"},
    "training": {"epochs": 2, "batch_size": 8},
    "optimizer": {"name": "SGD", "lr": 0.1},
    "launcher": {"name": "here"},
}


@dataclass(frozen=True)
class Said:
    """What a command line said and how it ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The one document on standard output; an error when there is more or less."""
        return json.loads(self.out)

    def error(self) -> dict[str, str]:
        """The error document, which is the last line on standard error."""
        facts: dict[str, str] = json.loads(self.err.strip().splitlines()[-1])["error"]
        return facts


@dataclass(frozen=True)
class Project:
    """A folder with model.py, data.py and run.yaml, which the command line is called in."""

    folder: Path

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def config(self, name: str = "run.yaml", **sections: Any) -> Path:
        """Write a config: the small one with these sections instead of its own; None leaves one out."""
        values = {key: value for key, value in {**CONFIG, **sections}.items() if value is not None}
        return self.write(name, yaml.safe_dump(values))

    def __call__(self, *argv: str | Path) -> Said:
        out, err = io.StringIO(), io.StringIO()
        code: Any = None
        with (
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            plugins_of(self.folder / "site"),
        ):
            try:
                main([str(word) for word in argv])
            except SystemExit as end:
                code = end.code
        assert isinstance(code, int), f"ended with {code!r}"
        return Said(code, out.getvalue(), err.getvalue())

    def train(self, *argv: str | Path, config: str | Path = "run.yaml") -> dict[str, Any]:
        """Run to the end; the result as JSON."""
        said = self("run", config, "--json", *argv)
        assert said.code == 0, said.err
        result: dict[str, Any] = said.json()
        return result

    def runs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self("runs", "list", "--json").json()
        return found

    def run_folders(self) -> list[Path]:
        """The oldest first: two that began in one second are not told apart by their names."""
        found = [path for path in self.folder.glob("runs/*") if path.is_dir()]
        return sorted(found, key=lambda path: (path / "plan.json").stat().st_mtime_ns)


def make_project(folder: Path, *, registry: bool = True) -> Project:
    """The small project, with an empty registry or with none yet."""
    project = Project(folder)
    if registry:
        make_file(folder / ".regtrain" / "registry.db")
    project.write("model.py", MODEL)
    project.write("data.py", DATA)
    project.config()
    project.write("site/launch_here.py", LAUNCHER)
    project.write("site/launch_here-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: launch-here\nVersion: 1.0\n")
    project.write("site/launch_here-1.0.dist-info/entry_points.txt", "[regtrain]\nlaunch-here = launch_here\n")
    return project


@contextlib.contextmanager
def plugins_of(site: Path) -> Iterator[None]:
    """The packages in a folder count as installed; what was imported meanwhile from elsewhere does not stay."""
    before = list(sys.path)
    sys.path.insert(0, str(site))
    try:
        yield
    finally:
        sys.path[:] = before
        for name in [n for n in sys.modules if n == "launch_here"]:
            del sys.modules[name]

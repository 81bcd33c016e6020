"""`regtrain init`: a project that runs as it is."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from regtrain.cli.output import say
from regtrain.errors import EnvironmentFault, RegtrainError

__all__ = ["FilesExistError", "init"]

NAMES = ("run.yaml", "model.py")


class FilesExistError(RegtrainError):
    """Files of a user stand where new ones were to be written."""

    code = "files_exist"
    exit_code = 3


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=".")
def init(folder: Path) -> None:
    """Write a commented config and a model file into FOLDER; they run as they are."""
    there = [name for name in NAMES if (folder / name).exists()]
    if there:
        raise FilesExistError(f"{folder} already has {' and '.join(there)}", "name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            (folder / name).write_text(files("regtrain.templates").joinpath(name + ".txt").read_text("utf-8"), "utf-8")
    except OSError as problem:
        raise EnvironmentFault(f"{folder} cannot be written: {problem.strerror}", "name another folder") from problem
    say(f"wrote {folder / 'run.yaml'} and {folder / 'model.py'}; next:\n  regtrain run {folder / 'run.yaml'}")

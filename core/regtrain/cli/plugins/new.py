"""`regtrain plugins new`: an installable package with a working plugin, its tests and their continuous integration."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path

import click

from regtrain.cli.init import FilesExistError
from regtrain.cli.output import say
from regtrain.errors import ConfigValueError, EnvironmentFault, UnknownNameError, nearest
from regtrain.host import Host
from regtrain.host.offers import singular
from regtrain.types import Kind

__all__ = ["new"]

SUMMARIES: dict[Kind, str] = {
    "models": "A perceptron with layer normalization, for regtrain.",
    "datasets": "Two interleaved half circles, for regtrain.",
    "tasks": "Training a model to take noise away, for regtrain.",
    "optimizers": "SGD with steps of one length, for regtrain.",
    "schedulers": "A learning rate with warm-up and inverse square root decay, for regtrain.",
    "strategies": "One process with a thread for each core that it may use, for regtrain.",
    "evaluators": "Balanced accuracy, for regtrain.",
    "callbacks": "A table of metrics in each run folder, for regtrain.",
    "trackers": "Records of runs in a SQLite file, for regtrain.",
    "launchers": "Jobs of low priority, for regtrain.",
    "exporters": "Weights as NumPy arrays in one file, for regtrain.",
    "commands": "A command that prints the best record of a run, for regtrain.",
}
KINDS = tuple(SUMMARIES)

_DISTRIBUTION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
SHARED = {
    "pyproject.toml": "pyproject.toml.txt",
    "README.md": "README.md.txt",
    ".gitignore": "gitignore.txt",
    ".github/workflows/ci.yml": "ci.yml.txt",
    "src/{package}/__init__.py": "init.py.txt",
}
PLACES = {"plugin.py.txt": "src/{package}", "steps.py.txt": "src/{package}", "test_plugin.py.txt": "tests"}


@dataclass(frozen=True)
class Names:
    """`name`: of the distribution; `package`: what Python imports; `offer`: what a config asks for."""

    name: str
    package: str
    offer: str
    kind: Kind


@click.command()
@click.argument("name")
@click.option("--kind", required=True, metavar="KIND", help=f"What it offers: {', '.join(map(singular, KINDS))}.")
@click.option("--directory", type=click.Path(path_type=Path), metavar="DIR", help="Where to write it.  [default: NAME]")
def new(name: str, kind: str, directory: Path | None) -> None:
    """Write an installable package NAME with a working plugin, tests and continuous integration."""
    names = _names(name, _kind(kind))
    _check_free(names)
    folder = directory or Path(name)
    if folder.is_symlink() or folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise FilesExistError(f"{folder} exists", "name another folder with --directory")
    try:
        for place, text in _files(names):
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_text(text, encoding="utf-8")
    except OSError as problem:
        raise EnvironmentFault(f"{folder} cannot be written: {problem.strerror}", "name another folder") from problem
    say(f"wrote {folder}; next:\n  pip install -e '{folder}[test]' && pytest {folder}\n  {_use(names, folder)}")


def _kind(text: str) -> Kind:
    """The kind by its name, in singular or plural."""
    by_name: dict[str, Kind] = {singular(kind): kind for kind in KINDS} | {kind: kind for kind in KINDS}
    if text.lower() not in by_name:
        near = nearest(text, by_name) or list(map(singular, KINDS))
        raise UnknownNameError(f"there is no package for the kind {text!r}", f"there are: {', '.join(near)}")
    return by_name[text.lower()]


def _names(name: str, kind: Kind) -> Names:
    if not _DISTRIBUTION.fullmatch(name):
        raise ConfigValueError(
            f"{name!r} is no name of a distribution",
            "letters, digits, '.', '_' and '-', a letter or digit first and last: regtrain-table",
        )
    package = re.sub(r"[-_.]+", "_", name).lower()
    if not package.isidentifier() or keyword.iskeyword(package):
        raise ConfigValueError(
            f"{name!r} would be the module {package!r}, which Python cannot import", "choose another"
        )
    normal = package.replace("_", "-")
    return Names(name, package, normal.removeprefix("regtrain-"), kind)


def _check_free(names: Names) -> None:
    """Refuse what would hide an installed module, or take the name of another plugin's offer."""
    if names.package in sys.stdlib_module_names or find_spec(names.package) is not None:
        raise ConfigValueError(
            f"{names.name!r} would be the module {names.package!r}, which is installed already",
            f"choose another name, such as regtrain-{names.offer}-{singular(names.kind)}",
        )
    from regtrain.cli import COMMANDS

    host = Host()
    taken = [offer for offer in host.offers(names.kind) if offer.name.lower().rpartition(":")[2] == names.offer]
    plugin = next((info for info in host.plugins if info.name == names.offer), None)
    owner = taken[0].distribution if taken else plugin.distribution if plugin else ""
    if names.kind == "commands" and names.offer in COMMANDS:
        owner = "regtrain"
    if owner:
        raise ConfigValueError(
            f"{names.name!r} would offer the {singular(names.kind)} {names.offer!r}, a name that {owner} has",
            "choose another name",
        )


def _files(names: Names) -> Iterator[tuple[str, str]]:
    """Path in the new package and content of each file."""
    templates = files("regtrain.templates") / "plugin"
    for place, template in SHARED.items():
        yield place.format(package=names.package), _filled(templates / template, names)
    for source in sorted((templates / names.kind).iterdir(), key=lambda file: file.name):
        folder = PLACES.get(source.name, "").format(package=names.package)
        yield f"{folder}/{source.name.removesuffix('.txt')}".lstrip("/"), _filled(source, names)
    yield f"src/{names.package}/py.typed", ""


def _filled(template: Traversable, names: Names) -> str:
    text = template.read_text(encoding="utf-8")
    for word, value in {
        "name": names.name,
        "package": names.package,
        "offer": names.offer,
        "singular": singular(names.kind),
        "summary": SUMMARIES[names.kind],
        "use": _use(names, Path()),
        "regtrain": ".".join(version("regtrain").split(".")[:2]),
    }.items():
        text = text.replace(f"@{word}@", value)
    return text


def _use(names: Names, folder: Path) -> str:
    return f"regtrain {names.offer} --help" if names.kind == "commands" else f"regtrain run {folder / 'run.yaml'}"

"""Projects of users' files: the folder of a config as a private package, with a name that says where it is."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from regtrain.targets.tree import read_source

__all__ = ["PREFIX", "Project", "current", "digest_of", "project_called", "project_of"]

PREFIX = "regtrain.targets.user"


@dataclass
class Project:
    """The imported files of one folder: module name → file or folder, and what was run of each file.

    `expected`: digests of files that are recorded as the code of a run; others than these are not run.
    """

    package: str
    base: Path
    files: dict[str, Path] = field(default_factory=dict)
    sources: dict[Path, bytes] = field(default_factory=dict)
    expected: dict[Path, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.files[self.package] = self.base

    def name_of(self, file: Path) -> str:
        """The name of a file's module; those of its packages are made known as well."""
        relative = file.relative_to(self.base)
        parts = [*relative.parent.parts, *([] if file.name == "__init__.py" else [file.stem])]
        spelled = [re.sub(r"\W", _escaped, part) for part in parts]
        folder = self.base
        for depth, part in enumerate(parts, 1):
            folder = folder / part
            self.files.setdefault(".".join([self.package, *spelled[:depth]]), folder)
        name = ".".join([self.package, *spelled])
        self.files[name] = file
        return name

    def is_current(self) -> bool:
        return all(file.is_file() and read_source(file) == source for file, source in self.sources.items())

    def place_of(self, fullname: str) -> Path | None:
        """File or folder of a module: known already, or below a package that is."""
        if fullname in self.files:
            return self.files[fullname]
        parent, _, last = fullname.rpartition(".")
        folder = self.place_of(parent) if parent.startswith(self.package) else None
        if folder is None:
            return None
        folder = folder.parent if folder.name == "__init__.py" else folder
        for name in (last, _unescaped(last).replace("/", "")):
            for place in (folder / name / "__init__.py", folder / f"{name}.py", folder / name):
                if place.exists():
                    self.files[fullname] = place
                    return place
        return None


_PROJECTS: dict[str, Project] = {}  # by package; those of earlier versions still serve what was made from them
_CURRENT: dict[Path, Project] = {}


def current(base: Path) -> Project | None:
    """The project that was imported from last."""
    return _CURRENT.get(base)


def project_of(base: Path) -> Project:
    """The project of a folder; another one where its files have changed since they were imported."""
    known = _CURRENT.get(base)
    if known is not None and known.is_current():
        return known
    count = 1 + sum(project.base == base for project in _PROJECTS.values())
    project = Project(f"{PREFIX}.{re.sub('[^A-Za-z0-9]', _escaped, str(base))}.v{count}", base)
    _PROJECTS[project.package] = _CURRENT[base] = project
    return project


def project_called(package: str) -> Project | None:
    """The project of a package; in a process that was spawned it is not known yet, and its name says where it is."""
    if package not in _PROJECTS:
        base = Path(_unescaped(package.removeprefix(PREFIX + ".").partition(".")[0]))
        if not base.is_absolute() or not base.is_dir():
            return None
        _PROJECTS[package] = Project(package, base)
        _CURRENT.setdefault(base, _PROJECTS[package])
    return _PROJECTS[package]


def _escaped(match: re.Match[str]) -> str:
    return f"_{ord(match[0]):x}_"


def _unescaped(text: str) -> str:
    return re.sub("_([0-9a-f]{1,5})_", lambda match: chr(int(match[1], 16)), text)


def digest_of(source: bytes) -> str:
    return hashlib.sha256(source).hexdigest()

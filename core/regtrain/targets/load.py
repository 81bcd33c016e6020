"""Importing a user's files under names of their own.

Each project (the folder of a config) is a private package. Two files called `common.py` in two folders are two modules,
a `queue.py` beside a model is not taken for Python's own by anybody else, and files that have changed since they were
imported are imported anew.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from regtrain.targets.tree import module_files, read_source

__all__ = ["PREFIX", "import_file", "loaded_files"]

PREFIX = "regtrain_user_"


@dataclass
class _Project:
    """The imported files of one folder: module name → file, and the digest of what was run of it."""

    package: str
    base: Path
    files: dict[str, Path] = field(default_factory=dict)
    digests: dict[Path, str] = field(default_factory=dict)

    def name_of(self, file: Path) -> str:
        """The name of a file's module; those of its packages are made known as well."""
        relative = file.relative_to(self.base)
        parts = [*relative.parent.parts, *([] if file.name == "__init__.py" else [file.stem])]
        spelled = [re.sub(r"\W", lambda match: f"_{ord(match[0]):x}_", part) for part in parts]
        folder = self.base
        for depth, part in enumerate(parts, 1):
            folder = folder / part
            self.files.setdefault(".".join([self.package, *spelled[:depth]]), folder)
        name = ".".join([self.package, *spelled])
        self.files[name] = file
        return name

    def is_current(self) -> bool:
        return all(file.is_file() and _digest(read_source(file)) == digest for file, digest in self.digests.items())


_PROJECTS: dict[Path, _Project] = {}
_COUNT = 0


def import_file(file: Path, base: Path) -> ModuleType:
    """The module of a file below `base`, run once for as long as nothing that was imported from there changes.

    Raises:
        Exception: whatever the file raises.
    """
    project = _project(base)
    return importlib.import_module(project.name_of(file))


def loaded_files(base: Path) -> tuple[Path, ...]:
    """The files below `base` that were run, in the order in which they were."""
    project = _PROJECTS.get(base)
    return tuple(project.digests) if project else ()


def _project(base: Path) -> _Project:
    global _COUNT  # noqa: PLW0603 - names of modules are global too
    known = _PROJECTS.get(base)
    if known is not None and known.package in sys.modules and known.is_current():
        return known
    _COUNT += 1
    digest = hashlib.sha256(str(base).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    project = _Project(f"{PREFIX}{digest}_{_COUNT}", base)
    package = ModuleType(project.package)
    package.__path__ = []  # it has no place of its own: the finder below knows each of its modules
    sys.modules[project.package] = package
    _PROJECTS[base] = project
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    return project


class _Finder(importlib.abc.MetaPathFinder):
    """Finds modules of projects; every other name is left to Python."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(PREFIX):
            return None
        project = next((p for p in _PROJECTS.values() if fullname.startswith(p.package + ".")), None)
        place = _place(project, fullname) if project else None
        if project is None or place is None:
            return None
        if place.is_dir():
            init = place / "__init__.py"
            if not init.is_file():
                spec = ModuleSpec(fullname, None, is_package=True)
                spec.submodule_search_locations = [str(place)]
                return spec
            place = init
        loader = _Loader(fullname, str(place), project)
        packages = [str(place.parent)] if place.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(
            fullname, place, loader=loader, submodule_search_locations=packages
        )


def _place(project: _Project, fullname: str) -> Path | None:
    """File or folder of a module: known already, or below a package that is."""
    if fullname in project.files:
        return project.files[fullname]
    parent, _, last = fullname.rpartition(".")
    folder = project.files.get(parent)
    if folder is None:
        return None
    folder = folder.parent if folder.name == "__init__.py" else folder
    for place in (folder / last / "__init__.py", folder / f"{last}.py", folder / last):
        if place.exists():
            project.files[fullname] = place
            return place
    return None


class _Loader(importlib.machinery.SourceFileLoader):
    """Runs a source file with an `import` that sees the project first. Compiled files are neither read nor written:
    their age does not tell two edits of one second apart."""

    def __init__(self, fullname: str, path: str, project: _Project) -> None:
        super().__init__(fullname, path)
        self._project = project

    def get_code(self, fullname: str) -> CodeType:
        file = Path(self.path)
        source = read_source(file)
        self._project.digests[file] = _digest(source)
        return compile(source, self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import_of(self._project, Path(self.path))}
        super().exec_module(module)


def _import_of(project: _Project, importer: Path) -> Any:
    """`__import__` for the code of one file."""

    def seeing_the_project(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        names = tuple(fromlist or ())
        files = module_files(name, [n for n in names if n != "*"], importer, project.base) if level == 0 else ()
        if not files:
            return builtins.__import__(name, globals, locals, names, level)
        module = _module(project, name, files)
        for wanted in names:
            if wanted != "*" and not hasattr(module, wanted) and _place(project, f"{module.__name__}.{wanted}"):
                importlib.import_module(f"{module.__name__}.{wanted}")
        depth = name.count(".")
        return module if names else sys.modules[module.__name__.rsplit(".", depth)[0]]

    return seeing_the_project


def _module(project: _Project, name: str, files: Sequence[Path]) -> ModuleType:
    """The module of a dotted name, which is the innermost of these files, or the folder that they are taken from."""
    last = name.rpartition(".")[2]
    own = [file for file in files if (file.parent.name if file.name == "__init__.py" else file.stem) == last]
    if own:
        return importlib.import_module(project.name_of(own[-1]))
    project.name_of(files[-1])
    folder = project.name_of(files[-1]).rpartition(".")[0]
    return importlib.import_module(folder)


def _digest(source: bytes) -> str:
    return hashlib.sha256(source).hexdigest()

"""Importing a user's files under names of their own.

Each project (the folder of a config) is a private package. Two files called `common.py` in two folders are two modules,
a `queue.py` beside a model is not taken for Python's own by anybody else, and files that have changed since they were
imported are imported anew. Only import statements see the project: `importlib.import_module` needs a relative name and
`__package__`, since it does not say which file asks.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from regtrain.targets.project import PREFIX, Project, current, digest_of, project_called, project_of
from regtrain.targets.tree import module_files, read_source

__all__ = ["Finder", "expect", "import_file", "loaded_sources"]


def expect(base: Path, sources: Mapping[Path, bytes]) -> None:
    """Note what is recorded as the code of a run: files below `base` that are imported later must be the same."""
    project_of(base).expected.update({file: digest_of(source) for file, source in sources.items()})


def import_file(file: Path, base: Path) -> ModuleType:
    """The module of a file below `base`, run once for as long as nothing that was imported from there changes.

    Raises:
        ImportError: the file is not what is recorded as the code of the run.
        Exception: whatever the file raises.
    """
    known = current(base)
    project = project_of(base)
    if known is not None and known is not project:  # a run has begun, and its files have changed since
        project.expected = {**known.expected, **project.expected}
    return importlib.import_module(project.name_of(file))


def loaded_sources(base: Path) -> dict[Path, bytes]:
    """The files below `base` that were run, in the order in which they were, and what they held."""
    project = current(base)
    return dict(project.sources) if project else {}


class Finder(importlib.abc.MetaPathFinder):
    """Finds modules of projects; every other name is left to Python."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(PREFIX + "."):
            return None
        project_name, _, rest = fullname.removeprefix(PREFIX + ".").partition(".")
        if not rest:
            return _folder(fullname)
        project = project_called(".".join([PREFIX, project_name, rest.partition(".")[0]]))
        place = project.place_of(fullname) if project else None
        if project is None or place is None:
            return None
        if fullname == project.package:
            return _folder(fullname)
        if place.is_dir():
            init = place / "__init__.py"
            if not init.is_file():
                return _folder(fullname, place)
            place = init
        loader = _Loader(fullname, str(place), project)
        packages = [str(place.parent)] if place.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(
            fullname, place, loader=loader, submodule_search_locations=packages
        )


def _folder(fullname: str, *places: Path) -> ModuleSpec:
    """A package without a file."""
    spec = ModuleSpec(fullname, None, is_package=True)
    spec.submodule_search_locations = list(map(str, places))
    return spec


class _Loader(importlib.machinery.SourceFileLoader):
    """Runs a source file with an `import` that sees the project first. Compiled files are neither read nor written:
    their age does not tell two edits of one second apart."""

    def __init__(self, fullname: str, path: str, project: Project) -> None:
        super().__init__(fullname, path)
        self._project = project

    def get_code(self, fullname: str) -> CodeType:
        file = Path(self.path)
        source = read_source(file)
        digest = digest_of(source)
        if self._project.expected.get(file, digest) != digest:
            raise ImportError(f"{file} has changed since the run began; start the run again")
        self._project.sources[file] = source
        return compile(source, self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import_of(self._project, Path(self.path))}
        super().exec_module(module)


def _import_of(project: Project, importer: Path) -> Any:
    """`__import__` for the code of one file. What a name means is looked up once: functions import in loops, too."""
    known: dict[tuple[str, tuple[str, ...]], ModuleType | None] = {}

    def seeing_the_project(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        names = tuple(fromlist or ())
        if level or known.get((name, names), ...) is None:
            return builtins.__import__(name, globals, locals, names, level)
        module = known.get((name, names))
        if module is None:
            files = module_files(name, [n for n in names if n != "*"], importer, project.base)
            if not files:
                known[name, names] = None
                return builtins.__import__(name, globals, locals, names, level)
            module = _module(project, name, files)
            for wanted in names:
                if wanted != "*" and not hasattr(module, wanted) and project.place_of(f"{module.__name__}.{wanted}"):
                    importlib.import_module(f"{module.__name__}.{wanted}")
            known[name, names] = module
        return module if names else sys.modules[module.__name__.rsplit(".", name.count("."))[0]]

    return seeing_the_project


def _module(project: Project, name: str, files: Sequence[Path]) -> ModuleType:
    """The module of a dotted name, which is the innermost of these files, or the folder that they are taken from."""
    last = name.rpartition(".")[2]
    own = [file for file in files if (file.parent.name if file.name == "__init__.py" else file.stem) == last]
    if own:
        return importlib.import_module(project.name_of(own[-1]))
    project.name_of(files[-1])
    folder = project.name_of(files[-1]).rpartition(".")[0]
    return importlib.import_module(folder)

"""A user's own factory: `./file.py:function` beside the config, or an installed package that was allowed.

A config may come from somebody else. It may name a file that lies beside it, which its reader can look at; it may not
name an installed package, since `os:system` is one.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import inspect
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regtrain.errors import ConfigValueError, ImportNotAllowedError, RegtrainError, nearest
from regtrain.targets.load import import_file
from regtrain.targets.tree import imported_by, read_source

__all__ = ["Target", "accepted_arguments", "find_target", "load_target"]


@dataclass(frozen=True)
class Target:
    """Where a factory is: in `file`, below the config's folder `base`, or in an installed `module`."""

    key: str
    function: str
    file: Path | None = None
    module: str = ""
    base: Path = Path()

    @property
    def files(self) -> tuple[Path, ...]:
        """The file, and what it imports from the project, and so on; none for an installed module."""
        return tuple(self.read())

    @property
    def digest(self) -> str:
        """Digest of the files and of their places in the project, or the name of the installed module."""
        return self.digest_of(self.read())

    def read(self) -> dict[Path, bytes]:
        """The files, each with what it holds now, read once.

        Raises:
            ConfigValueError: one cannot be read, or is no source file by its size.
        """
        if self.file is None:
            return {}
        waiting = [*packages_of(self.file, self.base), self.file]
        found: dict[Path, bytes] = {}
        while waiting:
            file = waiting.pop(0)
            if file not in found:
                try:
                    found[file] = read_source(file)
                except (OSError, ValueError) as problem:
                    raise ConfigValueError(f"{self.key}: {problem}", "mend the file") from None
                waiting += imported_by(file, found[file], self.base)
        return found

    def digest_of(self, sources: Mapping[Path, bytes]) -> str:
        """The digest of what was read."""
        if self.file is None:
            return self.module
        if list(sources) == [self.file]:
            return "sha256:" + hashlib.sha256(sources[self.file]).hexdigest()
        hasher = hashlib.sha256()
        for file in sorted(sources):
            content = hashlib.sha256(sources[file]).hexdigest()
            hasher.update(f"{file.relative_to(self.base).as_posix()} {content}\n".encode("utf-8", "surrogateescape"))
        return "sha256:" + hasher.hexdigest()


def packages_of(file: Path, base: Path) -> list[Path]:
    """The `__init__.py` of the packages that a file lies in, outermost first: they run before it."""
    folders = [folder for folder in file.parents if folder != base and base in folder.parents]
    return [folder / "__init__.py" for folder in reversed(folders) if (folder / "__init__.py").is_file()]


def find_target(key: str, text: str, base_dir: Path, allow_imports: Collection[str]) -> Target:
    """The factory that `text` names, checked without running it.

    Raises:
        ConfigValueError: malformed, no such file, outside the config's folder, or no such function in it.
        ImportNotAllowedError: an installed package that was not allowed.
    """
    place, colon, function = text.rpartition(":")
    if not colon or not function.isidentifier() or not place:
        raise ConfigValueError(f"{key}: {text!r} is no target", "write ./file.py:function, or package.module:function")
    if not place.endswith(".py"):
        return _in_package(key, place, function, allow_imports)
    if "\0" in place:
        raise ConfigValueError(f"{key}: {text!r} is no target", "write ./file.py:function")
    file = Path(os.path.realpath(base_dir / place))  # unlike resolve(), it takes a link to itself
    if not file.is_relative_to(base_dir.resolve()):
        raise ConfigValueError(f"{key}: {place} lies outside {base_dir}", "keep the file beside the config")
    if not file.is_file():
        raise ConfigValueError(f"{key}: there is no file {file}", "the path is relative to the config's folder")
    defined = _defined(key, file)
    if function not in defined and "*" not in defined:
        near = nearest(function, defined) or sorted(defined)
        raise ConfigValueError(f"{key}: {file} defines no {function!r}", f"it defines: {', '.join(near) or 'nothing'}")
    return Target(key, function, file, base=base_dir.resolve())


def _in_package(key: str, module: str, function: str, allow_imports: Collection[str]) -> Target:
    package = module.partition(".")[0]
    if not all(part.isidentifier() for part in module.split(".")):
        raise ConfigValueError(
            f"{key}: {module!r} is no module", "write ./file.py:function, or package.module:function"
        )
    if package not in allow_imports:
        raise ImportNotAllowedError(
            f"{key}: {module}:{function} imports the installed package {package!r}, which was not allowed",
            f"if you trust this config, say --allow-import {package}; a file beside the config needs no permission",
        )
    return Target(key, function, module=module)


def _defined(key: str, file: Path) -> set[str]:
    """Names that a file defines or imports at its top level."""
    try:
        tree = ast.parse(read_source(file), str(file))
    except (SyntaxError, ValueError, OSError, RecursionError) as problem:
        line = getattr(problem, "lineno", None)
        raise ConfigValueError(f"{key}: {file}:{line or 1} is not Python: {problem}", "mend the file") from None
    return set(_names(tree.body))


def _names(body: Iterable[ast.stmt]) -> Iterator[str]:
    """What statements bind, also those under a top-level `if`, `try` or `with`; function bodies bind nothing here."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif not isinstance(node, ast.AsyncFunctionDef):
            yield from (n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
            for block in ("body", "orelse", "finalbody"):
                yield from _names(getattr(node, block, ()))
            for handler in getattr(node, "handlers", ()):
                yield from _names(handler.body)


def load_target(target: Target) -> Callable[..., Any]:
    """Import the factory; its file sees the modules of the project, then installed ones.

    Raises:
        RegtrainError: the import fails; the user's own line is named.
    """
    try:
        module = import_file(target.file, target.base) if target.file else importlib.import_module(target.module)
        found = getattr(module, target.function)
    except RegtrainError:
        raise
    except (Exception, SystemExit, GeneratorExit) as problem:
        where = target.file or target.module
        raise ConfigValueError(
            f"{target.key}: import of {where} failed: {type(problem).__name__}: {problem}", _last_line(problem, where)
        ) from problem
    if not callable(found):
        raise ConfigValueError(f"{target.key}: {target.function} is no function", "name a function or a class")
    return found  # type: ignore[no-any-return]


def _last_line(problem: BaseException, where: object) -> str:
    import traceback

    frames = [frame for frame in traceback.extract_tb(problem.__traceback__) if frame.filename == str(where)]
    return f"at {frames[-1].filename}:{frames[-1].lineno}" if frames else "the trace is in train.log"


def accepted_arguments(factory: Callable[..., Any]) -> set[str] | None:
    """Names that a factory takes as keywords; None when it takes any, or cannot be asked."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}

"""A user's own factory: `./file.py:function` beside the config, or an installed package that was allowed.

A config may come from a stranger. It may name a file that lies beside it, which its reader can look at; it may not name
an installed package, since `os:system` is one.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regtrain.errors import ConfigValueError, ImportNotAllowedError, RegtrainError, nearest

__all__ = ["Target", "accepted_arguments", "find_target", "load_target"]


@dataclass(frozen=True)
class Target:
    """Where a factory is: in `file` (module is empty), or in the installed `module`."""

    key: str
    function: str
    file: Path | None = None
    module: str = ""

    @property
    def files(self) -> tuple[Path, ...]:
        """The file, and what it imports from its own folder, and so on; none for an installed module."""
        if self.file is None:
            return ()
        found, waiting = [self.file], [self.file]
        while waiting:
            for file in _imported(waiting.pop(), self.file.parent):
                if file not in found:
                    found.append(file)
                    waiting.append(file)
        return tuple(found)

    @property
    def digest(self) -> str:
        """Digest of the files, or the name of the installed module."""
        if self.file is None:
            return self.module
        first, *others = self.files
        hasher = hashlib.sha256(first.read_bytes())
        for file in sorted(others):
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            hasher.update(f"{file.relative_to(first.parent).as_posix()} {content}".encode())
        return "sha256:" + hasher.hexdigest()


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
    file = (base_dir / place).resolve()
    if not file.is_relative_to(base_dir.resolve()):
        raise ConfigValueError(f"{key}: {place} lies outside {base_dir}", "keep the file beside the config")
    if not file.is_file():
        raise ConfigValueError(f"{key}: there is no file {file}", "the path is relative to the config's folder")
    defined = _defined(key, file)
    if function not in defined and "*" not in defined:
        near = nearest(function, defined) or sorted(defined)
        raise ConfigValueError(f"{key}: {file} defines no {function!r}", f"it defines: {', '.join(near) or 'nothing'}")
    return Target(key, function, file)


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
        tree = ast.parse(file.read_bytes(), str(file))
    except (SyntaxError, ValueError) as problem:
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


def _imported(file: Path, folder: Path) -> Iterator[Path]:
    """Files below `folder` that a file names in its imports, with the packages that they lie in."""
    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except (SyntaxError, ValueError, OSError):
        return  # importing it says what is wrong
    for node in ast.walk(tree):
        start, names = folder, []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = file.parents[node.level - 1] if 0 < node.level <= len(file.parents) else folder
            module = node.module or ""
            names = [module, *(f"{module}.{alias.name}".lstrip(".") for alias in node.names if alias.name != "*")]
        for name in filter(None, names):
            parts = name.split(".")
            packages = [start.joinpath(*parts[:count], "__init__.py") for count in range(1, len(parts) + 1)]
            for path in (*packages, start.joinpath(*parts).with_suffix(".py")):
                if path.is_file() and path.resolve().is_relative_to(folder):
                    yield path.resolve()


def load_target(target: Target) -> Callable[..., Any]:
    """Import the factory; the folder of its file can be imported from while and after that.

    Raises:
        RegtrainError: the import fails; the user's own line is named.
    """
    try:
        module = importlib.import_module(target.module) if target.module else _load_file(target.file)
        found = getattr(module, target.function)
    except RegtrainError:
        raise
    except (Exception, SystemExit) as problem:
        where = target.file or target.module
        raise ConfigValueError(
            f"{target.key}: import of {where} failed: {type(problem).__name__}: {problem}", _last_line(problem, where)
        ) from problem
    if not callable(found):
        raise ConfigValueError(f"{target.key}: {target.function} is no function", "name a function or a class")
    return found  # type: ignore[no-any-return]


def _load_file(file: Path | None) -> Any:
    assert file is not None
    name = f"regtrain_user_{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and workers look their module up by name
    folder = str(file.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


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

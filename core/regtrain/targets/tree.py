"""Which files of a project an import means: the same answer before anything is run and while it is imported.

A file sees the modules of its own folder and of the folders above it, up to the folder of the config, before installed
packages, as a script sees those beside it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from regtrain.bounded import read_bounded

__all__ = ["MAX_SOURCE", "imported_by", "module_files", "read_source"]

MAX_SOURCE = 16 << 20  # bytes


def module_files(name: str, names: Sequence[str], importer: Path, base: Path) -> tuple[Path, ...]:
    """The files that an absolute import runs, from the outermost package to the module; none for an installed module.

    Args:
        name: what is imported, such as `lib.blocks`.
        names: what is taken from it; a folder without `__init__.py` counts where it holds one of these.
        importer: the file that holds the import; it lies below `base`.
    """
    for folder in _upwards(importer.parent, base):
        found = _below(folder, name.split("."), names)
        if found:
            return found
    return ()


def _upwards(folder: Path, base: Path) -> Iterator[Path]:
    yield folder
    while folder != base and base in folder.parents:
        folder = folder.parent
        yield folder


def _below(folder: Path, parts: Sequence[str], names: Sequence[str]) -> tuple[Path, ...]:
    """Files of a dotted module below one folder; a folder without `__init__.py` has no file of its own."""
    packages: list[Path] = []
    for part in parts[:-1]:
        folder = folder / part
        if not folder.is_dir():
            return ()
        if (folder / "__init__.py").is_file():
            packages.append(folder / "__init__.py")
    last = folder / parts[-1]
    if (last / "__init__.py").is_file():
        return (*packages, last / "__init__.py", *_taken(last, names))
    if last.with_name(last.name + ".py").is_file():
        return (*packages, last.with_name(last.name + ".py"))
    taken = _taken(last, names) if last.is_dir() else ()
    return (*packages, *taken) if taken else ()


def _taken(folder: Path, names: Sequence[str]) -> tuple[Path, ...]:
    """Modules of a package that are taken from it by name."""
    candidates = (path for name in names for path in (folder / name / "__init__.py", folder / f"{name}.py"))
    return tuple(path for path in candidates if path.is_file())


def imported_by(file: Path, source: bytes, base: Path) -> Iterator[Path]:
    """Files of the project that a file names in its imports, also in those inside of functions."""
    try:
        tree = ast.parse(source, str(file))
    except (SyntaxError, ValueError, RecursionError):
        return  # importing it says what is wrong
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from module_files(alias.name, (), file, base)
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names if alias.name != "*"]
            if node.level == 0:
                yield from module_files(node.module or "", names, file, base)
            elif node.level <= len(file.relative_to(base).parts):
                yield from _relative(file.parents[node.level - 1], node.module, names)


def _relative(folder: Path, module: str | None, names: Sequence[str]) -> tuple[Path, ...]:
    own = (folder / "__init__.py",) if (folder / "__init__.py").is_file() else ()
    return (*own, *(_below(folder, module.split("."), names) if module else _taken(folder, names)))


def read_source(file: Path) -> bytes:
    """The content of a source file.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is no regular file, or a very large one.
    """
    return read_bounded(file, MAX_SOURCE)

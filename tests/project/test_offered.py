"""`__all__` says what a module offers, neither less nor more than others take."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = tuple(ROOT / name for name in ("core", "registry", "plugins"))
READERS = (*SOURCES, *(ROOT / name for name in ("tests", "benchmarks", "docs", "examples")))
CODE_BLOCK = re.compile(r"```(?:py|python)\n(.*?)```", re.DOTALL)

Taken = set[tuple[str, str]]


def _name(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(file, root): file for root in SOURCES for file in root.rglob("*.py")}


@cache
def offered(module: str) -> frozenset[str]:
    """What its `__all__` names."""
    for statement in ast.parse(MODULES[module].read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
            return frozenset(ast.literal_eval(statement.value))
    return frozenset()


def taken(source: str) -> Taken:
    """Module and name of whatever of ours a source imports by name, or reaches through a module."""
    nodes = list(ast.walk(ast.parse(source)))
    pairs = [(n.module, alias) for n in nodes if isinstance(n, ast.ImportFrom) and n.module for alias in n.names]
    modules = {alias.asname or alias.name: f"{m}.{alias.name}" for m, alias in pairs if f"{m}.{alias.name}" in MODULES}
    found = {(m, alias.name) for m, alias in pairs if m in MODULES and f"{m}.{alias.name}" not in MODULES}

    def module_of(node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return modules.get(node.id)
        name = f"{module_of(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else None
        return name if name in MODULES else None

    for node in nodes:
        if isinstance(node, ast.Attribute) and (module := module_of(node.value)):
            found.add((module, node.attr))
    return {(module, name) for module, name in found if not name.startswith("__")}


def _texts(folder: Path) -> Iterator[str]:
    yield from (file.read_text() for file in folder.rglob("*.py"))
    for page in folder.rglob("*.md"):
        yield from (block for block in CODE_BLOCK.findall(page.read_text()) if "import" in block)


def test_what_others_import_is_offered() -> None:
    """Every name that the source takes from another module of ours stands in that one's `__all__`."""
    found = {pair for folder in SOURCES for text in _texts(folder) for pair in taken(text)}
    assert len(found) > 300
    assert sorted((module, name) for module, name in found if name not in offered(module)) == []


def test_what_is_offered_is_there_and_is_wanted() -> None:
    """Every name of the registry's `__all__` exists, and somebody takes it, unless the package itself offers it."""
    wanted = {pair for folder in READERS for text in _texts(folder) for pair in taken(text)}
    names = [(m, name) for m in MODULES if m.startswith("regtrain_registry.") for name in offered(m)]
    assert len(names) > 200
    assert [pair for pair in sorted(names) if not hasattr(import_module(pair[0]), pair[1])] == []
    public = offered("regtrain_registry") | offered("regtrain_registry.testing")
    assert [pair for pair in sorted(names) if pair not in wanted and pair[1] not in public] == []

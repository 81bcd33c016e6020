"""One given value with its address and its origin, and the tree that later layers write over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["DEFAULT", "Leaf", "Path", "Source", "Tree", "dotted", "flatten", "split_dotted"]

Path = tuple[str, ...]
Kind = Literal["default", "file", "overlay", "environment", "command line"]

_SEGMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^."]*)', re.DOTALL)
_PLAIN_SEGMENT = re.compile(r'[^."\\]+')


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value was given: `run.yaml:12`, `REGTRAIN_BATCH_SIZE`, `epochs=3`, `--epochs`, `default`."""

    kind: Kind
    text: str

    def __str__(self) -> str:
        return self.text


DEFAULT = Source("default", "default")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value as given. `path` becomes canonical on the way; `written` stays what the user wrote.

    `place` is the origin as messages show it: for a file the whole path, so that an editor can jump there.
    """

    path: Path
    value: Any
    source: Source
    place: str
    written: Path


def dotted(path: Path) -> str:
    """`optimizer.groups."encoder.0".lr`: segments with a dot or quote inside stand in quotes."""
    return ".".join(s if _PLAIN_SEGMENT.fullmatch(s) else _quoted(s) for s in path)


def _quoted(segment: str) -> str:
    escaped = segment.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def split_dotted(text: str) -> Path:
    """The reverse of `dotted`.

    Raises:
        ValueError: an empty segment or a quote that is not closed.
    """
    segments, position = [], 0
    while True:
        match = _SEGMENT.match(text, position)
        if match is None or (match[1] is None and not match[2]):
            raise ValueError(f"{text!r} is not a key: write names with dots between them")
        segments.append(match[2] if match[1] is None else re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL))
        position = match.end()
        if position == len(text):
            return tuple(segments)
        if text[position] != ".":
            raise ValueError(f"{text!r} is not a key: a dot is missing at character {position + 1}")
        position += 1


def flatten(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every leaf under a mapping; lists and empty mappings count as leaves."""
    if isinstance(value, Mapping) and value:
        for key, child in value.items():
            yield from flatten(child, (*path, key))
    else:
        yield path, value


@dataclass(slots=True)
class Tree:
    """Leaves by path; what is put in later replaces what stood at, above or below its path."""

    nodes: dict[str, Any] = field(default_factory=dict)

    def put(self, leaf: Leaf) -> None:
        """Write one leaf. An empty mapping makes the branch and keeps what it already holds."""
        branch = self.nodes
        steps = leaf.path if leaf.value == {} and isinstance(leaf.value, dict) else leaf.path[:-1]
        for step in steps:
            below = branch.get(step)
            if not isinstance(below, dict):
                below = branch[step] = {}
            branch = below
        if steps != leaf.path:
            branch[leaf.path[-1]] = leaf

    def drop(self, path: Path) -> None:
        """Remove the value at the path, if there is one."""
        branch = self.branch(path[:-1])
        if branch is not None:
            branch.pop(path[-1], None)

    def branch(self, path: Path) -> dict[str, Any] | None:
        """The branch at the path, or None where there is a leaf or nothing."""
        node: Any = self.nodes
        for step in path:
            node = node.get(step) if isinstance(node, dict) else None
        return node if isinstance(node, dict) else None

    def leaf(self, path: Path) -> Leaf | None:
        """The leaf at exactly this path."""
        branch = self.branch(path[:-1])
        found = branch.get(path[-1]) if branch is not None else None
        return found if isinstance(found, Leaf) else None

    def plain(self) -> dict[str, Any]:
        """The nested values without their origins."""
        return {key: _plain(node) for key, node in self.nodes.items()}


def _plain(node: Any) -> Any:
    return node.value if isinstance(node, Leaf) else {key: _plain(child) for key, child in node.items()}

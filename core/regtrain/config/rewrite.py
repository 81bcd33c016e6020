"""Accepted spelling → canonical path, one leaf at a time; and what to say about keys that have none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from regtrain.config.keys import KeyInfo, all_keys, find, pattern, root
from regtrain.config.leaves import Leaf, Path, dotted, split_dotted
from regtrain.config.spellings import SCALAR_KEYS, rules, spelled_at
from regtrain.errors import nearest

__all__ = ["UnknownKey", "is_known", "is_spelled_section", "rewrite", "rewrite_path", "unknown_key"]

_SEARCH_SPACE = ("tuning", "search_space")


def rewrite(leaf: Leaf) -> list[Leaf]:
    """The leaf under its canonical path. A list of trackers becomes several leaves, all else stays one."""
    return [replace(leaf, path=path, value=value) for path, value in rewrite_path(leaf.path, leaf.value)]


def rewrite_path(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    """Canonical paths and values; what no rule knows keeps its path, for `unknown_key` to judge."""
    path = _settle(path, value)
    spread = list(_in_place_of_section(path, value))
    if spread == [(path, value)]:
        yield path, value
    else:
        for inner_path, inner_value in spread:
            yield from rewrite_path(inner_path, inner_value)


def _settle(path: Path, value: Any) -> Path:
    """Apply rules until none fits. Each rule ends in a canonical path, so that this comes to an end."""
    while True:
        # Only what the table does not know is an argument: `lr_scheduler.type` is `scheduler.type` is the name.
        while (step := _by_table(path)) != path:
            path = step
        step = _into_open_arguments(_search_key(path), value)
        if step == path:
            return path
        path = step


def _by_table(path: Path) -> Path:
    shape = pattern(path)
    for length in range(len(path), 0, -1):
        target = rules().get(shape[:length])
        if target is not None:
            # A `*` on the right is the same segment as on the left.
            named = tuple(path[i] if part == "*" else part for i, part in enumerate(target))
            return (*named, *path[length:])
    return path


def _search_key(path: Path) -> Path:
    """Keys of a search space are themselves keys of the config: `learning_rate` → `optimizer.lr`."""
    if path[:2] != _SEARCH_SPACE or len(path) < 3:
        return path
    try:
        found = list(rewrite_path(split_dotted(path[2]), ""))
    except ValueError:
        return path
    if len(found) != 1 or not is_known(found[0][0]):
        return path
    return (*_SEARCH_SPACE, dotted(found[0][0]), *path[3:])


def _into_open_arguments(path: Path, value: Any) -> Path:
    info, depth = find(path)
    if depth == len(path) or not info.is_open:
        return path
    below_is_mapping = len(path) > depth + 1 or isinstance(value, dict)
    if "groups" in info.children and below_is_mapping:
        return (*path[:depth], "groups", *path[depth:])
    return (*path[:depth], "args", *path[depth:])


def _in_place_of_section(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    """`optimizer: adamw` → `.name`, `early_stopping: true` → `.enabled`, `export: [onnx]` → `.formats`."""
    info, depth = find(path)
    whole = depth == len(path) and path
    if not whole or value is None or isinstance(value, dict) or info.kind not in {"section", "names"}:
        yield path, value
    elif path in (("trackers",), ("callbacks",)) and (names := _as_names(value)):
        for name in names:
            yield (*path, name.lower(), "enabled"), True
    elif dotted(path) in SCALAR_KEYS and not isinstance(value, bool):
        key = SCALAR_KEYS[dotted(path)]
        yield (*path, key), [value] if key == "formats" and isinstance(value, str) else value
    elif isinstance(value, bool) and "enabled" in info.children:
        yield (*path, "enabled"), value
    elif isinstance(value, str) and "name" in info.children:
        yield (*path, "name"), value
    else:
        yield path, value


def _as_names(value: Any) -> list[str]:
    names = value if isinstance(value, list) else [value]
    return names if all(isinstance(name, str) and name for name in names) else []


def is_known(path: Path) -> bool:
    """Whether the canonical path is a key, an argument of an open section, or lies below a value."""
    return bool(path) and _first_unknown(path) is None


def _first_unknown(path: Path) -> tuple[KeyInfo, int] | None:
    """The section that does not have the key, and the index of that key in the path."""
    info, depth = find(path)
    if path[:2] == _SEARCH_SPACE and len(path) > 2 and not _is_search_key(path[2]):
        return root(), 2
    if depth == len(path) or info.kind in {"args", "value"}:
        return None
    return info, depth


def _is_search_key(key: str) -> bool:
    try:
        info, depth = find(path := split_dotted(key))
    except ValueError:
        return False
    return info.kind == ("value" if depth == len(path) else "args")


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """A key that does not exist, as written; the nearest right ones; and all keys beside it."""

    key: str
    near: tuple[str, ...]
    beside: tuple[str, ...]

    def advice(self) -> str:
        """What to write instead, as a sentence."""
        if not self.near:
            return f"The keys there are {', '.join(self.beside)}."
        *first, last = self.near
        return f"Did you mean {', '.join(first)} or {last}?" if first else f"Did you mean {last}?"


def unknown_key(leaf: Leaf) -> UnknownKey | None:
    """What is wrong with a leaf's key, or None when the key exists."""
    found = _first_unknown(leaf.path)
    if found is None:
        return None
    info, depth = found
    while info is root() and depth < len(leaf.path) and is_spelled_section(leaf.path[: depth + 1]):
        depth += 1
    # Rules change the front of a path only, so that both paths agree when counted from the end.
    index = max(len(leaf.written) - (len(leaf.path) - depth), 0)
    prefix = () if leaf.path[:2] == _SEARCH_SPACE else leaf.written[:index]
    wrong = leaf.written[: index + 1]
    near = _suggestions(wrong[-1] if index < len(leaf.written) else "", info, prefix)
    beside = tuple(name if name != "*" else "NAME" for name in info.children)
    return UnknownKey(dotted(wrong), tuple(near), beside)


def is_spelled_section(path: Path) -> bool:
    """Whether the path is a section in the table of spellings only, such as `gpu`."""
    return bool(spelled_at(path)) and find(path)[1] < len(path)


def _suggestions(word: str, section: KeyInfo, prefix: Path) -> list[str]:
    """Keys and spellings of the section near to `word`; else canonical keys elsewhere that end in `word`."""
    if is_spelled_section(prefix):
        choices = spelled_at(prefix)
        return [dotted((*prefix, choice)) for choice in (nearest(word, choices) or choices)]
    choices = (*(c for c in section.children if c != "*"), *spelled_at(section.path))
    near = [dotted((*prefix, choice)) for choice in nearest(word, dict.fromkeys(choices))]
    return near or [dotted(key.path) for key in all_keys() if key.path[-1] == word and "*" not in key.path][:3]

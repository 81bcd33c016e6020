"""The errors of the schema in the user's own keys and lines."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from regtrain.config.keys import KeyInfo, allowed, find
from regtrain.config.leaves import Leaf, Path, Tree, dotted
from regtrain.config.rewrite import unknown_key
from regtrain.config.scalars import looks_like_number
from regtrain.errors import ConfigKeyError, ConfigValueError
from regtrain.redact import redact_text

__all__ = ["key_problems", "number_problems", "raise_problems", "value_problems"]

_MOST_LINES = 20
_YES_NO = frozenset({"yes", "no", "on", "off", "y", "n"})


def raise_problems(keys: list[str], values: list[str]) -> None:
    """Raise all problems at once, one a line.

    Raises:
        ConfigKeyError: there is a wrong key (wrong values stand below it).
        ConfigValueError: there are only wrong values.
    """
    lines = list(dict.fromkeys([*keys, *values]))
    if not lines:
        return
    more = [f"… and {len(lines) - _MOST_LINES} more"] if len(lines) > _MOST_LINES else []
    message = "\n".join(lines[:_MOST_LINES] + more)
    hint = "`regtrain config explain KEY` says what a key means and what it takes."
    raise (ConfigKeyError if keys else ConfigValueError)(message, hint)


def key_problems(leaves: Iterable[Leaf]) -> Iterator[tuple[Leaf, str]]:
    """Leaves whose key does not exist, each with its line of message."""
    shown: dict[tuple[str, str], str] = {}
    for leaf in leaves:
        # Similar names are slow to find: no more are searched than will be shown.
        if len(shown) > _MOST_LINES:
            return
        found = unknown_key(leaf)
        if found is not None:
            line = f"{leaf.place}: no such key {found.key}. {found.advice()}"
            yield leaf, shown.setdefault((leaf.place, found.key), line)


def number_problems(leaves: Iterable[Leaf]) -> Iterator[str]:
    """Infinite numbers and NaN, wherever they stand: JSON and databases do not hold them."""
    for leaf in leaves:
        if any(isinstance(value, float) and not math.isfinite(value) for value in _scalars(leaf.value)):
            yield f"{leaf.place}: {dotted(leaf.written)} must be a finite number, got {shown(leaf.value)}"


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _scalars(child)
    else:
        yield value


def value_problems(error: ValidationError, tree: Tree) -> list[str]:
    """One line for each wrong value."""
    lines: dict[Path, str] = {}
    for detail in error.errors(include_url=False):
        if isinstance(detail["input"], float) and not math.isfinite(detail["input"]):
            continue  # reported by number_problems already
        path, leaf = _locate(detail["loc"], tree)
        lines.setdefault(path, _line(detail, path, leaf))
    # Where a mapping or a list may stand, a wrong key inside the mapping says more than "is no list".
    outer = {path[:end] for path in lines for end in range(len(path))}
    return [line for path, line in lines.items() if path not in outer]


def _locate(location: tuple[int | str, ...], tree: Tree) -> tuple[Path, Leaf | None]:
    """The leaf that an error is about. Segments that are no keys (names of union members) are passed over."""
    node: Any = tree.nodes
    path: Path = ()
    for segment in location:
        if isinstance(node, dict) and segment in node:
            node = node[segment]
            path = (*path, str(segment))
    while isinstance(node, dict) and node:
        node = next(iter(node.values()))
    return path, node if isinstance(node, Leaf) else None


def _line(detail: ErrorDetails, path: Path, leaf: Leaf | None) -> str:
    place = f"{leaf.place}: " if leaf else ""
    info, _ = find(path)
    # For a section the leaf is one of its keys, so that the canonical path names the culprit better.
    key = dotted(leaf.written) if leaf and len(leaf.path) <= len(path) else dotted(path)
    if detail["type"] == "missing":
        missing = str(detail["loc"][-1])
        return f"{place}{key} lacks {missing}: {_missing_words(info, missing)}"
    value = leaf.value if leaf and len(leaf.path) <= len(path) else detail["input"]
    if detail["type"] == "value_error":
        return f"{place}{key}: {detail['ctx']['error']}; got {shown(value)}"
    return f"{place}{key} must be {allowed(info)}, got {shown(value)}{_advice(value, info)}"


def _missing_words(info: KeyInfo, missing: str) -> str:
    child = info.children.get(missing)
    return allowed(child) if child else "it is required"


def shown(value: Any) -> str:
    """The value as YAML would write it, short."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    text = redact_text(text)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _advice(value: Any, info: KeyInfo) -> str:
    words = allowed(info)
    if isinstance(value, str) and "number" in words and looks_like_number(value):
        return f" (the quotes make it text: write {value} without them)"
    if isinstance(value, str) and "true or false" in words and value.lower() in {*_YES_NO, "true", "false"}:
        return " (write true or false, without quotes)"
    if words == "text" and value is not None and not isinstance(value, list | dict):
        return f' (put quotes around it: "{shown(value)}")'
    return ""

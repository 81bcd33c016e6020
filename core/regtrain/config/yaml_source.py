"""A YAML file → a plain mapping that keeps the line of each key. Ambiguous input is refused with its line."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from regtrain.config.yaml_nodes import Composer, Mark, Node
from regtrain.errors import ConfigFileError, nearest

__all__ = ["Document", "Mark", "parse", "parse_value", "read_file"]

MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Document:
    """The values of a file and the place of every key (by its path) outside lists."""

    name: str
    values: dict[str, Any]
    marks: Mapping[tuple[str, ...], Mark]


def read_file(path: Path, kind: str = "config file") -> Document:
    """Read and parse a config file, or one of another kind; never blocks on a FIFO or device.

    Raises:
        ConfigFileError: missing, unreadable, no regular file, over 1 MiB, not UTF-8, or not acceptable YAML.
    """
    name = str(path)
    try:
        return parse(_read_bytes(path, name, kind).decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        raise ConfigFileError(
            f"{name}: byte {error.start} is not UTF-8", "Save the file with UTF-8 encoding."
        ) from error


def _read_bytes(path: Path, name: str, kind: str) -> bytes:
    try:
        # Not blocking: opening a FIFO without a writer would wait for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise ConfigFileError(f"{name}: no such {kind}", _files_nearby(path)) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigFileError(f"{name!r}: cannot be opened: {reason}") from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ConfigFileError(f"{name}: not a regular file", "Name the YAML file itself.")
        content = b""
        while len(content) <= MAX_BYTES and (piece := os.read(handle, MAX_BYTES + 1)):
            content += piece
    except OSError as error:
        raise ConfigFileError(f"{name}: cannot be read: {error.strerror}") from error
    finally:
        os.close(handle)
    return content


def _files_nearby(path: Path) -> str:
    try:
        here = sorted(p.name for p in path.parent.iterdir() if p.suffix in {".yaml", ".yml"})
    except OSError:
        return f"The folder {path.parent} cannot be listed either."
    near = nearest(path.name, here) or here[:3]
    return f"In {path.parent} there is: {', '.join(near)}." if near else f"{path.parent} has no YAML files."


def parse(text: str, name: str) -> Document:
    """Parse YAML text; an empty text is an empty mapping. `name` is the source in messages.

    Raises:
        ConfigFileError: with `name:line:column`, for whatever is not a plain mapping of text keys.
    """
    root = _compose(text, name)
    marks: dict[tuple[str, ...], Mark] = {}
    values = {} if root.value is None else _unfold(root, (), marks)
    if not isinstance(values, dict):
        raise ConfigFileError(f"{name}:1:1: the top level must be a mapping of keys", "Write `key: value` lines.")
    return Document(name, values, marks)


def parse_value(text: str, name: str) -> Any:
    """A single YAML value, as a command line or an environment variable gives it.

    Raises:
        ConfigFileError: with `name:line:column`, as for a file.
    """
    return _unfold(_compose(text, name), None, {})


def _compose(text: str, name: str) -> Node:
    if "\0" in text:
        raise ConfigFileError(f"{name}:{text.count(chr(10), 0, text.index(chr(0))) + 1}: the text holds a NUL byte")
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise ConfigFileError(f"{name}: character {error.start + 1} is not Unicode text") from error
    if size > MAX_BYTES:
        raise ConfigFileError(f"{name}: over 1 MiB", "Put data into a file of its own and name its path.")
    try:
        return Composer(text, name).document()
    except yaml.YAMLError as error:
        raise _syntax_error(error, name) from error


def _syntax_error(error: yaml.YAMLError, name: str) -> ConfigFileError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
    place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
    hint = "Indent with blanks, not tabs." if "'\\t'" in str(problem) else "Check indentation, quotes and brackets."
    return ConfigFileError(f"{place}: {problem}", hint)


def _unfold(node: Node, path: tuple[str, ...] | None, marks: dict[tuple[str, ...], Mark]) -> Any:
    """Plain values; inside lists (`path` is None) keys have no address and no mark."""
    if isinstance(node.value, list):
        return [_unfold(child, None, marks) for child in node.value]
    if not isinstance(node.value, dict):
        return node.value
    values = {}
    for key, (mark, child) in node.value.items():
        below = None if path is None else (*path, key)
        if below is not None:
            marks[below] = mark
        values[key] = _unfold(child, below, marks)
    return values

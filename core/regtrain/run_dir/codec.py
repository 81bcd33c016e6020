"""The JSON files of a run folder: written whole or not at all, and checked when they are read."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from regtrain.bounded import parse_json, read_bounded
from regtrain.errors import RunNotFoundError, brief

__all__ = ["finite", "read_json", "read_value", "write_json", "write_value"]

Value = TypeVar("Value")

MAX_BYTES = 64 << 20
_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def write_value(path: Path, value: object, mode: int = 0o644) -> None:
    """Write a plan, an outcome or what a job has settled; `mode` is that of the file."""
    kind: type[Any] = type(value)
    _write(path, _adapter(kind).dump_json(value, indent=1), mode)


def read_value(path: Path, kind: type[Value], newest: int) -> Value:
    """Read what `write_value` wrote.

    Args:
        newest: the format that this release writes; a file of a later one is refused.

    Raises:
        RunNotFoundError: there is no such file, it is damaged, or of another release.
        RegtrainError: a value in it is not allowed, whoever wrote it.
    """
    raw = read_json(path)
    found = raw.get("format")
    if isinstance(found, int) and found > newest:
        raise RunNotFoundError(
            f"{path} was written by a newer release of regtrain (format {found}, this one reads {newest})",
            "update regtrain",
        )
    try:
        value: Value = _adapter(kind).validate_json(json.dumps(raw))
        return value
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise RunNotFoundError(
            f"{path} is no {path.stem} of a run: {where}: {first['msg']}",
            "it was edited, cut, or written by another release",
        ) from problem


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a regular file of limited size; links are not followed.

    Raises:
        RunNotFoundError: it cannot be read as one.
    """
    try:
        value = parse_json(read_bounded(path, MAX_BYTES, follow_links=False))
    except (OSError, ValueError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else brief(problem)
        raise RunNotFoundError(
            f"{path} cannot be read: {why}", "name the folder of a run, as `regtrain runs list` shows it"
        ) from problem
    if not isinstance(value, dict):
        raise RunNotFoundError(f"{path} cannot be read: it is no JSON object", "name the folder of a run")
    return value


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    _write(path, json.dumps(value, indent=1, default=str).encode())


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Built once for each type: that takes milliseconds."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def _write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Whole or absent: a reader never sees half a file."""
    making = path.with_name(f".{path.name}.{os.getpid()}")
    making.unlink(missing_ok=True)
    try:
        # a plan holds the config with its secrets
        with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        making.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            making.unlink()
        raise


def finite(value: Any) -> Any:
    """The value with null for every number that JSON does not have: NaN and the infinities."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

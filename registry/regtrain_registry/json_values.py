"""Values as every database and every JSON reader takes them."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, overload

from regtrain_registry.errors import ArgumentError, TextTooLongError
from regtrain_registry.validation import check_text

__all__ = [
    "MAX_VALUE",
    "as_number",
    "as_text",
    "digests",
    "finite_numbers",
    "fitting",
    "flat",
    "iso",
    "json_safe",
    "leaves",
    "number_in",
]

MAX_NAME = 190
MAX_VALUE = 255
MAX_LEVELS = 40  # every database takes more
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def iso(time: datetime | None) -> str | None:
    """An aware time as ISO 8601 in UTC with Z and microseconds."""
    return None if time is None else time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def json_safe(value: Any, levels: int = MAX_LEVELS) -> Any:
    """The value as JSON knows it: keys as text, tuples as lists, numbers that are not finite as None.

    NaN is no JSON: other databases and other languages refuse the whole document, as they do one with many levels:
    `ArgumentError` for tables and lists more than `levels` deep.
    """
    # The common types first: whether something is a Mapping takes longest to find out.
    if isinstance(value, str):
        return as_text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        if levels == 0:
            raise _too_deep()
        levels -= 1
        return [json_safe(item, levels) for item in value]
    if isinstance(value, Mapping):
        if levels == 0:
            raise _too_deep()
        levels -= 1
        return {as_text(str(key)): json_safe(item, levels) for key, item in value.items()}
    return as_text(str(value))


def _too_deep() -> ArgumentError:
    return ArgumentError("a value has too many levels of tables and lists", "There may be 32 of them.")


def as_text(text: str) -> str:
    """The text without what a database refuses: zero bytes and halves of surrogate pairs."""
    clean = text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
    return clean.replace("\x00", "�")


@overload
def fitting(what: str, text: str, limit: int) -> str: ...
@overload
def fitting(what: str, text: str | None, limit: int) -> str | None: ...
def fitting(what: str, text: str | None, limit: int) -> str | None:
    """The text as any database takes it; `TextTooLongError` above `limit` characters, which SQLite would not mind."""
    if text is None:
        return None
    if len(check_text(what, text)) > limit:
        raise TextTooLongError(
            f"the {what} has {len(text)} characters: {as_text(text[:40])}…", f"It may have {limit} at most."
        )
    return as_text(text)


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys as dotted ones. None and empty sections count as left out."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{prefix}{key}."))
        elif value is not None:
            found[f"{prefix}{key}"] = value
    return found


def finite_numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Those of the values that can be compared as numbers, under names that fit a database's index."""
    numbers = {name: as_number(value) for name, value in values.items() if _fits(name)}
    return {name: number for name, number in numbers.items() if number is not None}


def leaves(tree: Mapping[str, Any]) -> dict[str, tuple[str, float | None]]:
    """Nested keys as dotted ones → the value as text, and as a number where it is one, or reads as one.

    Text is kept as it is, all else becomes JSON; cut to what an index takes, and without blanks at its end, which some
    databases do not compare.
    """
    found = {}
    for name, value in flat(tree).items():
        text = value if isinstance(value, str) else _as_json(value)
        if _fits(name):
            number = number_in(value) if isinstance(value, str) else as_number(value)
            found[name] = (text[:MAX_VALUE].rstrip(), number)
    return found


def _as_json(value: Any) -> str:
    """What `json.dumps` says; most values are plain numbers, for which it takes ten times as long as `repr`."""
    return repr(value) if type(value) in (int, float) else json.dumps(value, sort_keys=True)


def _fits(name: str) -> bool:
    """Whether an index takes the name; with a blank at its end some databases take it for another."""
    return len(name) <= MAX_NAME and not name.endswith(" ")


def digests(values: Mapping[str, Any]) -> dict[str, str]:
    """Names and digests of data as an index takes them: a name that is too long, or ends in blanks, which some
    databases do not compare, is cut and identified by its own digest."""
    return {_index_name(name): str(digest)[:MAX_NAME].rstrip() for name, digest in values.items()}


def _index_name(name: str) -> str:
    if len(name) <= MAX_NAME and name == name.rstrip():
        return name
    return f"{name[:150].rstrip()}…{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def as_number(value: Any) -> float | None:
    """A value that can be compared as a number; None for all else, and for what no finite number of a database is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def number_in(text: str) -> float | None:
    """The finite number that a text is: 0.9, 1e-3, -2. Neither nan nor 1_000, which only Python takes for one."""
    number = float(text) if len(text) < MAX_VALUE and _NUMBER.fullmatch(text) else math.nan
    return number if math.isfinite(number) else None

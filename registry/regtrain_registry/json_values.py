"""Values as every database and every JSON reader takes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, overload

from regtrain_registry.errors import TextTooLongError

__all__ = ["as_text", "fitting", "iso", "json_safe"]


def iso(time: datetime | None) -> str | None:
    """An aware time as ISO 8601 in UTC with Z and microseconds."""
    return None if time is None else time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def json_safe(value: Any) -> Any:
    """The value as JSON knows it: keys as text, tuples as lists, numbers that are not finite as None.

    NaN is no JSON: other databases and other languages refuse the whole document.
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
        return [json_safe(item) for item in value]
    if isinstance(value, Mapping):
        return {as_text(str(key)): json_safe(item) for key, item in value.items()}
    return as_text(str(value))


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
    if len(text) > limit:
        raise TextTooLongError(
            f"the {what} has {len(text)} characters: {as_text(text[:40])}…", f"It may have {limit} at most."
        )
    return as_text(text)

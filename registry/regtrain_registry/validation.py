"""Validation of arguments: values of a wrong kind that Python itself would not refuse."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from regtrain_registry.errors import ArgumentError

__all__ = ["MAX_LIMIT", "check_limit", "check_table", "check_text", "parse_enum"]

Choice = TypeVar("Choice", bound=StrEnum)

MAX_LIMIT = 2**31 - 1  # of a number in every database


def check_limit(limit: Any) -> int | None:
    """The length of a list: a number from 1 to 2^31 - 1, None for all of it; `ArgumentError`."""
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        raise ArgumentError(f"limit is {_shown(limit)}", f"Give a whole number from 1 to {MAX_LIMIT}, or None for all.")
    return limit


def check_text(what: str, value: Any) -> str:
    """The value itself when it is text; `ArgumentError`."""
    if not isinstance(value, str):
        raise ArgumentError(f"the {what} is {_shown(value)}", "Give text.")
    return value


def check_table(what: str, value: Any) -> Mapping[Any, Any]:
    """The value itself when it has keys; `ArgumentError`."""
    if not isinstance(value, Mapping):
        raise ArgumentError(f"the {what} is {_shown(value)}", "Give a table: names and their values.")
    return value


def parse_enum(what: str, value: Any, choices: type[Choice]) -> Choice:
    """The value as a member of an enum; `ArgumentError` names the members."""
    try:
        return choices(value)
    except ValueError as error:
        names = ", ".join(choice.value for choice in choices)
        raise ArgumentError(f"the {what} is {_shown(value)}", f"Choose from {names}.") from error


def _shown(value: Any) -> str:
    """A number may have more digits than Python writes, and a value a representation that fails."""
    try:
        return repr(value)[:80]
    except (ValueError, RecursionError):
        return f"no {type(value).__name__} that can be shown"

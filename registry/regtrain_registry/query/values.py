"""Values of comparisons, parsed from text. ValueError has the expected form."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from enum import Enum

from regtrain_registry.errors import VersionSyntaxError
from regtrain_registry.json_values import number_in
from regtrain_registry.query.tree import Operator
from regtrain_registry.semver import Range, parse_range

__all__ = ["RANGE_SIGNS", "Wild", "as_number", "as_time", "days_bounds", "pattern_of", "range_of"]

RANGE_SIGNS = tuple("^~<>=!")


class Wild(Enum):
    """The wildcards of a pattern."""

    ANY = "%"
    ONE = "_"


def as_number(text: str) -> float:
    """0.9, 1e-3, -2."""
    number = number_in(text)
    if number is None:
        raise ValueError("a number")
    return number


def as_time(text: str, quoted: bool) -> date:
    """A day, a time in UTC or with its offset, or as MLflow has it the milliseconds since 1970."""
    try:
        milliseconds = None if quoted else number_in(text)
        if milliseconds is not None:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
        if "T" not in text and ":" not in text:
            day = date.fromisoformat(text)
            days_bounds(day)
            return day
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("a date or time such as 2026-01-31 or 2026-01-31T12:00Z") from error


def days_bounds(day: date) -> tuple[datetime, datetime]:
    """The first moment of the day in UTC, and that of the next day; OverflowError for the last day of the calendar."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start, start + timedelta(days=1)


def range_of(operator: Operator, text: str) -> Range:
    """The versions that `version OPERATOR text` selects; for `!=` and `not in` those that it excludes.

    Comparisons follow the semantic order alone and include prereleases; a range treats them as references do.
    """
    try:
        ordered = operator in (Operator.LT, Operator.LE, Operator.GT, Operator.GE)
        if operator is Operator.WITHIN or (text.startswith(RANGE_SIGNS) and not ordered):
            return parse_range(text)
        return replace(parse_range(f"{operator if ordered else '='}{text}"), prereleases=True)
    except VersionSyntaxError as error:
        raise ValueError("a version such as 1.4.0, or a range such as ^1.4") from error


def pattern_of(text: str) -> tuple[str | Wild, ...]:
    """The parts of a pattern of `like`: text, `%` for any characters, `_` for one; a backslash escapes the next one."""
    parts: list[str | Wild] = []
    letters = iter(text)
    for letter in letters:
        if letter in "%_":
            wild = Wild(letter)
            if wild is not Wild.ANY or not parts or parts[-1] is not wild:
                parts.append(wild)
            continue
        if letter == "\\":
            letter = next(letters, "")  # noqa: PLW2901 - the escaped one
            if not letter:
                raise ValueError("a character after the backslash")
        if parts and isinstance(parts[-1], str):
            parts[-1] += letter
        else:
            parts.append(letter)
    return tuple(parts)

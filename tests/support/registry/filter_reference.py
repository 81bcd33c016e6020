"""What a filter and an order mean, in plain Python: slow, and written without the database in mind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from semver import Version

from regtrain_registry.query import And, Column, Comparison, Filter, Kind, Not, Operator, OrderKey
from regtrain_registry.semver import parse_range

NEGATIVE = {
    Operator.NE: Operator.EQ,
    Operator.NOT_LIKE: Operator.LIKE,
    Operator.NOT_ILIKE: Operator.ILIKE,
    Operator.NOT_IN: Operator.IN,
}
SEVERAL = ("alias", "stage")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
SMALL = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")

Thing = TypeVar("Thing")
Values = Callable[[Thing, Column], Sequence[Any]]  # none where there is no value; of a parameter (text, number)


def holds(wanted: Filter, thing: Thing, values: Values[Thing]) -> bool:
    """Whether the filter chooses the thing."""
    if isinstance(wanted, Comparison):
        return _compared(wanted, values(thing, wanted.column))
    if isinstance(wanted, Not):
        return not holds(wanted.part, thing, values)
    combine = all if isinstance(wanted, And) else any
    return combine([holds(part, thing, values) for part in wanted.parts])


def in_order(things: Iterable[Thing], order: Sequence[OrderKey], values: Values[Thing]) -> list[Thing]:
    """By the first key, then by the second; what has no value last. `things` are in the order of ties."""
    found = list(things)
    for key in reversed(order):
        for part in (1, 0) if key.column.kind is Kind.SCALAR else (None,):
            found = _by(found, lambda thing, key=key, part=part: _sortable(values(thing, key.column), key, part), key)
    return found


def _by(things: list[Thing], value: Callable[[Thing], Any], key: OrderKey) -> list[Thing]:
    there = [thing for thing in things if value(thing) is not None]
    absent = [thing for thing in things if value(thing) is None]
    return sorted(there, key=value, reverse=key.descending) + absent


def _sortable(found: Sequence[Any], key: OrderKey, part: int | None) -> Any:
    if not found:
        return None
    if part is not None:
        text, number = found[0]
        return number if part == 0 else text
    return Version.parse(found[0]) if key.column.kind is Kind.VERSION else found[0]


def _compared(comparison: Comparison, found: Sequence[Any]) -> bool:
    operator, kind = comparison.operator, comparison.column.kind
    if operator is Operator.IS_NULL:
        return not found
    if operator is Operator.IS_NOT_NULL:
        return bool(found)
    positive = NEGATIVE.get(operator)
    if positive is None:
        return any(_is(kind, value, operator, comparison.value) for value in found)
    if comparison.column.name in SEVERAL:
        return not any(_is(kind, value, positive, comparison.value) for value in found)
    return any(not _is(kind, value, positive, comparison.value) for value in found)


def _is(kind: Kind, value: Any, operator: Operator, wanted: Any) -> bool:
    if operator is Operator.IN:
        return any(_is(kind, value, Operator.EQ, one) for one in wanted)
    if operator in (Operator.LIKE, Operator.ILIKE):
        text = value[0] if kind is Kind.SCALAR else value
        return _like(text.translate(SMALL), wanted.lower()) if operator is Operator.ILIKE else _like(text, wanted)
    match kind:
        case Kind.TIME:
            return _time(value, operator, wanted)
        case Kind.VERSION:
            return _version(value, operator, wanted)
        case Kind.SCALAR:
            return _scalar(*value, operator, wanted)
    return _sign(value, operator, wanted)


def _sign(value: Any, operator: Operator, wanted: Any) -> bool:
    match operator:
        case Operator.EQ:
            return bool(value == wanted)
        case Operator.LT:
            return bool(value < wanted)
        case Operator.LE:
            return bool(value <= wanted)
        case Operator.GT:
            return bool(value > wanted)
        case Operator.GE:
            return bool(value >= wanted)
    raise AssertionError(operator)


def _like(text: str, pattern: str) -> bool:
    if not pattern:
        return not text
    first, rest = pattern[0], pattern[1:]
    if first == "%":
        return any(_like(text[start:], rest) for start in range(len(text) + 1))
    if first == "\\":
        first, rest = rest[0], rest[1:]
    elif first == "_":
        return bool(text) and _like(text[1:], rest)
    return text[:1] == first and _like(text[1:], rest)


def _time(value: datetime, operator: Operator, wanted: date) -> bool:
    if isinstance(wanted, datetime):
        return _sign(value, operator, wanted)
    return _sign(value.astimezone(UTC).date(), operator, wanted)


def _version(value: str, operator: Operator, wanted: str) -> bool:
    version = Version.parse(value)
    if operator is Operator.WITHIN or wanted[0] in "^~<>=!":
        return parse_range(wanted).contains(version)
    if wanted.count(".") >= 2:
        return _sign(version, operator, Version.parse(wanted))
    # 1.4 is everything from 1.4.0 up to the first thing of 1.5.0
    given = [int(part) for part in wanted.split(".")]
    start = Version(*given, *[0] * (3 - len(given)))
    begins = (version.major, version.minor, version.patch)[: len(given)]
    above, inside = begins > tuple(given), begins == tuple(given) and version >= start
    match operator:
        case Operator.EQ:
            return inside
        case Operator.LT:
            return begins < tuple(given)
        case Operator.LE:
            return not above
        case Operator.GT:
            return above
    return above or inside


def _scalar(text: str, number: float | None, operator: Operator, wanted: Any) -> bool:
    if isinstance(wanted, str):
        if text == wanted[:255].rstrip():
            return True
        if not NUMBER.fullmatch(wanted):
            return False
        wanted = float(wanted)
    return number is not None and _sign(number, operator, wanted)

"""Comparisons of a filter as SQL with the same meaning in every database. Values are always bound parameters."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Double, LargeBinary, and_, func, literal, not_, or_, type_coerce
from sqlalchemy import cast as sql_cast

from regtrain_registry.json_values import MAX_VALUE, number_in
from regtrain_registry.query import And, Comparison, Filter, Not, Operator
from regtrain_registry.query.values import Wild, days_bounds, pattern_of, range_of
from regtrain_registry.semver import Range

__all__ = ["POSITIVE", "Condition", "SqlOperators", "condition"]

POSITIVE = {
    Operator.NE: Operator.EQ,
    Operator.NOT_LIKE: Operator.LIKE,
    Operator.NOT_ILIKE: Operator.ILIKE,
    Operator.NOT_IN: Operator.IN,
}
_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ESCAPE = "!"  # not a backslash, which MySQL interprets in literals

Condition = ColumnElement[bool]


def condition(wanted: Filter, leaf: Callable[[Comparison], Condition]) -> Condition:
    """The filter as one condition; `leaf` converts a comparison."""
    if isinstance(wanted, Comparison):
        return leaf(wanted)
    if isinstance(wanted, Not):
        return not_(condition(wanted.part, leaf))
    join = and_ if isinstance(wanted, And) else or_
    return join(*(condition(part, leaf) for part in wanted.parts))


class SqlOperators:
    """The operators in one dialect: `sqlite`, `postgresql` or `mysql`. A condition is true or false, never NULL, where
    the column is not NULL."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect

    def text(self, column: ColumnElement[Any], comparison: Comparison) -> Condition:
        """Exact: trailing blanks count, and so does case, except for `ilike`."""

        def one(sign: Operator, value: Any) -> Condition:
            match sign:
                case Operator.LIKE | Operator.ILIKE:
                    return self._like(column, value, sign is Operator.ILIKE)
                case Operator.IN:
                    return self._is_one_of(column, value)
            return self._is_one_of(column, (value,))

        return _negated(comparison, one)

    def number(self, column: ColumnElement[Any], comparison: Comparison) -> Condition:
        """As floating-point numbers, whatever the type of the column is."""

        def one(sign: Operator, value: Any) -> Condition:
            if sign is Operator.IN:
                return type_coerce(column, Double).in_(value)
            return cast("Condition", _SIGNS[sign](column, literal(value, Double)))

        return _negated(comparison, one)

    def time(self, column: ColumnElement[Any], comparison: Comparison) -> Condition:
        """A time with microseconds, or a day in UTC as a range of times."""

        def one(sign: Operator, value: Any) -> Condition:
            if isinstance(value, datetime):
                return cast("Condition", _SIGNS[sign](column, value))
            start, end = days_bounds(cast("date", value))
            match sign:
                case Operator.EQ:
                    return and_(column >= start, column < end)
                case Operator.LE | Operator.GT:
                    return column < end if sign is Operator.LE else column >= end
            return cast("Condition", _SIGNS[sign](column, start))

        return _negated(comparison, one)

    def version(
        self, sort_key: ColumnElement[Any], prerelease: ColumnElement[Any], comparison: Comparison
    ) -> Condition:
        """In the order of semantic versions."""

        def within(versions: Range) -> Condition:
            bounds = [_SIGNS[sign](sort_key, bound) for sign, bound in versions.bounds]
            return and_(*bounds) if versions.prereleases else and_(prerelease == "", *bounds)

        def one(sign: Operator, value: Any) -> Condition:
            values = value if isinstance(value, tuple) else (value,)
            return or_(*(within(range_of(sign, text)) for text in values))

        return _negated(comparison, one)

    def scalar(self, text: ColumnElement[Any], number: ColumnElement[Any], comparison: Comparison) -> Condition:
        """A parameter: numbers as numbers, also where they are written as text."""

        def one(sign: Operator, value: Any) -> Condition:
            if sign in (Operator.LIKE, Operator.ILIKE):
                return self._like(text, value, sign is Operator.ILIKE)
            values = value if sign is Operator.IN else (value,)
            read = (number_in(one) if isinstance(one, str) else one for one in values)
            numbers = [found for found in read if found is not None]
            if sign not in (Operator.EQ, Operator.IN):
                return and_(number.is_not(None), _SIGNS[sign](number, literal(numbers[0], Double)))
            texts = tuple(one[:MAX_VALUE].rstrip() for one in values if isinstance(one, str))
            equal = [self._is_one_of(text, texts)] if texts else []
            if numbers:
                equal.append(and_(number.is_not(None), type_coerce(number, Double).in_(numbers)))
            return or_(*equal)

        return _negated(comparison, one)

    def by_code_point(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Text in the order of its code points."""
        match self._dialect:
            case "postgresql":
                return column.collate("C")
            case "mysql":
                return sql_cast(column, LargeBinary)
        return column

    def order_by(self, value: ColumnElement[Any], descending: bool, nullable: bool) -> list[ColumnElement[Any]]:
        """Elements of ORDER BY with NULL last in either direction; an index is used where the database can."""
        directed: ColumnElement[Any] = value.desc() if descending else value.asc()
        if not nullable:
            return [directed]
        return [value.is_(None), directed] if self._dialect == "mysql" else [directed.nulls_last()]

    def equals(self, column: ColumnElement[Any], text: str | None) -> Condition:
        """The column is this text; trailing blanks count."""
        return self._is_one_of(column, (text or "",))

    def _is_one_of(self, column: ColumnElement[Any], texts: Iterable[str]) -> Condition:
        found = column.in_(list(texts))
        if self._dialect != "mysql":
            return found
        # MySQL ignores trailing blanks; the first condition is for the index.
        return and_(found, sql_cast(column, LargeBinary).in_([text.encode() for text in texts]))

    def _like(self, column: ColumnElement[Any], pattern: str, ignore_case: bool) -> Condition:
        parts = pattern_of(pattern.lower() if ignore_case else pattern)
        if ignore_case:  # of ASCII letters alone, where the database has an option for that
            column = func.lower(column.collate("C") if self._dialect == "postgresql" else column)
        if self._dialect == "sqlite":  # its LIKE ignores case
            return column.op("GLOB", is_comparison=True)(_glob(parts))
        escaped = "".join(part.value if isinstance(part, Wild) else _escaped(part) for part in parts)
        return column.like(escaped, escape=_ESCAPE)


def _negated(comparison: Comparison, one: Callable[[Operator, Any], Condition]) -> Condition:
    positive = POSITIVE.get(comparison.operator)
    if positive is None:
        return one(comparison.operator, comparison.value)
    return not_(one(positive, comparison.value))


def _escaped(text: str) -> str:
    return "".join(f"{_ESCAPE}{letter}" if letter in f"%_{_ESCAPE}" else letter for letter in text)


def _glob(parts: Iterable[str | Wild]) -> str:
    signs = {Wild.ANY: "*", Wild.ONE: "?"}
    return "".join(
        signs[part] if isinstance(part, Wild) else "".join(f"[{c}]" if c in "*?[" else c for c in part)
        for part in parts
    )

"""The syntax tree of a filter: comparisons joined by and, or, not. `str` gives text that parses to the same tree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

__all__ = [
    "And",
    "Column",
    "Comparison",
    "Filter",
    "Kind",
    "Not",
    "Operator",
    "Or",
    "OrderKey",
    "Value",
    "columns_of",
    "comparisons_of",
]

Value = str | float | date | tuple[str, ...] | tuple[float, ...] | tuple[str | float, ...] | None

_PLAIN_KEY = re.compile(r"[^\s()'\"`,=<>!]+")


class Kind(StrEnum):
    """The type of a column, which decides the operators that it takes."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "date or time"
    VERSION = "version"
    SCALAR = "text or number"


class Operator(StrEnum):
    """Operators of comparisons. `WITHIN` is a range of versions: ^1.4, ~1.4.2, '>=1,<2'."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    LIKE = "like"
    NOT_LIKE = "not like"
    ILIKE = "ilike"
    NOT_ILIKE = "not ilike"
    IN = "in"
    NOT_IN = "not in"
    IS_NULL = "is null"
    IS_NOT_NULL = "is not null"
    WITHIN = "within"


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its canonical name; `key` is the name after the dot of metrics, params and tags."""

    name: str
    kind: Kind
    key: str | None = None

    def __str__(self) -> str:
        if self.key is None:
            return self.name
        plain = _PLAIN_KEY.fullmatch(self.key)
        return f"{self.name}.{self.key}" if plain else f"{self.name}.{_quoted(self.key, '`')}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A column, an operator and a value. A `date` that is no `datetime` is the whole day in UTC."""

    column: Column
    operator: Operator
    value: Value = None

    def __str__(self) -> str:
        match self.operator:
            case Operator.IS_NULL | Operator.IS_NOT_NULL:
                return f"{self.column} {self.operator}"
            case Operator.WITHIN:
                return f"{self.column} = {_shown(self.value)}"
        return f"{self.column} {self.operator} {_shown(self.value)}"


@dataclass(frozen=True, slots=True)
class And:
    """A conjunction of two parts or more."""

    parts: tuple[Filter, ...]

    def __str__(self) -> str:
        return " and ".join(map(_inside, self.parts))


@dataclass(frozen=True, slots=True)
class Or:
    """A disjunction of two parts or more."""

    parts: tuple[Filter, ...]

    def __str__(self) -> str:
        return " or ".join(map(_inside, self.parts))


@dataclass(frozen=True, slots=True)
class Not:
    """The negation of a part."""

    part: Filter

    def __str__(self) -> str:
        return f"not {_inside(self.part)}"


Filter = Comparison | And | Or | Not


@dataclass(frozen=True, slots=True)
class OrderKey:
    """A column to order by. Rows without a value come last in either direction."""

    column: Column
    descending: bool = False

    def __str__(self) -> str:
        return f"{self.column} desc" if self.descending else str(self.column)


def comparisons_of(found: Filter) -> Iterator[Comparison]:
    """Every comparison, from left to right."""
    if isinstance(found, Comparison):
        yield found
        return
    for part in (found.part,) if isinstance(found, Not) else found.parts:
        yield from comparisons_of(part)


def columns_of(wanted: Filter | None, order: Sequence[OrderKey]) -> set[Column]:
    """Every column of a filter and an order."""
    compared = set() if wanted is None else {comparison.column for comparison in comparisons_of(wanted)}
    return compared | {key.column for key in order}


def _inside(part: Filter) -> str:
    return f"({part})" if isinstance(part, And | Or) else str(part)


def _shown(value: Value) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_shown, value))})"
    if isinstance(value, float):
        return repr(value)
    return _quoted(value.isoformat() if isinstance(value, date) else str(value), "'")


def _quoted(text: str, mark: str) -> str:
    return f"{mark}{text.replace(mark, mark * 2)}{mark}"

"""Filters and orders at random, of any text or of values that the searched registry holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date
from typing import Any

from hypothesis import strategies as st

from regtrain_registry.query import And, Column, Comparison, Filter, Kind, Not, Operator, Or, OrderKey
from regtrain_registry.query.columns import OPERATORS, Columns, ColumnSpec
from regtrain_registry.query.values import pattern_of

LIKES = (Operator.LIKE, Operator.NOT_LIKE, Operator.ILIKE, Operator.NOT_ILIKE)
ORDERED = (Operator.LT, Operator.LE, Operator.GT, Operator.GE)
VERSIONS = ("1.0.0", "1", "1.1", "0", "1.0.1", "2.0.0-rc.1", "1.10.0", "2")
RANGES = ("^1.0", "~1.0", "~1.0.1", ">=1,<2", "^2.0.0-rc.1", "<1.0.1", "=1.0.0")
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")


def is_pattern(text: str) -> bool:
    """Whether the backslashes of the text have something behind them."""
    try:
        pattern_of(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Pool:
    """Where names and values are drawn from."""

    keys: st.SearchStrategy[str] = field(default_factory=lambda: st.text(LETTERS, min_size=1, max_size=12))
    texts: st.SearchStrategy[str] = field(default_factory=lambda: st.text(LETTERS, max_size=12))
    patterns: st.SearchStrategy[str] = field(default_factory=lambda: st.text(LETTERS, max_size=12))
    numbers: st.SearchStrategy[float] = field(default_factory=lambda: st.floats(allow_nan=False, allow_infinity=False))
    times: st.SearchStrategy[date] = field(
        default_factory=lambda: st.datetimes(timezones=st.just(UTC)) | st.dates(max_value=date(9999, 12, 30))
    )

    def filters(self, columns: Columns, leaves: int = 6) -> st.SearchStrategy[Filter]:
        """Filters of these columns."""

        def several(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
            parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
            return inner.map(Not) | parts.map(And) | parts.map(Or)

        return st.recursive(self.comparisons(columns), several, max_leaves=leaves)

    def orders(self, columns: Columns) -> st.SearchStrategy[tuple[OrderKey, ...]]:
        """Orders of these columns."""
        single = {name: spec for name, spec in columns.specs.items() if not spec.many}
        keys = st.builds(OrderKey, self._columns(single.items()).map(lambda pair: pair[0]), st.booleans())
        return st.lists(keys, min_size=1, max_size=3).map(tuple)

    def comparisons(self, columns: Columns) -> st.SearchStrategy[Comparison]:
        """Comparisons of these columns."""
        return self._columns(columns.specs.items()).flatmap(lambda pair: self._comparison(*pair))

    def _columns(self, specs: Iterable[tuple[str, ColumnSpec]]) -> st.SearchStrategy[tuple[Column, ColumnSpec]]:
        def column(pair: tuple[str, ColumnSpec]) -> st.SearchStrategy[tuple[Column, ColumnSpec]]:
            name, spec = pair
            key = self.keys if spec.keyed else st.none()
            return key.map(lambda found: (Column(name, spec.kind, found), spec))

        return st.sampled_from(sorted(specs, key=lambda pair: pair[0])).flatmap(column)

    def _comparison(self, column: Column, spec: ColumnSpec) -> st.SearchStrategy[Comparison]:
        operators = [*OPERATORS[spec.kind]]
        if spec.optional:
            operators += [Operator.IS_NULL, Operator.IS_NOT_NULL]
        if spec.kind is Kind.VERSION:
            operators.append(Operator.WITHIN)
        return st.sampled_from(operators).flatmap(
            lambda operator: st.builds(Comparison, st.just(column), st.just(operator), self._value(spec, operator))
        )

    def _value(self, spec: ColumnSpec, operator: Operator) -> st.SearchStrategy[Any]:
        if operator in (Operator.IS_NULL, Operator.IS_NOT_NULL):
            return st.none()
        if operator in LIKES:
            ascii_only = operator in (Operator.ILIKE, Operator.NOT_ILIKE)
            return self.patterns.filter(is_pattern).filter(lambda text: text.isascii() or not ascii_only)
        if operator is Operator.WITHIN:
            return st.sampled_from(RANGES)
        one = self._one(spec, operator)
        return st.lists(one, min_size=1, max_size=3).map(tuple) if operator in (Operator.IN, Operator.NOT_IN) else one

    def _one(self, spec: ColumnSpec, operator: Operator) -> st.SearchStrategy[Any]:
        if spec.choices:
            return st.sampled_from(spec.choices)
        match spec.kind:
            case Kind.NUMBER:
                return self.numbers
            case Kind.TIME:
                return self.times
            case Kind.VERSION:
                ranges = RANGES if operator in (Operator.NE, Operator.IN, Operator.NOT_IN) else ()
                return st.sampled_from([*VERSIONS, *ranges])
            case Kind.SCALAR:
                return self.numbers if operator in ORDERED else self.numbers | self.texts
        return self.texts


ANYTHING = Pool()

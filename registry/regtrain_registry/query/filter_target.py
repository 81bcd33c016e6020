"""What a filter speaks of, as tables: from comparisons of its columns to conditions, from keys to an order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, not_
from sqlalchemy.sql.selectable import FromClause

from regtrain_registry.query import Column, Comparison, Filter, Kind, Operator, OrderKey
from regtrain_registry.query.attached import KEYED, NAMES, Related
from regtrain_registry.query.sql_operators import POSITIVE, Comparing, Condition, condition

__all__ = ["Hanging", "Subject"]


@dataclass(frozen=True, slots=True)
class Hanging:
    """What hangs on versions here: metrics, parameters and tags on the version `owner`, aliases on `named`.

    outside: the tables that both are columns of. first: comparisons whose rows are read first.
    """

    related: Related
    owner: ColumnElement[Any]
    named: ColumnElement[Any]
    outside: tuple[FromClause, ...]
    first: frozenset[Comparison] = frozenset()

    def holds(self, comparison: Comparison) -> Condition:
        """The comparison as a condition, true or false."""
        column, sign = comparison.column, comparison.operator
        owner = self.named if column.name in NAMES else self.owner
        if sign in (Operator.IS_NULL, Operator.IS_NOT_NULL):
            there = self.related.rows(column).of(owner, *self.outside)
            return there if sign is Operator.IS_NOT_NULL else not_(there)
        if column.name in NAMES and sign in POSITIVE:  # of several names none may be the one
            return not_(self.holds(Comparison(column, POSITIVE[sign], comparison.value)))
        rows = self.related.rows(column, comparison)
        return owner.in_(rows.query) if comparison in self.first else rows.of(owner, *self.outside)


@dataclass(frozen=True, slots=True)
class Subject:
    """Where the columns of a filter are found.

    value: the value of a column that stands in the row itself. version: sort key and prerelease of the column that is
    a version. hanging: None where nothing hangs on it.
    """

    comparing: Comparing
    value: Callable[[Column], ColumnElement[Any]]
    version: tuple[ColumnElement[Any], ColumnElement[Any]]
    hanging: Hanging | None = None

    def condition(self, wanted: Filter) -> Condition:
        """The filter as one condition, true or false."""
        return condition(wanted, self.holds)

    def in_order(
        self,
        query: Select[Any],
        order: Sequence[OrderKey],
        present: Column | None = None,
        also: Sequence[Comparison] = (),
    ) -> Select[Any]:
        """The query in this order; what has no value comes last.

        present: a column that is ordered by; only what has a value of it is chosen, and of those what `also` holds for.
        """
        for key in order:
            surely = key.column == present
            if self.hanging is not None and key.column.name in KEYED:
                table, on, values, holds = self.hanging.related.joined(key.column, self.hanging.owner, surely)
                query = query.join(table, on, isouter=not surely)
                query = query.where(*map(holds, also)) if surely else query
            else:
                values = [self.ordered(key.column)]
            for value in values:
                lasting = not surely or len(values) > 1
                query = query.order_by(*self.comparing.sorted(value, key.descending, nulls_last=lasting))
        return query

    def ordered(self, column: Column) -> ColumnElement[Any]:
        """What orders by a column that stands in the row itself."""
        if column.kind is Kind.VERSION:
            return self.version[0]
        value = self.value(column)
        return self.comparing.in_order(value) if column.kind is Kind.TEXT else value

    def holds(self, comparison: Comparison) -> Condition:
        """A comparison as a condition, true or false."""
        column = comparison.column
        if self.hanging is not None and column.name in (*KEYED, *NAMES):
            return self.hanging.holds(comparison)
        value = self.version[0] if column.kind is Kind.VERSION else self.value(column)
        match comparison.operator:
            case Operator.IS_NULL:
                return value.is_(None)
            case Operator.IS_NOT_NULL:
                return value.is_not(None)
        return value.is_not(None) & self._compared(value, comparison)

    def _compared(self, value: ColumnElement[Any], comparison: Comparison) -> Condition:
        match comparison.column.kind:
            case Kind.NUMBER:
                return self.comparing.number(value, comparison)
            case Kind.TIME:
                return self.comparing.time(value, comparison)
            case Kind.VERSION:
                return self.comparing.version(*self.version, comparison)
        return self.comparing.text(value, comparison)

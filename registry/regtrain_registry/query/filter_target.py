"""The tables that a filter is evaluated on: comparisons become conditions, keys of an order become ORDER BY."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, not_
from sqlalchemy.sql.selectable import FromClause

from regtrain_registry.query import Column, Comparison, Filter, Kind, Operator, OrderKey
from regtrain_registry.query.attached import KEYED, NAMES, NULLS, AttachedTables
from regtrain_registry.query.columns import ColumnSpec
from regtrain_registry.query.sql_operators import POSITIVE, Condition, SqlOperators, condition

__all__ = ["Attached", "FilterTarget"]


@dataclass(frozen=True, slots=True)
class Attached:
    """Attached tables and the columns that they are joined on: `owner`, and `named` for aliases and stages.

    outer: the tables of both columns. listed: comparisons that are evaluated as `IN (SELECT …)`, not as `EXISTS`.
    """

    tables: AttachedTables
    owner: ColumnElement[Any]
    named: ColumnElement[Any]
    outer: tuple[FromClause, ...]
    listed: frozenset[Comparison] = frozenset()

    def holds(self, comparison: Comparison) -> Condition:
        """The comparison as a condition, true or false."""
        column, operator = comparison.column, comparison.operator
        owner = self.named if column.name in NAMES else self.owner
        if operator in NULLS:
            exists = self.tables.rows(column).exists(owner, *self.outer)
            return exists if operator is Operator.IS_NOT_NULL else not_(exists)
        if column.name in NAMES and operator in POSITIVE:  # none of several names may be equal
            return not_(self.holds(Comparison(column, POSITIVE[operator], comparison.value)))
        rows = self.tables.rows(column, comparison)
        return owner.in_(rows.query) if comparison in self.listed else rows.exists(owner, *self.outer)


@dataclass(frozen=True, slots=True)
class FilterTarget:
    """How the columns of a filter are found in a query.

    specs: the columns. value: the expression of a column of the row itself. version: sort key and prerelease of the
    column that is a version. attached: None where there are no attached tables.
    """

    operators: SqlOperators
    specs: Mapping[str, ColumnSpec]
    value: Callable[[Column], ColumnElement[Any]]
    version: tuple[ColumnElement[Any], ColumnElement[Any]]
    attached: Attached | None = None

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
        """The query in this order; rows without a value come last.

        present: a column of the order; only rows that have a value of it, and for which `also` holds, are selected.
        """
        for key in order:
            inner = key.column == present
            if self.attached is not None and key.column.name in KEYED:
                table, on, values, holds = self.attached.tables.joined(key.column, self.attached.owner, inner)
                query = query.join(table, on, isouter=not inner)
                query = query.where(*map(holds, also)) if inner else query
                nullable = not inner or len(values) > 1
            else:
                values, nullable = [self.ordered(key.column)], self.specs[key.column.name].optional
            for value in values:
                query = query.order_by(*self.operators.order_by(value, key.descending, nullable=nullable))
        return query

    def ordered(self, column: Column) -> ColumnElement[Any]:
        """The expression that orders by a column of the row itself."""
        if column.kind is Kind.VERSION:
            return self.version[0]
        value = self.value(column)
        return self.operators.by_code_point(value) if column.kind is Kind.TEXT else value

    def holds(self, comparison: Comparison) -> Condition:
        """A comparison as a condition, true or false."""
        column = comparison.column
        if self.attached is not None and column.name in (*KEYED, *NAMES):
            return self.attached.holds(comparison)
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
                return self.operators.number(value, comparison)
            case Kind.TIME:
                return self.operators.time(value, comparison)
            case Kind.VERSION:
                return self.operators.version(*self.version, comparison)
        return self.operators.text(value, comparison)

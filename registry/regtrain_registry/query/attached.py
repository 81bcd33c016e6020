"""Tables that hold what versions are searched by: metrics, parameters, tags, aliases and stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, select, true
from sqlalchemy.sql.selectable import FromClause

from regtrain_registry.db.tables import ALIASES
from regtrain_registry.db.tables.lifecycle import TAGS
from regtrain_registry.db.tables.search import METRICS, PARAMS, VERSION_PARAMS
from regtrain_registry.domain.policy import with_slash
from regtrain_registry.query import Column, Comparison, Filter, Operator, OrderKey
from regtrain_registry.query.sql_operators import Condition, SqlOperators
from regtrain_registry.query.tree import columns_of, comparisons_of

__all__ = ["KEYED", "NAMES", "NULLS", "AttachedTables"]

KEYED = ("metrics", "params", "tags")
NAMES = ("alias", "stage")
NULLS = (Operator.IS_NULL, Operator.IS_NOT_NULL)
MAX_PARAMS = 32  # values of one parameter that are asked for by their ids


class Rows(NamedTuple):
    """A query for ids of versions (or of models), and the column that it selects."""

    query: Select[Any]
    owner: ColumnElement[Any]

    def exists(self, owner: ColumnElement[Any], *outer: FromClause) -> Condition:
        """Whether there is a row for this owner; `outer` are the tables of the enclosing query that it comes from."""
        return self.query.where(self.owner == owner).correlate(*outer).exists()


class Joined(NamedTuple):
    """A table to join that has at most one row for a version.

    values: the columns to order by, all NULL where there is no row. holds: a comparison with these columns.
    """

    table: FromClause
    on: Condition
    values: list[ColumnElement[Any]]
    holds: Callable[[Comparison], Condition]


class AttachedTables:
    """Queries and joins of the attached tables for one filter."""

    def __init__(
        self,
        operators: SqlOperators,
        spelling: Mapping[str, str],
        params: Mapping[Comparison, Sequence[int]],
        named_on: str,
    ) -> None:
        """spelling: the recorded name of a metric by the name in the filter. params: ids in `rt_params` for which a
        comparison holds, unless there are more than `MAX_PARAMS`. named_on: the column of aliases that identifies
        their owner, `version_id` or `model_id`."""
        self.operators = operators
        self._spelling = spelling
        self._params = params
        self._named_on = named_on

    @classmethod
    def read(
        cls, connection: Connection, wanted: Filter | None, order: Sequence[OrderKey], named_on: str = "version_id"
    ) -> AttachedTables:
        """For this database. Names and parameters are looked up first, because databases estimate literal ids best."""
        operators = SqlOperators(connection.dialect.name)
        spelling = {}
        for column in columns_of(wanted, order):
            other = with_slash(column.key or "") if column.name == "metrics" else None
            if other is not None:  # `val_loss` may be recorded as such or as `val/loss`
                recorded = select(METRICS.c.version_id).where(METRICS.c.name == column.key).limit(1)
                if connection.execute(recorded).first() is None:
                    spelling[column.key or ""] = other
        params = {}
        for comparison in {} if wanted is None else set(comparisons_of(wanted)):
            if comparison.column.name == "params" and comparison.operator not in NULLS:
                ids = connection.execute(_ids_of(operators, comparison).limit(MAX_PARAMS + 1)).scalars().all()
                if len(ids) <= MAX_PARAMS:
                    params[comparison] = ids
        return cls(operators, spelling, params, named_on)

    def has_many_values(self, comparison: Comparison) -> bool:
        """Whether it is a comparison of a parameter that holds for more than `MAX_PARAMS` values."""
        params = comparison.column.name == "params" and comparison.operator not in NULLS
        return params and comparison not in self._params

    def rows(self, column: Column, comparison: Comparison | None = None) -> Rows:
        """The rows with the column's key; with a comparison only those for which it holds."""
        if column.name == "params":
            return self._rows_of_params(column, comparison)
        table, named, value = self._table(column)
        owner = table.c[self._named_on if column.name in NAMES else "version_id"]
        query = select(owner).where(named)
        if comparison is not None:
            compare = self.operators.number if column.name == "metrics" else self.operators.text
            query = query.where(compare(value, comparison))
        return Rows(query, owner)

    def joined(self, column: Column, version_id: ColumnElement[Any], inner: bool) -> Joined:
        """The table of a column that has a key; `inner`: for an inner join, which leaves out versions without a row."""
        if column.name == "params":
            return self._joined_params(column, version_id, inner)
        table, named, value = self._table(column)
        on = (table.c.version_id == version_id) & named
        if column.name == "metrics":
            return Joined(table, on, [value], partial(self.operators.number, value))
        return Joined(table, on, [self.operators.by_code_point(value)], partial(self.operators.text, value))

    def _table(self, column: Column) -> tuple[FromClause, Condition, ColumnElement[Any]]:
        """An alias of the column's table, the condition that chooses its key, and the column of values."""
        match column.name:
            case "metrics":
                table: FromClause = METRICS.alias()
                name = self._spelling.get(column.key or "", column.key)
                return table, self.operators.equals(table.c.name, name), table.c.value
            case "tags":
                table = TAGS.alias()
                return table, self.operators.equals(table.c.name, column.key), table.c.value
        table = ALIASES.alias()
        return table, table.c.gated == true() if column.name == "stage" else true(), table.c.name

    def _joined_params(self, column: Column, version_id: ColumnElement[Any], inner: bool) -> Joined:
        of, param = VERSION_PARAMS.alias(), PARAMS.alias()
        named = self.operators.equals(param.c.name, column.key)
        value: ColumnElement[Any] = param.c.value
        number: ColumnElement[Any] = param.c.number
        owner: ColumnElement[Any] = of.c.version_id
        table: FromClause = of.join(param, param.c.id == of.c.param_id)
        if not inner:
            query = select(owner, number, value).select_from(table).where(named)
            table, named = query.subquery(), true()
            value, number, owner = table.c.value, table.c.number, table.c.version_id
        values = [number, self.operators.by_code_point(value)]
        return Joined(table, (owner == version_id) & named, values, partial(self.operators.scalar, value, number))

    def _rows_of_params(self, column: Column, comparison: Comparison | None) -> Rows:
        of, param = VERSION_PARAMS.alias(), PARAMS.alias()
        query = select(of.c.version_id)
        if comparison is not None and comparison in self._params:
            return Rows(query.where(of.c.param_id.in_(self._params[comparison])), of.c.version_id)
        query = query.join(param, param.c.id == of.c.param_id).where(self.operators.equals(param.c.name, column.key))
        if comparison is not None:
            query = query.where(self.operators.scalar(param.c.value, param.c.number, comparison))
        return Rows(query, of.c.version_id)


def _ids_of(operators: SqlOperators, comparison: Comparison) -> Select[Any]:
    holds = operators.scalar(PARAMS.c.value, PARAMS.c.number, comparison)
    return select(PARAMS.c.id).where(operators.equals(PARAMS.c.name, comparison.column.key), holds)

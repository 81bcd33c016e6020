"""What hangs on versions and can be searched: metrics, parameters, tags, aliases and stages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, select, true
from sqlalchemy.sql.selectable import FromClause

from regtrain_registry.db.tables import ALIASES
from regtrain_registry.db.tables.finding import METRICS, PARAMS, VERSION_PARAMS
from regtrain_registry.db.tables.marking import TAGS
from regtrain_registry.domain.policy import with_slash
from regtrain_registry.query import Column, Comparison
from regtrain_registry.query.sql_operators import Comparing, Condition

__all__ = ["KEYED", "NAMES", "Related"]

KEYED = ("metrics", "params", "tags")
NAMES = ("alias", "stage")


class Rows(NamedTuple):
    """Rows of versions, and the column that says of which."""

    query: Select[Any]
    owner: ColumnElement[Any]

    def of(self, version_id: ColumnElement[Any], *outside: FromClause) -> Condition:
        """Whether this version has one; `outside` are the tables that `version_id` is a column of."""
        return self.query.where(self.owner == version_id).correlate(*outside).exists()


class Joined(NamedTuple):
    """A table with one row of a version at most, which one, what to order by, all NULL where there is none, and how a
    comparison is made with it."""

    table: FromClause
    on: Condition
    values: list[ColumnElement[Any]]
    holds: Callable[[Comparison], Condition]


class Related:
    """Queries of such rows."""

    def __init__(self, comparing: Comparing, spelling: Mapping[str, str], named_on: str) -> None:
        """spelling: names of metrics as they are recorded, by the names that are asked for. named_on: what aliases
        are asked for, `version_id` or `model_id`."""
        self.comparing = comparing
        self._spelling = spelling
        self._named_on = named_on

    @classmethod
    def reading(cls, connection: Connection, columns: Iterable[Column], named_on: str = "version_id") -> Related:
        """For this database; `val_loss` is looked up, because it may be recorded as such or as `val/loss`."""
        spelling = {}
        for column in set(columns):
            other = with_slash(column.key or "") if column.name == "metrics" else None
            if other is not None:
                recorded = select(METRICS.c.version_id).where(METRICS.c.name == column.key).limit(1)
                if connection.execute(recorded).first() is None:
                    spelling[column.key or ""] = other
        return cls(Comparing(connection.dialect.name), spelling, named_on)

    def rows(self, column: Column, comparison: Comparison | None = None) -> Rows:
        """The rows under the column's name; with a comparison those of them for which it holds."""
        if column.name == "params":
            return self._params(column, comparison)
        table, named, value = self._table(column)
        owner = table.c[self._named_on if column.name in NAMES else "version_id"]
        query = select(owner).where(named)
        if comparison is not None:
            compare = self.comparing.number if column.name == "metrics" else self.comparing.text
            query = query.where(compare(value, comparison))
        return Rows(query, owner)

    def joined(self, column: Column, version_id: ColumnElement[Any], surely: bool) -> Joined:
        """What a version has under the name of a column with a key; `surely`: only those that have are asked for."""
        if column.name == "params":
            return self._joined_params(column, version_id, surely)
        table, named, value = self._table(column)
        on = (table.c.version_id == version_id) & named
        if column.name == "metrics":
            return Joined(table, on, [value], partial(self.comparing.number, value))
        return Joined(table, on, [self.comparing.in_order(value)], partial(self.comparing.text, value))

    def leaves(self, comparison: Comparison) -> Select[Any]:
        """The values of a parameter, of any version, for which the comparison holds."""
        leaf = PARAMS.alias()
        holds = self.comparing.scalar(leaf.c.value, leaf.c.number, comparison)
        return select(leaf.c.id).where(self.comparing.same(leaf.c.name, comparison.column.key), holds)

    def _table(self, column: Column) -> tuple[FromClause, Condition, ColumnElement[Any]]:
        match column.name:
            case "metrics":
                table: FromClause = METRICS.alias()
                return (
                    table,
                    self.comparing.same(table.c.name, self._spelling.get(column.key or "", column.key)),
                    table.c.value,
                )
            case "tags":
                table = TAGS.alias()
                return table, self.comparing.same(table.c.name, column.key), table.c.value
        table = ALIASES.alias()
        return table, table.c.gated == true() if column.name == "stage" else true(), table.c.name

    def _joined_params(self, column: Column, version_id: ColumnElement[Any], surely: bool) -> Joined:
        of, leaf = VERSION_PARAMS.alias(), PARAMS.alias()
        named = self.comparing.same(leaf.c.name, column.key)
        value: ColumnElement[Any] = leaf.c.value
        number: ColumnElement[Any] = leaf.c.number
        owner: ColumnElement[Any] = of.c.version_id
        table: FromClause = of.join(leaf, leaf.c.id == of.c.param_id)
        if not surely:
            query = select(owner, number, value).select_from(table).where(named)
            table, named = query.subquery(), true()
            value, number, owner = table.c.value, table.c.number, table.c.version_id
        values = [number, self.comparing.in_order(value)]
        return Joined(table, (owner == version_id) & named, values, partial(self.comparing.scalar, value, number))

    def _params(self, column: Column, comparison: Comparison | None) -> Rows:
        of, leaf = VERSION_PARAMS.alias(), PARAMS.alias()
        query = (
            select(of.c.version_id)
            .join(leaf, leaf.c.id == of.c.param_id)
            .where(self.comparing.same(leaf.c.name, column.key))
        )
        if comparison is not None:
            query = query.where(self.comparing.scalar(leaf.c.value, leaf.c.number, comparison))
        return Rows(query, of.c.version_id)

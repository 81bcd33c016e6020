"""Search of versions: one query for their ids, along the indexes of the database.

No single form of that query is fast for every filter. `EXISTS` for each condition reads all versions where few match,
`IN (SELECT …)` reads all rows of a condition that most versions meet, and neither SQLite nor PostgreSQL knows how often
a value occurs together with others. So a few rows of each condition are counted first, and `Plan` is the decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, select

from regtrain_registry.db.columns import V
from regtrain_registry.db.tables import MODELS, VERSIONS
from regtrain_registry.query import And, Column, Comparison, Filter, Operator, OrderKey, columns
from regtrain_registry.query.attached import KEYED, NAMES, NULLS, AttachedTables
from regtrain_registry.query.filter_target import Attached, FilterTarget
from regtrain_registry.query.sql_operators import Condition
from regtrain_registry.query.tree import comparisons_of

__all__ = ["Plan", "version_ids"]

FEW = 2_000  # versions that are looked up one by one
_EQUAL = (Operator.EQ, Operator.IN)
_SELECTIVE = (*_EQUAL, Operator.LT, Operator.LE, Operator.GT, Operator.GE)
_COUNTED = {  # columns whose rows are counted by an index, and the operators that may choose few
    **dict.fromkeys((*KEYED, *NAMES, "created_at"), _SELECTIVE),
    **dict.fromkeys(("name", "run_id", "status"), _EQUAL),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The form of a query. `listed`: comparisons evaluated as `IN (SELECT …)`, the others as `EXISTS`. `along_order`:
    versions are read in the order of the first column that is ordered by, and not sorted."""

    listed: frozenset[Comparison] = frozenset()
    along_order: bool = True


def version_ids(
    connection: Connection,
    wanted: Filter | None,
    order: Sequence[OrderKey],
    limit: int | None,
    model_id: int | None = None,
    plan: Plan | None = None,
) -> list[int]:
    """Ids of the versions that the filter selects, of one model or of all.

    Without an order the newest come first, of one model the highest. Ties go by number, then the newest first.
    plan: decided here if it is left out.
    """
    tables = AttachedTables.read(connection, wanted, order)
    attached = Attached(tables, V.id, V.id, (VERSIONS,))
    specs = columns.VERSIONS.specs
    target = _Versions(tables.operators, specs, lambda column: V[column.name], (V.sort_key, V.prerelease), attached)
    query = select(V.id) if model_id is None else select(V.id).where(V.model_id == model_id)
    plan = plan or _plan(connection, query, target, tables, wanted, order)
    if wanted is not None:
        target = replace(target, attached=replace(attached, listed=plan.listed))
        query = query.where(target.condition(wanted))
    if not order:
        newest = V.id.desc() if model_id is None else V.sort_key.desc()
        return list(connection.execute(query.order_by(newest).limit(limit)).scalars())
    if not plan.along_order or order[0].column.name not in KEYED:
        return list(connection.execute(_limited(target.in_order(query, order), limit)).scalars())
    return list(_along_order(connection, query, target, tables, order, limit, list(_required(wanted))))


class _Versions(FilterTarget):
    """Versions, which have the names of their models."""

    __slots__ = ()

    def holds(self, comparison: Comparison) -> Condition:
        if comparison.column.name != "name":
            return FilterTarget.holds(self, comparison)
        named = self.operators.text(MODELS.c.name, comparison)
        return V.model_id.in_(select(MODELS.c.id).where(named))

    def ordered(self, column: Column) -> ColumnElement[Any]:
        if column.name != "name":
            return FilterTarget.ordered(self, column)
        name = select(self.operators.by_code_point(MODELS.c.name)).where(MODELS.c.id == V.model_id)
        return name.correlate(VERSIONS).scalar_subquery()


def _plan(
    connection: Connection,
    query: Select[Any],
    target: FilterTarget,
    tables: AttachedTables,
    wanted: Filter | None,
    order: Sequence[OrderKey],
) -> Plan:
    """The decision by counts of a few rows. query: the versions of one model or of all."""
    if wanted is None:
        few = bool(order) and query.whereclause is not None and _count(connection, query, FEW) <= FEW
        return Plan(along_order=not few)
    rarest = _rarest(connection, target, tables, _required(wanted))
    listed = {one for one in comparisons_of(wanted) if tables.has_many_values(one)} | ({rarest} if rarest else set())
    along = bool(order) and (rarest is None or rarest.column == order[0].column)
    if along and query.whereclause is not None:
        along = _count(connection, query, FEW) > FEW
    return Plan(frozenset(listed), along)


def _rarest(
    connection: Connection, target: FilterTarget, tables: AttachedTables, required: Iterator[Comparison]
) -> Comparison | None:
    """The comparison that holds for the fewest rows, if these are no more than `FEW`."""
    counts: dict[Comparison, int] = {}
    for comparison in required:
        column = comparison.column
        if comparison.operator in _COUNTED.get(column.name, ()):
            attached = column.name in (*KEYED, *NAMES)
            rows = tables.rows(column, comparison).query if attached else select(V.id).where(target.holds(comparison))
            counts[comparison] = _count(connection, rows, FEW)
    rarest = min(counts, key=counts.__getitem__, default=None)
    return rarest if rarest is not None and counts[rarest] <= FEW else None


def _along_order(
    connection: Connection,
    query: Select[Any],
    target: FilterTarget,
    tables: AttachedTables,
    order: Sequence[OrderKey],
    limit: int | None,
    required: Sequence[Comparison],
) -> Iterator[int]:
    """Versions with a value of the first column, along its index; then the versions without one.

    A single query with an outer join would read every version before the first one is known. The second query is left
    out where the filter requires a value.
    """
    first = order[0].column
    also = [one for one in required if one.column == first and one.operator not in NULLS]
    found = connection.execute(_limited(target.in_order(query, order, first, also), limit)).scalars().all()
    yield from found
    if also or (limit is not None and len(found) >= limit):
        return
    without = query.where(~tables.rows(first).exists(V.id, VERSIONS))
    rest = None if limit is None else limit - len(found)
    yield from connection.execute(_limited(target.in_order(without, order[1:]), rest)).scalars()


def _limited(query: Select[Any], limit: int | None) -> Select[Any]:
    return query.order_by(V.number.desc(), V.id.desc()).limit(limit)


def _count(connection: Connection, query: Select[Any], most: int) -> int:
    """The number of rows, counted up to one more than `most`."""
    some = query.with_only_columns(literal_column("1"), maintain_column_froms=True).limit(most + 1).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def _required(wanted: Filter | None) -> Iterator[Comparison]:
    """Comparisons that hold for every version that the filter selects."""
    if isinstance(wanted, Comparison):
        yield wanted
    elif isinstance(wanted, And):
        for part in wanted.parts:
            yield from _required(part)

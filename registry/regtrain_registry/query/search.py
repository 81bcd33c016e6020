"""Finding versions by a filter: wholly in the database, along its indexes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, select

from regtrain_registry.db.columns import V
from regtrain_registry.db.tables import MODELS, VERSIONS
from regtrain_registry.query import And, Column, Comparison, Filter, Operator, OrderKey
from regtrain_registry.query.attached import KEYED, NAMES, Related
from regtrain_registry.query.filter_target import Hanging, Subject
from regtrain_registry.query.sql_operators import Condition
from regtrain_registry.query.tree import columns_of, comparisons_of

__all__ = ["version_ids"]

FEW = 2_000  # versions that are looked up one by one rather than met on the way
FEW_LEAVES = 32  # values of one parameter that each version is asked for in turn
_PICKY = (Operator.EQ, Operator.IN, Operator.LT, Operator.LE, Operator.GT, Operator.GE)
_NULLS = (Operator.IS_NULL, Operator.IS_NOT_NULL)


def version_ids(
    connection: Connection,
    wanted: Filter | None,
    order: Sequence[OrderKey],
    limit: int | None,
    model_id: int | None = None,
) -> list[int]:
    """Ids of the versions that the filter chooses, of one model or of all.

    Without an order the newest come first, of one model the highest. Ties go by number, then the newest first.
    """
    related = Related.reading(connection, columns_of(wanted, order))
    hanging = Hanging(related, V.id, V.id, (VERSIONS,))
    subject = _Versions(related.comparing, lambda column: V[column.name], (V.sort_key, V.prerelease), hanging)
    query = select(V.id) if model_id is None else select(V.id).where(V.model_id == model_id)
    few = model_id is not None and _count(connection, query, FEW) <= FEW
    required = [] if wanted is None else list(_required(wanted))
    fewest = _fewest(connection, subject, related, required)
    if wanted is not None:
        first = {*([fewest] if fewest else []), *_many_valued(connection, wanted, related)}
        hanging = replace(hanging, first=frozenset(first))
        subject = replace(subject, hanging=hanging)
        query = query.where(subject.condition(wanted))
    if not order:
        newest = V.id.desc() if model_id is None else V.sort_key.desc()
        return list(connection.execute(query.order_by(newest).limit(limit)).scalars())
    leading = order[0].column
    if leading.name not in KEYED or few or (fewest and fewest.column != leading):
        return list(connection.execute(_limited(subject.in_order(query, order), limit)).scalars())
    sure = [one for one in required if one.column == leading and one.operator not in _NULLS]
    return list(_along_rows(connection, query, subject, hanging, order, limit, sure))


class _Versions(Subject):
    """Versions, whose names are those of their models."""

    __slots__ = ()

    def holds(self, comparison: Comparison) -> Condition:
        if comparison.column.name != "name":
            return Subject.holds(self, comparison)
        named = self.comparing.text(MODELS.c.name, comparison)
        return V.model_id.in_(select(MODELS.c.id).where(named))

    def ordered(self, column: Column) -> ColumnElement[Any]:
        if column.name != "name":
            return Subject.ordered(self, column)
        name = select(self.comparing.in_order(MODELS.c.name)).where(MODELS.c.id == V.model_id)
        return name.correlate(VERSIONS).scalar_subquery()


def _limited(query: Select[Any], limit: int | None) -> Select[Any]:
    return query.order_by(V.number.desc(), V.id.desc()).limit(limit)


def _along_rows(
    connection: Connection,
    query: Select[Any],
    subject: Subject,
    hanging: Hanging,
    order: Sequence[OrderKey],
    limit: int | None,
    sure: Sequence[Comparison],
) -> Iterator[int]:
    """First what has a value of the first column, along the index of its rows; then what has none.

    In one step every version would have to be read before the first ones were known. `sure` is what the filter asks
    of the first column: then there is no second step.
    """
    leading = order[0].column
    found = connection.execute(_limited(subject.in_order(query, order, leading, sure), limit)).scalars().all()
    yield from found
    if sure or (limit is not None and len(found) >= limit):
        return
    without = query.where(~hanging.related.rows(leading).of(V.id, VERSIONS))
    rest = None if limit is None else limit - len(found)
    yield from connection.execute(_limited(subject.in_order(without, order[1:]), rest)).scalars()


def _fewest(
    connection: Connection, subject: Subject, related: Related, required: Sequence[Comparison]
) -> Comparison | None:
    """The comparison with the fewest rows, if they are few: they are read first, and their versions looked up."""
    counts: dict[Comparison, int] = {}
    for comparison in required:
        if comparison.column.name in (*KEYED, *NAMES) and comparison.operator in _PICKY:
            counts[comparison] = _count(connection, related.rows(comparison.column, comparison).query, FEW)
        elif comparison.column.name in ("name", "run_id") and comparison.operator in (Operator.EQ, Operator.IN):
            counts[comparison] = _count(connection, select(V.id).where(subject.holds(comparison)), FEW)
    fewest = min(counts, key=counts.__getitem__, default=None)
    return fewest if fewest is not None and counts[fewest] <= FEW else None


def _many_valued(connection: Connection, wanted: Filter, related: Related) -> set[Comparison]:
    """Comparisons of parameters that hold for many values: no version is asked for each of them in turn."""
    compared = {one for one in comparisons_of(wanted) if one.column.name == "params" and one.operator not in _NULLS}
    return {one for one in compared if _count(connection, related.leaves(one), FEW_LEAVES) > FEW_LEAVES}


def _count(connection: Connection, query: Select[Any], most: int) -> int:
    """How many rows there are, counted to one more than `most`."""
    some = query.with_only_columns(literal_column("1"), maintain_column_froms=True).limit(most + 1).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def _required(wanted: Filter) -> Iterator[Comparison]:
    """Comparisons without which nothing is chosen."""
    if isinstance(wanted, Comparison):
        yield wanted
    elif isinstance(wanted, And):
        for part in wanted.parts:
            yield from _required(part)

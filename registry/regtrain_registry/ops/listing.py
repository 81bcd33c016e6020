"""Search of models and of runs: queries for their ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, and_, case, cast, func, literal, select, type_coerce

from regtrain_registry.db.tables import MODELS, VERSIONS
from regtrain_registry.db.tables.lineage import RUNS
from regtrain_registry.domain.policy import with_slash
from regtrain_registry.domain.run_records import RunStatus
from regtrain_registry.ops.read_models import counted_models
from regtrain_registry.ops.runs import lost_ids, with_version
from regtrain_registry.query import Column, Filter, OrderKey, columns
from regtrain_registry.query.attached import AttachedTables
from regtrain_registry.query.filter_target import Attached, FilterTarget
from regtrain_registry.query.sql_operators import SqlOperators
from regtrain_registry.query.tree import columns_of

__all__ = ["model_ids", "run_ids"]

_LONGEST_NUMBER = 300  # digits; longer ones are no finite doubles
_MYSQL_NUMBERS = ("INTEGER", "UNSIGNED INTEGER", "DOUBLE", "DECIMAL")


def model_ids(connection: Connection, wanted: Filter | None, order: Sequence[OrderKey], limit: int | None) -> list[int]:
    """Ids of the models that the filter selects, by name where the order leaves a choice.

    `latest`, `number`, `status`, `created_at`, metrics, parameters and tags are those of the latest version, aliases
    and stages those of any.
    """
    joined, counted, latest = counted_models()
    tables = AttachedTables.read(connection, wanted, order, named_on="model_id")
    own = {"name": MODELS.c.name, "versions": counted.c.versions, "size_bytes": counted.c.size_bytes}

    def value(column: Column) -> ColumnElement[Any]:
        found = own.get(column.name)
        return latest.c[column.name] if found is None else found

    attached = Attached(tables, latest.c.id, MODELS.c.id, (MODELS, latest))
    version = latest.c.sort_key, latest.c.prerelease
    target = FilterTarget(tables.operators, columns.MODELS.specs, value, version, attached)
    query = target.in_order(select(MODELS.c.id).select_from(joined), order)
    if wanted is not None:
        query = query.where(target.condition(wanted))
    query = query.order_by(tables.operators.by_code_point(MODELS.c.name))
    return list(connection.execute(query.limit(limit)).scalars())


def run_ids(connection: Connection, wanted: Filter | None, order: Sequence[OrderKey], limit: int | None) -> list[str]:
    """Ids of the runs that the filter selects, the newest first where the order leaves a choice.

    `model` and `version` are those of the newest version that the run registered.
    """
    operators = SqlOperators(connection.dialect.name)
    own: dict[str, ColumnElement[Any]] = {"run_id": RUNS.c.id, "model": MODELS.c.name}
    if any(column.name == "status" for column in columns_of(wanted, order)):
        own["status"] = case((RUNS.c.id.in_(lost_ids(connection)), RunStatus.LOST.value), else_=RUNS.c.status)

    def value(column: Column) -> ColumnElement[Any]:
        if column.name == "metrics":
            names = [column.key or "", with_slash(column.key or "")]
            return func.coalesce(*(_number(connection.dialect.name, name) for name in names if name), None)
        found = own.get(column.name)
        return RUNS.c[column.name] if found is None else found

    target = FilterTarget(operators, columns.RUNS.specs, value, (VERSIONS.c.sort_key, VERSIONS.c.prerelease))
    query = target.in_order(with_version([RUNS.c.id]), order)
    if wanted is not None:
        query = query.where(target.condition(wanted))
    query = query.order_by(RUNS.c.started_at.desc(), operators.by_code_point(RUNS.c.id).desc())
    return list(connection.execute(query.limit(limit)).scalars())


def _number(dialect: str, name: str) -> ColumnElement[Any]:
    """The finite number with this name in a run's metrics, else NULL. The name is a bound parameter."""
    metrics = RUNS.c.metrics
    match dialect:
        case "sqlite":
            each = func.json_each(metrics).table_valued("key", "value", "type")
            query = select(each.c.value).where(each.c.key == name, each.c.type.in_(["integer", "real"]))
            return type_coerce(query.correlate(RUNS).scalar_subquery(), Double)
        case "postgresql":
            text = metrics.op("->>")(literal(name))
            sound = and_(func.json_typeof(metrics[name]) == "number", func.length(text) < _LONGEST_NUMBER)
            return case((sound, cast(text, Double)), else_=None)
    found = func.json_extract(metrics, func.concat("$.", func.json_quote(name)))
    sound = and_(func.json_type(found).in_(_MYSQL_NUMBERS), func.length(found) < _LONGEST_NUMBER)
    return case((sound, type_coerce(found, Double) + literal(0.0, Double)), else_=None)

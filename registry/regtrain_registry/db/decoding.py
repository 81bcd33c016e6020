"""Reading rows column by column: which values can be decoded, and which are damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Float,
    FromClause,
    Integer,
    Select,
    select,
    type_coerce,
)
from sqlalchemy.types import NULLTYPE

from regtrain_registry.db.tables import UNREADABLE
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.records import ArtifactKind, Relation, VersionStatus
from regtrain_registry.domain.run_records import RunStatus

__all__ = ["DamagedValue", "damaged_values", "decode_row", "raw_row"]

_SHOWN = 40  # characters of a damaged value
_CHOICES: dict[str, type[StrEnum]] = {
    "rt_artifacts.kind": ArtifactKind,
    "rt_lineage.relation": Relation,
    "rt_run_inputs.relation": Relation,
    "rt_events.kind": EventKind,
    "rt_versions.status": VersionStatus,
    "rt_runs.status": RunStatus,
}
_KEYS = {
    "rt_versions.bump": {"kind", "computed", "reasons", "overruled"},
    "rt_versions.recipe": {"config", "data", "code", "state"},
}


@dataclass(frozen=True, slots=True)
class DamagedValue:
    """A value that cannot be decoded. `row`: the primary key, such as `id 7`."""

    table: str
    row: str
    column: str
    value: str

    def __str__(self) -> str:
        return f"row {self.row} of {self.table}: {self.column} cannot be read: {self.value}"


def damaged_values(
    connection: Connection, table: FromClause, key: Column[Any] | None = None, value: Any = None
) -> Iterator[DamagedValue]:
    """Every damaged value of a table, or of its rows in which the column `key` has this value."""
    query = _raw(table)
    for row in connection.execute(query if key is None else query.where(key == value)):
        yield from decode_row(connection, table, row)[1]


def decode_row(connection: Connection, table: FromClause, row: Any) -> tuple[dict[str, Any], list[DamagedValue]]:
    """The values of a row of `raw_row` or of `damaged_values`; None for the damaged ones, which are listed."""
    values: dict[str, Any] = {}
    damaged: list[DamagedValue] = []
    for column, raw in zip(table.columns, row, strict=True):
        try:
            values[column.name] = _decode(connection, column, raw)
        except UNREADABLE:
            values[column.name] = None
            keys = zip(table.columns, row, strict=True)
            key = ", ".join(f"{one.name} {_short(found)}" for one, found in keys if one.primary_key)
            damaged.append(DamagedValue(str(table), key, column.name, _short(raw)))
    return values, damaged


def raw_row(connection: Connection, table: FromClause, key: Column[Any], value: Any) -> Any:
    """A row with the values of the driver, which nothing has decoded; None if there is none."""
    return connection.execute(_raw(table).where(key == value)).first()


@cache
def _raw(table: FromClause) -> Select[Any]:
    columns: list[Any] = [type_coerce(column, NULLTYPE).label(column.name) for column in table.columns]
    return select(*columns)


def _decode(connection: Connection, column: Any, raw: Any) -> Any:
    """The value; one of `UNREADABLE` where it is not of the column's type."""
    if raw is None:
        if column.nullable:
            return None
        raise ValueError("NULL")
    value, kind = raw, _generic(column)
    if isinstance(kind, Boolean) and raw not in (0, 1):  # SQLite's processor accepts anything
        raise ValueError(raw)
    if not isinstance(kind, Float):  # PostgreSQL's processor of numbers needs the type of the cursor
        process = column.type.dialect_impl(connection.dialect).result_processor(connection.dialect, None)
        value = raw if process is None else process(raw)
    if value is None and column.nullable:  # the null of JSON
        return None
    if not isinstance(value, _python_type(column)) or (isinstance(value, bool) and _python_type(column) is int):
        raise TypeError(type(value).__name__)
    name = f"{column.table.name}.{column.name}"
    if name in _CHOICES:
        _CHOICES[name](value)
    if not _KEYS.get(name, set()) <= set(value if isinstance(value, dict) else ()):
        raise LookupError(name)
    return value


def _python_type(column: Any) -> type[Any] | tuple[type[Any], ...]:
    match _generic(column):
        case JSON():
            return dict
        case DateTime():
            return datetime
        case Boolean():
            return bool
        case Integer():
            return int
        case Float():
            return (float, int)
    return str


def _generic(column: Any) -> Any:
    """The column's type, or that which it decorates."""
    return getattr(column.type, "impl_instance", column.type)


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

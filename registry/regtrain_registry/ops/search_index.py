"""The search index: rows for metrics, parameters and data, written when a version is registered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from regtrain_registry.db.columns import new_id
from regtrain_registry.db.tables.search import DATA, METRICS, PARAMS, VERSION_PARAMS
from regtrain_registry.json_values import digests, finite_numbers, leaves

__all__ = ["index"]

_INSERT_METRICS, _INSERT_DATA = insert(METRICS), insert(DATA)
_INSERT_PARAM, _INSERT_VERSION_PARAMS = insert(PARAMS), insert(VERSION_PARAMS)
_KNOWN_PARAMS = select(PARAMS.c.id, PARAMS.c.name, PARAMS.c.value).where(
    PARAMS.c.name.in_(bindparam("names", expanding=True)), PARAMS.c.value.in_(bindparam("values", expanding=True))
)


def index(
    connection: Connection,
    version_id: int,
    metrics: Mapping[str, Any],
    config: Mapping[str, Any],
    data: Mapping[str, Any],
) -> None:
    """Insert the rows that a search reads for this version."""
    numbers = [{"version_id": version_id, "name": k, "value": v} for k, v in finite_numbers(metrics).items()]
    if numbers:
        connection.execute(_INSERT_METRICS, numbers)
    fingerprints = [{"version_id": version_id, "name": k, "digest": v} for k, v in digests(data).items()]
    if fingerprints:
        connection.execute(_INSERT_DATA, fingerprints)
    params = _params(connection, leaves(config))
    if params:
        rows = [{"param_id": param, "version_id": version_id} for param in params]
        connection.execute(_INSERT_VERSION_PARAMS, rows)


def _params(connection: Connection, params: Mapping[str, tuple[str, float | None]]) -> list[int]:
    """Ids of the parameters; new ones are inserted in one order by all writers, which prevents deadlocks."""
    if not params:
        return []
    values = sorted({value for value, _ in params.values()})
    known = connection.execute(_KNOWN_PARAMS, {"names": sorted(params), "values": values})
    ids = {(row.name, row.value): row.id for row in known}
    for name, (value, number) in sorted(params.items()):
        if (name, value) not in ids:
            row = {"name": name, "value": value, "number": number}
            ids[name, value] = new_id(connection.execute(_INSERT_PARAM, row))
    return sorted({ids[name, value] for name, (value, _) in params.items()})

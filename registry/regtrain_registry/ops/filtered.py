"""Models, versions and runs that a filter chooses, in a given order."""

from __future__ import annotations

from sqlalchemy import Connection

from regtrain_registry.db.engine import Database
from regtrain_registry.domain.records import ModelInfo, VersionInfo
from regtrain_registry.domain.run_records import RunInfo, RunStatus
from regtrain_registry.ops import listing, read, read_models
from regtrain_registry.ops import runs as run_rows
from regtrain_registry.ops.resolve import model_id
from regtrain_registry.query import And, columns, parse_filter, parse_order, search

__all__ = ["models", "runs", "versions"]


def models(database: Database, filter: str | None, order_by: str | None, limit: int | None) -> list[ModelInfo]:
    """Models, by name where no order is given; `FilterSyntaxError`."""
    wanted = None if filter is None else parse_filter(filter, columns.MODELS)
    order = () if order_by is None else parse_order(order_by, columns.MODELS)

    def work(connection: Connection) -> list[ModelInfo]:
        return read_models.models_of(connection, listing.model_ids(connection, wanted, order, limit))

    return database.read(work)


def versions(
    database: Database, filter: str | None, order_by: str | None, limit: int | None, model: str | None
) -> list[VersionInfo]:
    """Versions of every model or of one; `FilterSyntaxError`, `ModelNotFoundError`."""
    wanted = None if filter is None else parse_filter(filter, columns.VERSIONS)
    order = () if order_by is None else parse_order(order_by, columns.VERSIONS)

    def work(connection: Connection) -> list[VersionInfo]:
        owner = None if model is None else model_id(connection, model)
        return read.of_ids(connection, search.version_ids(connection, wanted, order, limit, owner))

    return database.read(work)


def runs(
    database: Database, filter: str | None, order_by: str | None, limit: int | None, status: RunStatus | None
) -> list[RunInfo]:
    """Runs, newest first where no order is given; `FilterSyntaxError`."""
    wanted = None if filter is None else parse_filter(filter, columns.RUNS)
    if status is not None:
        only = parse_filter(f"status = {status.value}", columns.RUNS)
        wanted = only if wanted is None else And((only, wanted))
    order = () if order_by is None else parse_order(order_by, columns.RUNS)

    def work(connection: Connection) -> list[RunInfo]:
        return run_rows.of_ids(connection, listing.run_ids(connection, wanted, order, limit))

    return database.read(work)

"""The schema that a database has, in forms that compare."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from regtrain_registry.db.migrations import VERSION_TABLE
from regtrain_registry.db.tables.all import METADATA, PREFIX


def differences(connection: Connection) -> list[Any]:
    """What alembic would change in our tables to make them those of the program."""

    def is_ours(name: str | None, kind: str, _parents: Any) -> bool:
        return kind != "table" or (name or "").startswith(PREFIX)

    options = {"version_table": VERSION_TABLE, "compare_type": True, "include_name": is_ours}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))


def structure(connection: Connection) -> dict[str, Any]:
    """Everything that SQLAlchemy can see of our tables."""
    inspector = inspect(connection)
    tables = [name for name in inspector.get_table_names() if name.startswith(PREFIX) and name != VERSION_TABLE]
    return {
        name: {
            "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)],
            "primary key": inspector.get_pk_constraint(name),
            "unique": sorted((u["name"], u["column_names"]) for u in inspector.get_unique_constraints(name)),
            "indexes": sorted((i["name"], i["column_names"]) for i in inspector.get_indexes(name)),
            "references": sorted(
                (f["name"], f["referred_table"], str(f["options"])) for f in inspector.get_foreign_keys(name)
            ),
            "options": inspector.get_table_options(name),
        }
        for name in tables
    }


def structure_of_tables(connection: Connection) -> dict[str, Any]:
    """The same of our tables when no migration makes them; what was there is dropped."""
    METADATA.drop_all(connection)
    if connection.dialect.name == "mysql":  # the migration says it for each table
        connection.exec_driver_sql("ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    METADATA.create_all(connection)
    return structure(connection)

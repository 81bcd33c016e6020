"""What alembic runs for every command: our tables only, in the transaction that the caller opened."""

from __future__ import annotations

from typing import Any

from alembic import context

from regtrain_registry.db.migrations import VERSION_TABLE
from regtrain_registry.db.tables.all import METADATA, PREFIX


def _is_ours(name: str | None, kind: str, parents: Any) -> bool:
    """Other packages keep tables in the same database: they are never compared and never touched."""
    return kind != "table" or (name is not None and name.startswith(PREFIX))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    include_name=_is_ours,
    render_as_batch=True,
)
context.run_migrations()

"""Exports and signatures from an archive are marked as unverified."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from regtrain_registry.db.migrations.steps import TIME, add_column, drop_column

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Table → the kind of the event that recording a row here appends, at the very time that the row has.
KINDS = {"rt_exports": "exported", "rt_signatures": "signed"}


def upgrade() -> None:
    """A row without an event of this registry came from another one: what it claims was not verified here."""
    for table, kind in KINDS.items():
        add_column(table, sa.Column("unverified", sa.Boolean(), nullable=False, server_default=sa.false()))
        _mark_unverified(table, kind)


def downgrade() -> None:
    """The rows stay."""
    for table in KINDS:
        drop_column(table, "unverified")


def _mark_unverified(table: str, kind: str) -> None:
    rows = sa.table(
        table, sa.column("version_id"), sa.column("created_at", TIME), sa.column("unverified", sa.Boolean())
    )
    versions = sa.table("rt_versions", sa.column("id"), sa.column("model_id"))
    events = sa.table("rt_events", sa.column("model_id"), sa.column("at", TIME), sa.column("kind"))
    recorded_here = (
        sa.select(sa.literal(1))
        .select_from(versions.join(events, events.c.model_id == versions.c.model_id))
        .where(versions.c.id == rows.c.version_id, events.c.kind == kind, events.c.at == rows.c.created_at)
        .correlate(rows)
        .exists()
    )
    op.execute(sa.update(rows).where(~recorded_here).values(unverified=sa.true()))

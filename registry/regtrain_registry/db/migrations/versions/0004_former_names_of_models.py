"""Former names of models, which go on answering after a rename."""

from __future__ import annotations

import sqlalchemy as sa

from regtrain_registry.db.migrations.steps import (
    TIME,
    add_column,
    add_index,
    add_table,
    drop_column,
    drop_table,
    reference,
)

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Without values: no model has been renamed yet."""
    add_column("rt_models", sa.Column("first_name", sa.String(64), nullable=True))
    add_table(
        "rt_former_names",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("renamed_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_rt_former_names"),
        reference("rt_former_names", "model_id", "rt_models.id"),
    )
    add_index("rt_former_names", "model_id")


def downgrade() -> None:
    """Former names stop answering; models keep the names that they have."""
    drop_table("rt_former_names")
    drop_column("rt_models", "first_name")

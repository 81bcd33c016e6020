"""The first schema: models, versions, artifacts, blobs, lineage, aliases, runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from regtrain_registry.db.migrations.steps import DOCUMENT, LONG_TEXT, TIME, add_index, add_table, reference

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is missing: where schema changes are not transactional, half of it may be there."""
    _models_and_blobs()
    _runs()
    _versions()
    _what_hangs_on_versions()


def downgrade() -> None:
    """There is nothing before the first schema."""
    for table in ("aliases", "lineage", "artifacts", "versions", "blobs", "runs", "models"):
        op.drop_table(f"rt_{table}")


def _models_and_blobs() -> None:
    add_table(
        "rt_models",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("next_number", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rt_models"),
        sa.UniqueConstraint("name", name="uq_rt_models_name"),
    )
    add_table(
        "rt_blobs",
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_rt_blobs"),
    )


def _runs() -> None:
    add_table(
        "rt_runs",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("run_dir", sa.String(700), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=True),
        sa.Column("pid_started", sa.Double(), nullable=True),
        sa.Column("boot_id", sa.String(64), nullable=True),
        sa.Column("resumed_from", sa.String(700), nullable=True),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("steps", sa.BigInteger(), nullable=True),
        sa.Column("epochs", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("metrics", DOCUMENT, nullable=False),
        sa.Column("best", DOCUMENT, nullable=True),
        sa.Column("data", DOCUMENT, nullable=False),
        sa.Column("code", DOCUMENT, nullable=False),
        sa.Column("environment", DOCUMENT, nullable=False),
        sa.Column("config", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rt_runs"),
    )
    add_index("rt_runs", "name", "started_at")
    add_index("rt_runs", "run_dir")
    add_index("rt_runs", "started_at")


def _versions() -> None:
    identity = ["model_id", "major", "minor", "patch", "prerelease"]
    add_table(
        "rt_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("major", sa.Integer(), nullable=False),
        sa.Column("minor", sa.Integer(), nullable=False),
        sa.Column("patch", sa.Integer(), nullable=False),
        sa.Column("prerelease", sa.String(64), nullable=False),
        sa.Column("sort_key", sa.String(400), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=True),
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("git_commit", sa.String(64), nullable=True),
        sa.Column("dirty", sa.Boolean(), nullable=True),
        sa.Column("idempotency_key", sa.String(128), nullable=True),
        sa.Column("summary", LONG_TEXT, nullable=False),
        sa.Column("bump", DOCUMENT, nullable=False),
        sa.Column("metrics", DOCUMENT, nullable=False),
        sa.Column("signature", DOCUMENT, nullable=False),
        sa.Column("config", DOCUMENT, nullable=False),
        sa.Column("recipe", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rt_versions"),
        sa.UniqueConstraint(*identity, name="uq_rt_versions_model_id_major_minor_patch_prerelease"),
        sa.UniqueConstraint("model_id", "number", name="uq_rt_versions_model_id_number"),
        sa.UniqueConstraint("idempotency_key", name="uq_rt_versions_idempotency_key"),
        reference("rt_versions", "model_id", "rt_models.id"),
        reference("rt_versions", "run_id", "rt_runs.id"),
    )
    add_index("rt_versions", "model_id", "sort_key", "status", "prerelease", "size_bytes", name="ix_rt_versions_order")
    add_index("rt_versions", "run_id")


def _what_hangs_on_versions() -> None:
    add_table(
        "rt_artifacts",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("version_id", "path", name="pk_rt_artifacts"),
        reference("rt_artifacts", "version_id", "rt_versions.id"),
        reference("rt_artifacts", "digest", "rt_blobs.digest"),
    )
    add_index("rt_artifacts", "digest")
    add_table(
        "rt_lineage",
        sa.Column("child_id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=False),
        sa.Column("relation", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("child_id", "parent_id", "relation", name="pk_rt_lineage"),
        reference("rt_lineage", "child_id", "rt_versions.id"),
        reference("rt_lineage", "parent_id", "rt_versions.id"),
    )
    add_index("rt_lineage", "parent_id")
    add_table(
        "rt_aliases",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("model_id", "name", name="pk_rt_aliases"),
        reference("rt_aliases", "model_id", "rt_models.id"),
        reference("rt_aliases", "version_id", "rt_versions.id"),
    )
    add_index("rt_aliases", "version_id")

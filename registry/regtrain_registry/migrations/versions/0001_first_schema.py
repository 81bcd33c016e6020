"""The first schema: models, versions, artifacts, blobs, lineage, aliases, runs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql")
DOCUMENT = sa.JSON().with_variant(mysql.LONGTEXT(), "mysql")
# By its own habit: perhaps no transactions, no letters but Latin ones, and `Key` the same as `key`.
MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


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
    _table(
        "rt_models",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("next_number", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rt_models"),
        sa.UniqueConstraint("name", name="uq_rt_models_name"),
    )
    _table(
        "rt_blobs",
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_rt_blobs"),
    )


def _runs() -> None:
    _table(
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
    _index("ix_rt_runs_name_started_at", "rt_runs", "name", "started_at")
    _index("ix_rt_runs_run_dir", "rt_runs", "run_dir")
    _index("ix_rt_runs_started_at", "rt_runs", "started_at")


def _versions() -> None:
    identity = ["model_id", "major", "minor", "patch", "prerelease"]
    _table(
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
        _reference("rt_versions", "model_id", "rt_models.id"),
        _reference("rt_versions", "run_id", "rt_runs.id"),
    )
    _index("ix_rt_versions_order", "rt_versions", "model_id", "sort_key", "status", "prerelease", "size_bytes")
    _index("ix_rt_versions_run_id", "rt_versions", "run_id")


def _what_hangs_on_versions() -> None:
    _table(
        "rt_artifacts",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("version_id", "path", name="pk_rt_artifacts"),
        _reference("rt_artifacts", "version_id", "rt_versions.id"),
        _reference("rt_artifacts", "digest", "rt_blobs.digest"),
    )
    _index("ix_rt_artifacts_digest", "rt_artifacts", "digest")
    _table(
        "rt_lineage",
        sa.Column("child_id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=False),
        sa.Column("relation", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("child_id", "parent_id", "relation", name="pk_rt_lineage"),
        _reference("rt_lineage", "child_id", "rt_versions.id"),
        _reference("rt_lineage", "parent_id", "rt_versions.id"),
    )
    _index("ix_rt_lineage_parent_id", "rt_lineage", "parent_id")
    _table(
        "rt_aliases",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("model_id", "name", name="pk_rt_aliases"),
        _reference("rt_aliases", "model_id", "rt_models.id"),
        _reference("rt_aliases", "version_id", "rt_versions.id"),
    )
    _index("ix_rt_aliases_version_id", "rt_aliases", "version_id")


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=f"fk_{table}_{column}", ondelete="RESTRICT")


def _table(name: str, *parts: Any) -> None:
    if not sa.inspect(op.get_bind()).has_table(name):
        op.create_table(name, *parts, **MYSQL)


def _index(name: str, table: str, *columns: str) -> None:
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, list(columns))

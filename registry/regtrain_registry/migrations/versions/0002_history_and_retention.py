"""History, tags, marks, what versions are found by, pieces of files. What was registered before gets its rows."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from regtrain_registry.events import canonical, event_hash
from regtrain_registry.json_values import finite_numbers, leaves
from regtrain_registry.migrations.steps import (
    DOCUMENT,
    LONG_TEXT,
    TIME,
    add_column,
    add_index,
    add_table,
    drop_column,
    reference,
)

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = {
    "rt_models": (
        lambda: sa.Column("events", sa.Integer(), nullable=False, server_default="0"),
        lambda: sa.Column("head", sa.String(64), nullable=False, server_default=""),
        lambda: sa.Column("policy", DOCUMENT, nullable=True),
    ),
    "rt_blobs": (
        lambda: sa.Column("collected_at", TIME, nullable=True),
        lambda: sa.Column("composed", sa.Boolean(), nullable=False, server_default=sa.false()),
    ),
    "rt_aliases": (lambda: sa.Column("gated", sa.Boolean(), nullable=False, server_default=sa.false()),),
}
DOCUMENTS = ("metrics", "recipe", "config")
PORTION = 500  # versions that are in memory at once
TABLES = (
    *("rt_segments", "rt_parts", "rt_data", "rt_version_params", "rt_params", "rt_metrics"),
    *("rt_registry", "rt_origins", "rt_signatures", "rt_run_inputs", "rt_exports", "rt_marks", "rt_tags", "rt_events"),
)


def upgrade() -> None:
    """Columns and tables first, all of which may be there already; rows last, made anew where they are."""
    for table, columns in COLUMNS.items():
        for column in columns:
            add_column(table, column())
    _marking()
    _what_runs_and_imports_need()
    _finding()
    _content()
    _fill()


def downgrade() -> None:
    """What was said of versions since is gone; the versions stay."""
    for table in TABLES:
        op.drop_table(table)
    for table, columns in COLUMNS.items():
        for column in columns:
            drop_column(table, column().name)


def _marking() -> None:
    add_table(
        "rt_events",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("version", sa.String(100), nullable=True),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("facts", LONG_TEXT, nullable=False),
        sa.PrimaryKeyConstraint("model_id", "seq", name="pk_rt_events"),
        reference("rt_events", "model_id", "rt_models.id"),
    )
    _of_versions(
        "rt_tags",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.String(255), nullable=False),
        key="name",
    )
    add_index("rt_tags", "name", "value")
    _of_versions(
        "rt_marks",
        sa.Column("pinned", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("status_before", sa.String(16), nullable=True),
        sa.Column("status_at", TIME, nullable=True),
        sa.Column("status_reason", LONG_TEXT, nullable=True),
        sa.Column("successor", sa.String(140), nullable=True),
        sa.Column("expired_tick", sa.Double(), nullable=True),
    )
    _of_versions(
        "rt_exports",
        sa.Column("format", sa.String(32), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.String(80), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("report", DOCUMENT, nullable=False),
        reference("rt_exports", "digest", "rt_blobs.digest"),
        key="format",
    )
    add_index("rt_exports", "digest")
    _of_versions(
        "rt_signatures",
        sa.Column("key_id", sa.String(80), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("statement", LONG_TEXT, nullable=False),
        sa.Column("bundle", LONG_TEXT, nullable=False),
        key="key_id",
    )


def _what_runs_and_imports_need() -> None:
    add_table(
        "rt_run_inputs",
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("relation", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "version_id", "relation", name="pk_rt_run_inputs"),
        reference("rt_run_inputs", "run_id", "rt_runs.id"),
        reference("rt_run_inputs", "version_id", "rt_versions.id"),
    )
    add_index("rt_run_inputs", "version_id")
    identity = ("registry_uid", "model", "version")
    _of_versions(
        "rt_origins",
        sa.Column("registry_uid", sa.String(36), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("version", sa.String(100), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.UniqueConstraint(*identity, name="uq_rt_origins_registry_uid_model_version"),
    )
    add_table(
        "rt_registry",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("witnessed_at", TIME, nullable=False),
        sa.Column("boot_id", sa.String(64), nullable=True),
        sa.Column("boottime", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_rt_registry"),
    )


def _finding() -> None:
    _of_versions(
        "rt_metrics",
        sa.Column("name", sa.String(190), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        key="name",
    )
    add_index("rt_metrics", "name", "value")
    add_table(
        "rt_params",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(190), nullable=False),
        sa.Column("value", sa.String(255), nullable=False),
        sa.Column("number", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_rt_params"),
        sa.UniqueConstraint("name", "value", name="uq_rt_params_name_value"),
    )
    add_index("rt_params", "name", "number")
    add_table(
        "rt_version_params",
        sa.Column("param_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("param_id", "version_id", name="pk_rt_version_params"),
        reference("rt_version_params", "param_id", "rt_params.id"),
        reference("rt_version_params", "version_id", "rt_versions.id"),
        sqlite_with_rowid=False,
    )
    _of_versions(
        "rt_data",
        sa.Column("name", sa.String(190), nullable=False),
        sa.Column("digest", sa.String(190), nullable=False),
        key="name",
    )
    add_index("rt_data", "digest")


def _content() -> None:
    add_table(
        "rt_parts",
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("source", sa.String(80), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "position", name="pk_rt_parts"),
        reference("rt_parts", "digest", "rt_blobs.digest"),
        reference("rt_parts", "source", "rt_blobs.digest"),
    )
    add_index("rt_parts", "source")
    add_table(
        "rt_segments",
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("blob", sa.String(80), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_rt_segments"),
        reference("rt_segments", "blob", "rt_blobs.digest"),
    )
    add_index("rt_segments", "blob")


def _of_versions(name: str, *parts: Any, key: str | None = None) -> None:
    """A table of what versions have: one row each, or one for each value of `key`."""
    keys = ["version_id"] if key is None else ["version_id", key]
    add_table(
        name,
        sa.Column("version_id", sa.Integer(), nullable=False, autoincrement=False),
        *parts,
        sa.PrimaryKeyConstraint(*keys, name=f"pk_{name}"),
        reference(name, "version_id", "rt_versions.id"),
    )


def _fill() -> None:
    """Rows for what was registered before; those of a run of this that broke off go first."""
    rows = _Rows(op.get_bind())
    for table in ("rt_version_params", "rt_params", "rt_metrics", "rt_data", "rt_events", "rt_registry"):
        rows.empty(table)
    known: dict[tuple[str, str], int] = {}
    for version in rows.by_id("rt_versions"):
        metrics = finite_numbers(version.metrics)
        rows.add("rt_metrics", [(version.id, name, value) for name, value in metrics.items()])
        data = (version.recipe.get("data") or {}).items()
        rows.add("rt_data", [(version.id, name[:190], str(digest)[:190]) for name, digest in data])
        found = leaves(version.config)
        new = [(name, value, number) for name, (value, number) in found.items() if (name, value) not in known]
        ids = range(len(known) + 1, len(known) + 1 + len(new))
        rows.add("rt_params", [(key, *leaf) for key, leaf in zip(ids, new, strict=True)])
        known.update({leaf[:2]: key for key, leaf in zip(ids, new, strict=True)})
        rows.add("rt_version_params", [(known[name, value], version.id) for name, (value, _) in found.items()])
    if rows.connection.dialect.name == "postgresql":  # its counter does not see ids that were given
        last = sa.text("SELECT setval(pg_get_serial_sequence('rt_params', 'id'), :last)")
        rows.connection.execute(last, {"last": max(1, len(known))})
    _events(rows)
    now = datetime.now(UTC).replace(tzinfo=None)
    rows.add("rt_registry", [(1, str(uuid.uuid4()), 0.0, now, None, None)])


def _events(rows: _Rows) -> None:
    """The line of events as it would have been: every version at its time, then the aliases."""
    names = {model.id: model.name for model in rows.by_id("rt_models")}
    versions: dict[int, tuple[int, str]] = {}
    chains: dict[int, tuple[int, str]] = {}

    def event(model_id: int, at: datetime, who: str, kind: str, version: str, facts: dict[str, Any]) -> None:
        seq, head = chains.get(model_id, (0, ""))
        text, moment = canonical(facts), at.replace(tzinfo=UTC)
        head = event_hash(head, names[model_id], seq + 1, moment, who, kind, version, text)
        chains[model_id] = (seq + 1, head)
        rows.add("rt_events", [(model_id, seq + 1, at, who, kind, version, head, text)])

    for row in rows.by_id("rt_versions"):
        version = f"{row.major}.{row.minor}.{row.patch}" + (f"-{row.prerelease}" if row.prerelease else "")
        versions[row.id] = (row.model_id, version)
        facts = {"number": row.number, "digest": row.digest}
        event(row.model_id, row.created_at, row.created_by, "registered", version, facts)
    for row in rows.all_of("rt_aliases", "model_id", "name"):
        owner, version = versions[row.version_id]
        event(owner, row.updated_at, "", "alias_set", version, {"alias": row.name, "before": None})
    models = rows.table("rt_models")
    for model_id, (count, head) in chains.items():
        change = sa.update(models).where(models.c.id == model_id).values(events=count, head=head)
        rows.connection.execute(change)


class _Rows:
    """The tables as they are in the database, not as a later release thinks of them."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self._metadata = sa.MetaData()

    def table(self, name: str) -> sa.Table:
        known = self._metadata.tables.get(name)
        return sa.Table(name, self._metadata, autoload_with=self.connection) if known is None else known

    def all_of(self, name: str, *order: str) -> Sequence[Any]:
        table = self.table(name)
        return self.connection.execute(sa.select(table).order_by(*(table.c[key] for key in order))).all()

    def by_id(self, name: str) -> Iterator[Any]:
        """Every row, a portion at a time, documents as values."""
        table, last = self.table(name), 0
        query = sa.select(table).order_by(table.c.id).limit(PORTION)
        while rows := self.connection.execute(query.where(table.c.id > last)).all():
            yield from map(_Read, rows)
            last = rows[-1].id

    def empty(self, name: str) -> None:
        self.connection.execute(sa.delete(self.table(name)))

    def add(self, name: str, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            columns = self.table(name).columns.keys()
            self.connection.execute(sa.insert(self.table(name)), [dict(zip(columns, r, strict=True)) for r in rows])


class _Read:
    """A row whose documents are values: databases without a type for them give text."""

    def __init__(self, row: Any) -> None:
        self._row = row

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._row, name)
        return json.loads(value) if name in DOCUMENTS and isinstance(value, str) else value

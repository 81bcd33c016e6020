"""History, tags, marks, what versions are found by, pieces of files. What was registered before gets its rows."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from regtrain_registry.db.migrations.steps import (
    DOCUMENT,
    LONG_TEXT,
    TIME,
    add_column,
    add_index,
    add_table,
    drop_column,
    drop_table,
    reference,
)
from regtrain_registry.domain.events import canonical, event_hash
from regtrain_registry.json_values import digests, finite_numbers, leaves

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
    """The history since is lost; the versions stay, with the statuses of schema 0001."""
    versions = sa.table("rt_versions", sa.column("status"))
    op.execute(sa.update(versions).where(versions.c.status.in_(("expired", "collected"))).values(status="archived"))
    for table in TABLES:
        drop_table(table)
    for table, columns in COLUMNS.items():
        for column in columns:
            drop_column(table, column().name)
    op.drop_index("ix_rt_versions_created_at", "rt_versions")


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
        sa.Column("deprecation", LONG_TEXT, nullable=True),
        sa.Column("successor", sa.String(165), nullable=True),
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
    add_index("rt_versions", "created_at")
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
    _searchable(rows)
    _events(rows)
    now = datetime.now(UTC).replace(tzinfo=None)
    rows.add("rt_registry", [(1, str(uuid.uuid4()), 0.0, now, None, None)])


def _searchable(rows: _Rows) -> None:
    """What every version is found by."""
    known: dict[tuple[str, str], int] = {}
    for versions in rows.portions("rt_versions", "metrics", "recipe", "config"):
        new: dict[str, list[tuple[Any, ...]]] = {
            "rt_metrics": [],
            "rt_data": [],
            "rt_params": [],
            "rt_version_params": [],
        }
        for version in versions:
            new["rt_metrics"] += ((version.id, *found) for found in finite_numbers(_value(version.metrics)).items())
            data = digests(_value(version.recipe).get("data") or {})
            new["rt_data"] += ((version.id, name, digest) for name, digest in data.items())
            for name, (value, number) in leaves(_value(version.config)).items():
                if (name, value) not in known:
                    known[name, value] = len(known) + 1
                    new["rt_params"].append((known[name, value], name, value, number))
                new["rt_version_params"].append((known[name, value], version.id))
        for table, found in new.items():
            rows.add(table, found)
    if known and rows.connection.dialect.name == "postgresql":  # its counter does not see ids that were given
        last = sa.text("SELECT setval(pg_get_serial_sequence('rt_params', 'id'), :last)")
        rows.connection.execute(last, {"last": len(known)})


def _events(rows: _Rows) -> None:
    """The line of events as it would have been: every version at its time, then the aliases."""
    models = rows.table("rt_models")
    lines = {model.id: _Line(model.id, model.name) for model in rows.connection.execute(sa.select(models))}
    owners: dict[int, tuple[int, str]] = {}
    columns = (
        "model_id",
        "number",
        "major",
        "minor",
        "patch",
        "prerelease",
        "digest",
        "bump",
        "created_at",
        "created_by",
    )
    for versions in rows.portions("rt_versions", *columns):
        events = []
        for row in versions:
            version = f"{row.major}.{row.minor}.{row.patch}" + (f"-{row.prerelease}" if row.prerelease else "")
            owners[row.id] = row.model_id, version
            facts = {"number": row.number, "digest": row.digest, "bump": _value(row.bump).get("kind"), "forced": False}
            events.append(lines[row.model_id].next(row.created_at, row.created_by, "registered", version, facts))
        rows.add("rt_events", events)
    aliases = rows.table("rt_aliases")
    found = rows.connection.execute(
        sa.select(aliases).order_by(aliases.c.model_id, aliases.c.updated_at, aliases.c.name)
    )
    set_since = []
    for alias in found:
        owner, version = owners[alias.version_id]
        facts = {"alias": alias.name, "before": None}
        set_since.append(lines[owner].next(alias.updated_at, "", "alias_set", version, facts))
    rows.add("rt_events", set_since)
    for line in lines.values():
        change = sa.update(models).where(models.c.id == line.model_id).values(events=line.count, head=line.head)
        rows.connection.execute(change)


class _Line:
    """The events of a model so far."""

    def __init__(self, model_id: int, name: str) -> None:
        self.model_id, self.name = model_id, name
        self.count, self.head = 0, ""

    def next(self, at: datetime, who: str, kind: str, version: str, facts: dict[str, Any]) -> tuple[Any, ...]:
        """The row of the next event."""
        text = canonical(facts)
        self.count += 1
        self.head = event_hash(self.head, self.name, self.count, at.replace(tzinfo=UTC), who, kind, version, text)
        return self.model_id, self.count, at, who, kind, version, self.head, text


class _Rows:
    """The tables as they are in the database, not as a later release thinks of them."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self._metadata = sa.MetaData()

    def table(self, name: str) -> sa.Table:
        known = self._metadata.tables.get(name)
        return sa.Table(name, self._metadata, autoload_with=self.connection) if known is None else known

    def portions(self, name: str, *columns: str) -> Iterator[Sequence[Any]]:
        """Every row by its id, so many at a time: id and these columns."""
        table, last = self.table(name), 0
        query = sa.select(table.c.id, *(table.c[column] for column in columns)).order_by(table.c.id).limit(PORTION)
        while rows := self.connection.execute(query.where(table.c.id > last)).all():
            yield rows
            last = rows[-1].id

    def empty(self, name: str) -> None:
        self.connection.execute(sa.delete(self.table(name)))

    def add(self, name: str, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            columns = self.table(name).columns.keys()
            self.connection.execute(sa.insert(self.table(name)), [dict(zip(columns, r, strict=True)) for r in rows])


def _value(document: Any) -> dict[str, Any]:
    """A document as a value: databases without a type for them give text."""
    found: dict[str, Any] = json.loads(document) if isinstance(document, str) else document
    return found or {}

"""The tables with their constraints; no queries. All names have the prefix `rt_`.

This module has the tables that a list of models reads. The others are in modules of their own, because each table
costs start-up time: `lifecycle` (events, tags, states), `search`, `lineage` (with runs) and `blobs`; `all` loads them.

Wide JSON columns come last, so that lists are read without them. Times are UTC, stored without zone, because not
every database has one. MySQL's options of a table are in the migration alone: here they would load that dialect for
every database.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    ForeignKey,
    Index,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine
from sqlmodel import Field, SQLModel

from regtrain_registry.errors import RowDamagedError

__all__ = [
    "ALIASES",
    "DOCUMENT",
    "LONG_TEXT",
    "METADATA",
    "MODELS",
    "PREFIX",
    "UNREADABLE",
    "VERSIONS",
    "Row",
    "UtcTime",
    "decode_json",
    "reference",
    "unreadable",
]

PREFIX = "rt_"

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


# What reading a row raises over a value that cannot be decoded, or that is not of its column's type.
UNREADABLE = (RowDamagedError, ValueError, TypeError, AttributeError, LookupError)
_decode_json = json.JSONDecoder().decode


def decode_json(text: str) -> Any:
    """The value of a JSON document; `RowDamagedError`."""
    try:
        return _decode_json(text)
    except (ValueError, TypeError) as error:
        raise unreadable("JSON document", text) from error


def unreadable(what: str, value: object) -> RowDamagedError:
    """The error for a value that is not what its column holds."""
    return RowDamagedError(
        f"a row of the database has {str(value)[:40]!r} in place of a {what}",
        "regtrain registry fsck names row and column; restore the database from a backup.",
    )


class UtcTime(TypeDecorator[datetime]):
    """An aware time, stored as UTC without zone, to the microsecond."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The database's own type; MySQL would keep whole seconds. Its types are loaded for it alone."""
        if dialect.name != "mysql":
            return dialect.type_descriptor(DateTime())
        from sqlalchemy.dialects import mysql

        return dialect.type_descriptor(mysql.DATETIME(fsp=6))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware to naive UTC; a naive time is a mistake and raises ValueError."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"a time without zone: {value}")
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """Naive UTC to aware; `RowDamagedError` for what is no time."""
        decode = self.impl_instance.dialect_impl(dialect).result_processor(dialect, coltype)

        def process(value: Any) -> datetime | None:
            try:
                time = value if decode is None else decode(value)
                return None if time is None else time.replace(tzinfo=UTC)
            except (ValueError, TypeError, AttributeError) as error:
                raise unreadable("time", value) from error

        return process


class MySQLText(TypeDecorator[Any]):
    """Text of any length: what MySQL calls TEXT ends at 64 KiB."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """LONGTEXT; MySQL's types are loaded for it alone."""
        from sqlalchemy.dialects import mysql

        return dialect.type_descriptor(mysql.LONGTEXT())


class MySQLDocument(MySQLText):
    """JSON as text: MySQL's own type puts keys in another order and rounds large integers."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """The document; NULL for None."""
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """The value that was written; `RowDamagedError` for what is no JSON."""
        return None if value is None else decode_json(value)


LONG_TEXT: Any = Text().with_variant(MySQLText(), "mysql")
DOCUMENT: Any = JSON().with_variant(MySQLDocument(), "mysql")


class Row(SQLModel):
    """Rows have metadata of their own, so that a user's SQLModel tables and ours never meet."""

    # Queries return tuples: what would check a row is built when one is made, not by every start.
    model_config = {"defer_build": True}
    metadata: ClassVar[MetaData] = METADATA


def reference(target: str) -> list[ForeignKey]:
    """A row that others speak of is never deleted under them."""
    return [ForeignKey(target, ondelete="RESTRICT")]


class ModelRow(Row, table=True):
    """A model. `next_number` counts its versions, `events` its events; `head` is the hash of the last one.

    The row is the lock of everything that changes the model. `first_name`: of a renamed model the name that its event
    hashes and archives go on with."""

    __tablename__ = "rt_models"

    id: int | None = Field(None, primary_key=True)
    name: str = Field(max_length=64, unique=True)
    next_number: int
    created_at: datetime = Field(sa_type=UtcTime)
    events: int = Field(0, sa_column_kwargs={"server_default": "0"})
    head: str = Field("", max_length=64, sa_column_kwargs={"server_default": ""})
    policy: dict[str, Any] | None = Field(None, sa_type=DOCUMENT)
    first_name: str | None = Field(None, max_length=64)


class VersionRow(Row, table=True):
    """A version. `prerelease` is empty, not NULL, for releases: NULLs would not be unique."""

    __tablename__ = "rt_versions"
    __table_args__ = (
        UniqueConstraint("model_id", "major", "minor", "patch", "prerelease"),
        UniqueConstraint("model_id", "number"),
        # Everything that a list of models counts, adds up and orders by, so that it never reads a row.
        Index("ix_rt_versions_order", "model_id", "sort_key", "status", "prerelease", "size_bytes"),
        Index(None, "created_at"),
    )

    id: int | None = Field(None, primary_key=True)
    model_id: int = Field(sa_column_args=reference("rt_models.id"))
    number: int
    major: int
    minor: int
    patch: int
    prerelease: str = Field(max_length=64)
    sort_key: str = Field(max_length=400)
    status: str = Field(max_length=16)
    run_id: str | None = Field(None, max_length=64, index=True, sa_column_args=reference("rt_runs.id"))
    digest: str = Field(max_length=80)
    size_bytes: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(sa_type=UtcTime)
    created_by: str = Field(max_length=255)
    git_commit: str | None = Field(None, max_length=64)
    dirty: bool | None
    idempotency_key: str | None = Field(None, max_length=128, unique=True)
    summary: str = Field(sa_type=LONG_TEXT)
    bump: dict[str, Any] = Field(sa_type=DOCUMENT)
    metrics: dict[str, Any] = Field(sa_type=DOCUMENT)
    signature: dict[str, Any] = Field(sa_type=DOCUMENT)
    config: dict[str, Any] = Field(sa_type=DOCUMENT)
    recipe: dict[str, Any] = Field(sa_type=DOCUMENT)


class AliasRow(Row, table=True):
    """A movable name of one version of a model. `gated`: a stage, which moves only by promotion."""

    __tablename__ = "rt_aliases"

    model_id: int = Field(primary_key=True, sa_column_args=reference("rt_models.id"))
    name: str = Field(max_length=64, primary_key=True)
    version_id: int = Field(index=True, sa_column_args=reference("rt_versions.id"))
    updated_at: datetime = Field(sa_type=UtcTime)
    gated: bool = Field(False, sa_column_kwargs={"server_default": false()})


MODELS = METADATA.tables["rt_models"]
VERSIONS = METADATA.tables["rt_versions"]
ALIASES = METADATA.tables["rt_aliases"]

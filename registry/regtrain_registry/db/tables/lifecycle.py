"""Tables of what happens to models and versions after registering: events, tags, states, exports, signatures, names."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Double, Index, UniqueConstraint, false
from sqlmodel import Field

from regtrain_registry.db.tables import DOCUMENT, LONG_TEXT, METADATA, Row, UtcTime, reference

__all__ = ["EVENTS", "EXPORTS", "FORMER_NAMES", "MARKS", "ORIGINS", "REGISTRY", "RUN_INPUTS", "SIGNATURES", "TAGS"]


class EventRow(Row, table=True):
    """An event of a model. `hash` covers the event and the hash of the one before it."""

    __tablename__ = "rt_events"

    model_id: int = Field(primary_key=True, sa_column_args=reference("rt_models.id"))
    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=UtcTime)
    who: str = Field(max_length=255)
    kind: str = Field(max_length=32)
    version: str | None = Field(None, max_length=100)
    hash: str = Field(max_length=64)
    facts: str = Field(sa_type=LONG_TEXT)


class TagRow(Row, table=True):
    """A tag of a version."""

    __tablename__ = "rt_tags"
    __table_args__ = (Index(None, "name", "value"),)

    version_id: int = Field(primary_key=True, sa_column_args=reference("rt_versions.id"))
    name: str = Field(max_length=64, primary_key=True)
    value: str = Field(max_length=255)


class MarkRow(Row, table=True):
    """What keeps or ends a version. `deprecation`: why it was ever advised against, which no later status takes back.

    `expired_tick`: the registry's witnessed seconds when it expired.
    """

    __tablename__ = "rt_marks"

    version_id: int = Field(primary_key=True, sa_column_args=reference("rt_versions.id"))
    pinned: bool = Field(False, sa_column_kwargs={"server_default": false()})
    status_before: str | None = Field(None, max_length=16)
    status_at: datetime | None = Field(None, sa_type=UtcTime)
    status_reason: str | None = Field(None, sa_type=LONG_TEXT)
    deprecation: str | None = Field(None, sa_type=LONG_TEXT)
    successor: str | None = Field(None, max_length=165)
    expired_tick: float | None = Field(None, sa_type=Double)


class ExportRow(Row, table=True):
    """A version in another format, and whether it was found to compute the same. `unverified`: as another registry
    claims, with nothing here that confirms it."""

    __tablename__ = "rt_exports"

    version_id: int = Field(primary_key=True, sa_column_args=reference("rt_versions.id"))
    format: str = Field(max_length=32, primary_key=True)
    passed: bool
    digest: str | None = Field(None, max_length=80, index=True, sa_column_args=reference("rt_blobs.digest"))
    created_at: datetime = Field(sa_type=UtcTime)
    report: dict[str, Any] = Field(sa_type=DOCUMENT)
    unverified: bool = Field(False, sa_column_kwargs={"server_default": false()})


class RunInputRow(Row, table=True):
    """A registered version that a run started from."""

    __tablename__ = "rt_run_inputs"

    run_id: str = Field(max_length=64, primary_key=True, sa_column_args=reference("rt_runs.id"))
    version_id: int = Field(primary_key=True, index=True, sa_column_args=reference("rt_versions.id"))
    relation: str = Field(max_length=32, primary_key=True)


class SignatureRow(Row, table=True):
    """A signed statement about a version. `unverified`: it came with an archive, and no key has confirmed it here."""

    __tablename__ = "rt_signatures"

    version_id: int = Field(primary_key=True, sa_column_args=reference("rt_versions.id"))
    key_id: str = Field(max_length=80, primary_key=True)
    created_at: datetime = Field(sa_type=UtcTime)
    statement: str = Field(sa_type=LONG_TEXT)
    bundle: str = Field(sa_type=LONG_TEXT)
    unverified: bool = Field(False, sa_column_kwargs={"server_default": false()})


class OriginRow(Row, table=True):
    """Where a version that was imported has its home, and what it is called there."""

    __tablename__ = "rt_origins"
    __table_args__ = (UniqueConstraint("registry_uid", "model", "version"),)

    version_id: int = Field(primary_key=True, sa_column_args=reference("rt_versions.id"))
    registry_uid: str = Field(max_length=36)
    model: str = Field(max_length=64)
    version: str = Field(max_length=100)
    number: int


class FormerNameRow(Row, table=True):
    """A name that a model had before it was renamed, and which still answers."""

    __tablename__ = "rt_former_names"

    name: str = Field(max_length=64, primary_key=True)
    model_id: int = Field(index=True, sa_column_args=reference("rt_models.id"))
    renamed_at: datetime = Field(sa_type=UtcTime)


class RegistryRow(Row, table=True):
    """The registry itself: its identity, and its clock.

    Its one row (id 1) is what registering and collecting lock against each other.
    """

    __tablename__ = "rt_registry"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    uid: str = Field(max_length=36)
    seconds: float = Field(sa_type=Double)
    witnessed_at: datetime = Field(sa_type=UtcTime)
    boot_id: str | None = Field(None, max_length=64)
    boottime: float | None = Field(None, sa_type=Double)


EVENTS = METADATA.tables["rt_events"]
TAGS = METADATA.tables["rt_tags"]
MARKS = METADATA.tables["rt_marks"]
EXPORTS = METADATA.tables["rt_exports"]
RUN_INPUTS = METADATA.tables["rt_run_inputs"]
SIGNATURES = METADATA.tables["rt_signatures"]
ORIGINS = METADATA.tables["rt_origins"]
FORMER_NAMES = METADATA.tables["rt_former_names"]
REGISTRY = METADATA.tables["rt_registry"]

"""Tables of the origin of versions: runs, and edges to parents."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Double, Index, Text
from sqlmodel import Field

from regtrain_registry.db.tables import DOCUMENT, METADATA, Row, UtcTime, reference

__all__ = ["LINEAGE", "RUNS"]


class RunRow(Row, table=True):
    """A run, from its start."""

    __tablename__ = "rt_runs"
    __table_args__ = (Index(None, "name", "started_at"),)

    id: str = Field(max_length=64, primary_key=True)
    name: str = Field(max_length=255)
    status: str = Field(max_length=16)
    run_dir: str = Field(max_length=700, index=True)
    host: str = Field(max_length=255)
    pid: int | None = Field(None, sa_type=BigInteger)
    pid_started: float | None = Field(None, sa_type=Double)
    boot_id: str | None = Field(None, max_length=64)
    resumed_from: str | None = Field(None, max_length=700)
    started_at: datetime = Field(sa_type=UtcTime, index=True)
    finished_at: datetime | None = Field(None, sa_type=UtcTime)
    seconds: float | None = Field(None, sa_type=Double)
    steps: int | None = Field(None, sa_type=BigInteger)
    epochs: int | None
    error: str | None = Field(None, sa_type=Text)
    metrics: dict[str, Any] = Field(sa_type=DOCUMENT)
    best: dict[str, Any] | None = Field(None, sa_type=DOCUMENT)
    data: dict[str, Any] = Field(sa_type=DOCUMENT)
    code: dict[str, Any] = Field(sa_type=DOCUMENT)
    environment: dict[str, Any] = Field(sa_type=DOCUMENT)
    config: dict[str, Any] = Field(sa_type=DOCUMENT)


class LineageRow(Row, table=True):
    """An edge from a version to one that it came from."""

    __tablename__ = "rt_lineage"

    child_id: int = Field(primary_key=True, sa_column_args=reference("rt_versions.id"))
    parent_id: int = Field(primary_key=True, index=True, sa_column_args=reference("rt_versions.id"))
    relation: str = Field(max_length=32, primary_key=True)


RUNS = METADATA.tables["rt_runs"]
LINEAGE = METADATA.tables["rt_lineage"]

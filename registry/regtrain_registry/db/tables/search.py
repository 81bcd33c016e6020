"""Tables of the search index: metrics, parameters (leaves of configs), digests of data."""

from __future__ import annotations

from sqlalchemy import Double, Index, UniqueConstraint
from sqlmodel import Field

from regtrain_registry.db.tables import METADATA, Row, reference

__all__ = ["DATA", "METRICS", "PARAMS", "VERSION_PARAMS"]


class MetricRow(Row, table=True):
    """A finite metric of a version."""

    __tablename__ = "rt_metrics"
    __table_args__ = (Index(None, "name", "value"),)

    version_id: int = Field(primary_key=True, sa_column_args=reference("rt_versions.id"))
    name: str = Field(max_length=190, primary_key=True)
    value: float = Field(sa_type=Double)


class ParamRow(Row, table=True):
    """A leaf that some config has: its dotted key, its value as text, and as a number where it is one.

    Configs share most of their leaves, so each is stored once.
    """

    __tablename__ = "rt_params"
    __table_args__ = (UniqueConstraint("name", "value"), Index(None, "name", "number"))

    id: int | None = Field(None, primary_key=True)
    name: str = Field(max_length=190)
    value: str = Field(max_length=255)
    number: float | None = Field(None, sa_type=Double)


class VersionParamRow(Row, table=True):
    """A leaf of one version's config."""

    __tablename__ = "rt_version_params"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy's own way to say it

    param_id: int = Field(primary_key=True, sa_column_args=reference("rt_params.id"))
    version_id: int = Field(primary_key=True, sa_column_args=reference("rt_versions.id"))


class DataRow(Row, table=True):
    """A digest of data that a version was trained on."""

    __tablename__ = "rt_data"

    version_id: int = Field(primary_key=True, sa_column_args=reference("rt_versions.id"))
    name: str = Field(max_length=190, primary_key=True)
    digest: str = Field(max_length=190, index=True)


METRICS = METADATA.tables["rt_metrics"]
PARAMS = METADATA.tables["rt_params"]
VERSION_PARAMS = METADATA.tables["rt_version_params"]
DATA = METADATA.tables["rt_data"]

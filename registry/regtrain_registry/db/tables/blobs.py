"""Tables of files: artifacts of versions, blobs of the store, parts of chunked blobs, ranges of tensors."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, false
from sqlmodel import Field

from regtrain_registry.db.tables import METADATA, Row, UtcTime, reference

__all__ = ["ARTIFACTS", "BLOBS", "PARTS", "SEGMENTS"]


class BlobRow(Row, table=True):
    """A file's content in the store, by its digest. `composed`: not a file there, but parts of others."""

    __tablename__ = "rt_blobs"

    digest: str = Field(max_length=80, primary_key=True)
    size_bytes: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(sa_type=UtcTime)
    collected_at: datetime | None = Field(None, sa_type=UtcTime)
    composed: bool = Field(False, sa_column_kwargs={"server_default": false()})


class ArtifactRow(Row, table=True):
    """A file of a version: its name there, and the blob that is its content."""

    __tablename__ = "rt_artifacts"

    version_id: int = Field(primary_key=True, sa_column_args=reference("rt_versions.id"))
    path: str = Field(max_length=255, primary_key=True)
    kind: str = Field(max_length=16)
    digest: str = Field(max_length=80, index=True, sa_column_args=reference("rt_blobs.digest"))


class PartRow(Row, table=True):
    """A range of a physical blob; in the order of `position` they are the composed blob `digest`. Bytes."""

    __tablename__ = "rt_parts"

    digest: str = Field(max_length=80, primary_key=True, sa_column_args=reference("rt_blobs.digest"))
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    source: str = Field(max_length=80, index=True, sa_column_args=reference("rt_blobs.digest"))
    start: int = Field(sa_type=BigInteger)
    size_bytes: int = Field(sa_type=BigInteger)


class SegmentRow(Row, table=True):
    """Where in the store the bytes with a BLAKE3 digest (`blake3:…`) lie. Bytes."""

    __tablename__ = "rt_segments"

    digest: str = Field(max_length=80, primary_key=True)
    blob: str = Field(max_length=80, index=True, sa_column_args=reference("rt_blobs.digest"))
    start: int = Field(sa_type=BigInteger)
    size_bytes: int = Field(sa_type=BigInteger)


BLOBS = METADATA.tables["rt_blobs"]
ARTIFACTS = METADATA.tables["rt_artifacts"]
PARTS = METADATA.tables["rt_parts"]
SEGMENTS = METADATA.tables["rt_segments"]

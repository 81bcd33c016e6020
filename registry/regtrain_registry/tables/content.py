"""Pieces of files: what a composed blob is made of, and where the bytes of a tensor lie."""

from __future__ import annotations

from sqlalchemy import BigInteger
from sqlmodel import Field

from regtrain_registry.tables import METADATA, Row, reference

__all__ = ["PARTS", "SEGMENTS"]


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


PARTS = METADATA.tables["rt_parts"]
SEGMENTS = METADATA.tables["rt_segments"]

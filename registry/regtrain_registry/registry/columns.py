"""The columns of a version that more than one query speaks of."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from sqlalchemy import Row

from regtrain_registry.records import VersionStatus
from regtrain_registry.tables import VERSIONS

__all__ = ["RELEASED", "AnyRow", "V", "version_text"]

AnyRow: TypeAlias = "Row[*tuple[Any, ...]]"

V = VERSIONS.c
RELEASED = (V.prerelease == "", V.status != VersionStatus.ARCHIVED.value)


class Numbered(Protocol):
    """A row, or a tuple, with the four columns of a version."""

    @property
    def major(self) -> int: ...
    @property
    def minor(self) -> int: ...
    @property
    def patch(self) -> int: ...
    @property
    def prerelease(self) -> str: ...


def version_text(row: Numbered | AnyRow) -> str:
    """`X.Y.Z[-prerelease]` of a row that has the four columns."""
    text = f"{row.major}.{row.minor}.{row.patch}"
    return f"{text}-{row.prerelease}" if row.prerelease else text

"""The columns of a version that more than one query speaks of."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from sqlalchemy import Row

from regtrain_registry.recipe import Recipe
from regtrain_registry.records import VersionStatus
from regtrain_registry.tables import VERSIONS

__all__ = ["RECIPE", "RELEASED", "AnyRow", "V", "stored_recipe", "version_text"]

AnyRow: TypeAlias = "Row[*tuple[Any, ...]]"

V = VERSIONS.c
RELEASED = (V.prerelease == "", V.status != VersionStatus.ARCHIVED.value)
RECIPE = (V.signature, V.config, V.recipe)


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


def stored_recipe(row: AnyRow) -> Recipe:
    """The recipe of a row that has the columns `RECIPE`; its config is stored where it is not the version's."""
    stored = row.recipe
    config = row.config if stored["config"] is None else stored["config"]
    return Recipe(config, stored["data"], stored["code"], row.signature, stored["state"])

"""Columns of versions that several queries select, and values made from their rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

from sqlalchemy import CursorResult, Row, func

from regtrain_registry.db.tables import MODELS, VERSIONS
from regtrain_registry.domain.recipe import Recipe
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.semver import Version

__all__ = [
    "HOME_NAME",
    "OFFERED",
    "RECIPE",
    "RELEASED",
    "AnyRow",
    "V",
    "chunks",
    "new_id",
    "stored_recipe",
    "version_of",
    "version_text",
]

MAX_IDS = 500  # per query: older SQLite takes 999 parameters

AnyRow: TypeAlias = "Row[*tuple[Any, ...]]"
Item = TypeVar("Item")

V = VERSIONS.c
# The name of a model in archives, signatures and event hashes, which no rename changes.
HOME_NAME = func.coalesce(MODELS.c.first_name, MODELS.c.name)
OFFERED = V.status.in_([VersionStatus.READY.value, VersionStatus.DEPRECATED.value])
RELEASED = (V.prerelease == "", OFFERED)
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


def version_of(row: Numbered | AnyRow) -> Version:
    """The semantic version of such a row."""
    return Version(row.major, row.minor, row.patch, row.prerelease or None)


def new_id(result: CursorResult[Any]) -> int:
    """The id of the one row that a statement has inserted."""
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


def stored_recipe(row: AnyRow) -> Recipe:
    """The recipe of a row with the columns `RECIPE`; its config is stored only where it differs from the version's."""
    stored = row.recipe
    config = row.config if stored["config"] is None else stored["config"]
    not_learned = frozenset(stored.get("not_learned", ()))  # older releases stored none
    return Recipe(config, stored["data"], stored["code"], row.signature, stored["state"], not_learned)


def chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The items in chunks that fit the parameters of one query."""
    return (items[start : start + MAX_IDS] for start in range(0, len(items), MAX_IDS))

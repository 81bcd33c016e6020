"""The model card of a version, and what a checkout adds to its files, read from the rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, select

from regtrain_registry.cards.card import CardFacts, model_card
from regtrain_registry.cards.checkout_extras import Signed, write_extras
from regtrain_registry.db.columns import RECIPE, V, stored_recipe
from regtrain_registry.db.engine import Database
from regtrain_registry.db.tables import VERSIONS
from regtrain_registry.db.tables.lineage import RUNS
from regtrain_registry.ops.read import detail
from regtrain_registry.ops.resolve import resolve
from regtrain_registry.ops.signatures import of_version
from regtrain_registry.refs import Ref

__all__ = ["card", "extras"]

_RECIPE = select(*RECIPE, V.run_id).where(VERSIONS.c.id == bindparam("version"))
_RUN = select(RUNS.c.environment).where(RUNS.c.id == bindparam("run"))


def card(connection: Connection, ref: Ref) -> str:
    """The model card of a version, without plots."""
    return model_card(_facts(connection, resolve(connection, ref)))


def extras(database: Database, ref: Ref) -> Callable[[Path], list[str]]:
    """What writes card, plots and signatures into the folder of a checkout, and returns their names."""

    def read(connection: Connection) -> tuple[CardFacts, list[Signed]]:
        version_id = resolve(connection, ref)
        return _facts(connection, version_id), of_version(connection, version_id)

    return partial(write_extras, *database.read(read))


def _facts(connection: Connection, version_id: int) -> CardFacts:
    row = connection.execute(_RECIPE, {"version": version_id}).one()
    run: dict[str, Any] = connection.execute(_RUN, {"run": row.run_id}).scalar() or {}
    return CardFacts(detail(connection, version_id), stored_recipe(row).data, run)

"""What a model card and a signed statement say of a version, read from its rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, select

from regtrain_registry.cards.card import CardFacts
from regtrain_registry.db.columns import RECIPE, V, stored_recipe
from regtrain_registry.db.tables import VERSIONS
from regtrain_registry.db.tables.lineage import RUNS
from regtrain_registry.ops.read import detail

__all__ = ["card_facts"]

_RECIPE = select(*RECIPE, V.run_id).where(VERSIONS.c.id == bindparam("version"))
_RUN = select(RUNS.c.environment).where(RUNS.c.id == bindparam("run"))


def card_facts(connection: Connection, version_id: int) -> CardFacts:
    """What the card of a version is filled from, all but its plots."""
    row = connection.execute(_RECIPE, {"version": version_id}).one()
    run: dict[str, Any] = connection.execute(_RUN, {"run": row.run_id}).scalar() or {}
    return CardFacts(detail(connection, version_id), stored_recipe(row).data, run)

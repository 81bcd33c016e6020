"""Renaming models: the former name goes on answering, and no other model may take it."""

from __future__ import annotations

import logging

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from regtrain_registry.db.tables import MODELS
from regtrain_registry.db.tables.lifecycle import FORMER_NAMES
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.records import ModelInfo
from regtrain_registry.errors import ModelTakenError
from regtrain_registry.ops.context import Context
from regtrain_registry.ops.event_log import lock_model
from regtrain_registry.ops.read_models import models_of

__all__ = ["current_name", "rename"]

_F = FORMER_NAMES.c
_CURRENT = (
    select(MODELS.c.name).join(FORMER_NAMES, _F.model_id == MODELS.c.id).where(_F.name == bindparam("former")).limit(1)
)
_OWNER = select(_F.model_id).where(_F.name == bindparam("name"))
_MODEL = select(MODELS.c.id).where(MODELS.c.name == bindparam("name"))
_log = logging.getLogger("regtrain_registry")
_noted: set[tuple[str, str]] = set()


def rename(context: Context, old: str, new: str) -> ModelInfo:
    """Give a model another name; the model as listed. `ModelTakenError` where another model has it, or had it.

    Archives, signatures and event hashes keep its first name, so that its versions are the same in every registry.
    """
    connection, log = context.connection, lock_model(context, old)
    before = log.model
    if new != before:
        _check_free(connection, new, log.model_id)
        connection.execute(delete(FORMER_NAMES).where(_F.name == new))
        first = log.first_name or before
        former = {"name": before, "model_id": log.model_id, "renamed_at": context.now}
        connection.execute(insert(FORMER_NAMES), former)
        connection.execute(update(MODELS).where(MODELS.c.id == log.model_id).values(name=new, first_name=first))
        log.model, log.first_name = new, first
        log.log_event(EventKind.RENAMED, None, {"before": before, "after": new})
    return models_of(connection, [log.model_id])[0]


def current_name(connection: Connection, name: str) -> str | None:
    """The name of the model that was called so before, which is logged once as a warning; None if there is none."""
    found = connection.execute(_CURRENT, {"former": name}).scalar()
    if found is not None and (name, found) not in _noted:
        _noted.add((name, found))
        _log.warning("model %s was renamed; its name is %s", name, found)
    return found


def _check_free(connection: Connection, name: str, model_id: int) -> None:
    # Models first: a rename that is committed in between has then left its former name.
    if connection.execute(_MODEL, {"name": name}).first() is not None:
        raise ModelTakenError(f"there is a model {name!r}", "Choose another name.")
    owner = connection.execute(_OWNER, {"name": name}).scalar()
    if owner not in (None, model_id):
        current = connection.execute(_CURRENT, {"former": name}).scalar()
        raise ModelTakenError(f"{name!r} is a former name of {current}, and answers for it", "Choose another name.")

"""Exports of a version, and the proof of each that it computes the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from regtrain_registry.db.tables.marking import EXPORTS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.json_values import json_safe
from regtrain_registry.ops.blobs import record
from regtrain_registry.ops.history import Work
from regtrain_registry.ops.lifecycle import Held
from regtrain_registry.store.content import Store, Stored

__all__ = ["record_export"]

_ONE = (EXPORTS.c.version_id == bindparam("version"), EXPORTS.c.format == bindparam("name"))
_THERE = select(EXPORTS.c.format).where(*_ONE)


def record_export(
    held: Held, format: str, stored: Sequence[Stored], store: Store, passed: bool, report: Mapping[str, Any], work: Work
) -> None:
    """Write what is known of an export, in place of what was known before. The caller keeps collectors out."""
    record(held.connection, stored, store, work.now)
    digest = stored[0].blob.digest if stored else None
    values = {
        "passed": passed,
        "digest": digest,
        "created_at": work.now,
        "report": json_safe(report),
        "unverified": False,
    }
    keys = {"version": held.id, "name": format}
    if held.connection.execute(_THERE, keys).first() is None:
        held.connection.execute(insert(EXPORTS), {"version_id": held.id, "format": format, **values})
    else:
        held.connection.execute(update(EXPORTS).where(*_ONE).values(**values), keys)
    held.tell(EventKind.EXPORTED, {"format": format, "passed": passed, "digest": digest}, work)

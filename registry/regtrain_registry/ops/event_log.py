"""Everything that was done to versions, here and elsewhere, and what is said of them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection, bindparam, select

from regtrain_registry.archives.manifest import TOLD_BY_IMPORTS, ArchivedEvent
from regtrain_registry.db.columns import AnyRow, chunks
from regtrain_registry.db.tables import MODELS
from regtrain_registry.db.tables.lifecycle import EVENTS
from regtrain_registry.domain.identities import Identity
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.domain.said import Said, in_order
from regtrain_registry.errors import RegistryError
from regtrain_registry.ops.identity import identities
from regtrain_registry.ops.resolve import find
from regtrain_registry.refs import parse_ref

__all__ = ["LOST", "stated", "told"]

LOST = (VersionStatus.EXPIRED.value, VersionStatus.COLLECTED.value)
_EVENTS = (
    select(EVENTS, MODELS.c.name.label("model"))
    .join(MODELS, MODELS.c.id == EVENTS.c.model_id)
    .where(EVENTS.c.model_id == bindparam("owner"), EVENTS.c.version.in_(bindparam("versions", expanding=True)))
    .order_by(EVENTS.c.seq)
)


class _Brought(BaseModel):
    """The facts of an event that tells of an import: what was done to the version elsewhere."""

    events: list[ArchivedEvent]


def told(
    connection: Connection, registry: str, versions: Iterable[tuple[int, str]]
) -> Mapping[tuple[int, str], list[ArchivedEvent]]:
    """What was done to versions: in this registry, as its lines say, and in others, as archives brought it.

    registry: the uid of this one. versions: the id of the model's row, and what the version is called here.
    """
    of_models: dict[int, list[str]] = defaultdict(list)
    for owner, version in versions:
        of_models[owner].append(version)
    found: dict[tuple[int, str], list[ArchivedEvent]] = defaultdict(list)
    for owner, names in of_models.items():
        for some in chunks(names):
            for row in connection.execute(_EVENTS, {"owner": owner, "versions": some}):
                found[owner, row.version] += _told_by(row, registry)
    return defaultdict(list, {version: in_order(events) for version, events in found.items()})


def _told_by(row: AnyRow, registry: str) -> list[ArchivedEvent]:
    if row.kind in TOLD_BY_IMPORTS:
        try:
            return _Brought.model_validate_json(row.facts).events
        except ValidationError:  # an archive of another form
            return []
    facts = {name: getattr(row, name) for name in ("model", "seq", "at", "kind", "hash")}
    return [ArchivedEvent(registry=registry, by=row.who, facts=json.loads(row.facts), **facts)]


def stated(connection: Connection, version: AnyRow, mark: AnyRow | None, tags: Mapping[str, str]) -> Said:
    """What the rows say of a version, of one that is gone what they said before.

    version: with status and summary. mark: its row of `rt_marks`, if it has one.
    """
    status, reason, deprecation = version.status, None, None
    if mark is not None:
        reason, deprecation = mark.status_reason, mark.deprecation
        if status in LOST:
            status, reason = mark.status_before, None
    if deprecation is None and status == VersionStatus.DEPRECATED.value:
        deprecation = reason or ""
    archived = status == VersionStatus.ARCHIVED.value
    successor = None if mark is None or mark.successor is None else _identity(connection, mark.successor)
    return Said(version.summary, dict(tags), archived, reason if archived else None, deprecation, successor)


def _identity(connection: Connection, ref: str) -> Identity | None:
    """Who a version is by its name here; None: it is not here."""
    try:
        version_id: Any = find(connection, parse_ref(ref))
    except RegistryError:
        return None
    return identities(connection, [version_id])[version_id]

"""The event log of a version at its home, as archives carry it: an attachment that nothing here follows from."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import BindParameter, Connection, bindparam, select

from regtrain_registry.archives.manifest import ArchivedEvent
from regtrain_registry.db.columns import HOME_NAME, V, chunks, version_text
from regtrain_registry.db.tables import MODELS
from regtrain_registry.db.tables.lifecycle import EVENTS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.identities import Identity

__all__ = ["home_events"]

_OF_IMPORTS = (EventKind.IMPORTED.value, EventKind.MERGED.value)
_IDS: BindParameter[Sequence[int]] = bindparam("ids", expanding=True)
_BEFORE = EVENTS.alias("before")
_VERSIONS = select(V.id, V.model_id, V.major, V.minor, V.patch, V.prerelease).where(V.id.in_(_IDS))
_EVENTS = (
    select(EVENTS, HOME_NAME.label("model"), _BEFORE.c.hash.label("before"))
    .join_from(EVENTS, MODELS, MODELS.c.id == EVENTS.c.model_id)
    .join(_BEFORE, (_BEFORE.c.model_id == EVENTS.c.model_id) & (_BEFORE.c.seq == EVENTS.c.seq - 1), isouter=True)
    .where(EVENTS.c.model_id == bindparam("owner"), EVENTS.c.version.in_(bindparam("versions", expanding=True)))
    .order_by(EVENTS.c.seq)
)


def home_events(connection: Connection, homes: Mapping[int, Identity], own: str) -> Mapping[int, list[ArchivedEvent]]:
    """The events of each version, by the id of its row: of its own log, or as an import attached them.

    homes: the identity of each version. own: the uid of this registry.
    """
    by_name: dict[int, dict[str, int]] = defaultdict(dict)
    for some in chunks(sorted(homes)):
        for row in connection.execute(_VERSIONS, {"ids": some}):
            by_name[row.model_id][version_text(row)] = row.id
    found: dict[int, list[ArchivedEvent]] = defaultdict(list)
    for owner, ids in by_name.items():
        for names in chunks(sorted(ids)):
            for row in connection.execute(_EVENTS, {"owner": owner, "versions": names}):
                version_id = ids[row.version]
                home = homes[version_id]
                if home.registry != own:
                    found[version_id] += _attached(row.facts, home) if row.kind == EventKind.IMPORTED.value else []
                elif row.kind not in _OF_IMPORTS:
                    found[version_id].append(_event(row, own))
    return found


def _event(row: Any, registry: str) -> ArchivedEvent:
    facts = {name: getattr(row, name) for name in ("model", "seq", "at", "kind", "hash")}
    return ArchivedEvent(registry=registry, by=row.who, facts=json.loads(row.facts), before=row.before or "", **facts)


def _attached(facts: str, home: Identity) -> list[ArchivedEvent]:
    """What an older release attached is left out where its hashes cannot be verified."""
    try:
        events = [ArchivedEvent.model_validate_json(json.dumps(one)) for one in json.loads(facts).get("events", ())]
    except (ValidationError, TypeError):
        return []
    return [
        one for one in events if one.before is not None and (one.registry, one.model) == (home.registry, home.model)
    ]

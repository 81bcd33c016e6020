"""A version that is here meets what an archive says of it: afterwards both say the same, whichever came first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, update

from regtrain_registry.archives.manifest import TOLD_BY_IMPORTS, ArchivedEvent, ArchivedExport, ArchivedVersion
from regtrain_registry.db.columns import V
from regtrain_registry.db.tables import VERSIONS
from regtrain_registry.db.tables.blobs import BLOBS
from regtrain_registry.db.tables.lifecycle import EXPORTS, MARKS, SIGNATURES, TAGS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.identities import Identity, name_elsewhere
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.domain.said import Said, fold, in_order
from regtrain_registry.json_values import json_safe
from regtrain_registry.ops.blobs import record
from regtrain_registry.ops.event_log import LOST, stated, told
from regtrain_registry.ops.history import Work
from regtrain_registry.ops.identity import local_id, registry_uid
from regtrain_registry.ops.lifecycle import Held, change_status, mark
from regtrain_registry.ops.read import detail
from regtrain_registry.store.content import Store, Stored

__all__ = [
    "add_signatures",
    "brought",
    "export_row",
    "merge",
    "name_arrived",
    "restore_files",
    "said_of",
    "successor_ref",
]

_OWN: BindParameter[int] = bindparam("version")
_ROW = select(V.status, V.summary).where(V.id == _OWN)
_MARK = select(MARKS).where(MARKS.c.version_id == _OWN)
_TAGS = select(TAGS.c.name, TAGS.c.value).where(TAGS.c.version_id == _OWN)
_SUMMARY = update(VERSIONS).where(V.id == _OWN).values(summary=bindparam("text"))
_UNTAG = delete(TAGS).where(TAGS.c.version_id == _OWN, TAGS.c.name == bindparam("tag"))
_EXPORTS = select(EXPORTS.c.format, EXPORTS.c.created_at, EXPORTS.c.digest).where(EXPORTS.c.version_id == _OWN)
_FORGET_EXPORT = delete(EXPORTS).where(EXPORTS.c.version_id == _OWN, EXPORTS.c.format == bindparam("name"))
_COLLECTED = select(BLOBS.c.digest).where(BLOBS.c.collected_at.is_not(None))
_WITHOUT_FILE = (
    update(EXPORTS).where(EXPORTS.c.version_id == _OWN, EXPORTS.c.digest.in_(_COLLECTED)).values(digest=None)
)
_SIGNED_BY = select(SIGNATURES.c.key_id).where(SIGNATURES.c.version_id == _OWN)
_AWAITED = select(MARKS.c.version_id).where(MARKS.c.successor == bindparam("pending"))
_ARRIVED = (
    update(MARKS)
    .where(MARKS.c.version_id == _OWN, MARKS.c.successor == bindparam("pending"))
    .values(successor=bindparam("ref"))
)


def merge(held: Held, version: ArchivedVersion, stored: Mapping[str, Stored], store: Store, work: Work) -> bool:
    """Take over what is new: events, and with them all that follows; exports; signatures. Whether anything was.

    stored: what became of the blobs of the archive. The caller keeps collectors out.
    """
    known = _known(held)
    hashes = {event.hash for event in known}
    new = [event for event in brought(version) if event.hash not in hashes]
    if new:
        _say(held, fold(_stated(held), (*known, *new)), work)
        facts = {"home": version.who.identity.to_json(), "new": len(new)}
        held.tell(EventKind.MERGED, facts | {"events": [event.model_dump(mode="json") for event in new]}, work)
    exported = _take_exports(held, version, stored, store, work.now)
    return add_signatures(held.connection, version, held.id) or exported or bool(new)


def brought(version: ArchivedVersion) -> list[ArchivedEvent]:
    """The events about a version that an archive holds; those that only tell of imports are no truth about it."""
    return in_order(event for event in version.events if event.kind not in TOLD_BY_IMPORTS)


def restore_files(held: Held, work: Work) -> None:
    """Let a version that was collected be what is said of it, after its files were stored again."""
    said = said_of(held)
    # Of an export that the archive did not hold the file is gone for good; that it passed is still true.
    held.connection.execute(_WITHOUT_FILE, {"version": held.id})
    change_status(held, said.status, work, said.reason, deprecation=said.deprecation, expired_tick=None)
    held.tell(EventKind.RESTORED, {"from": "archive"}, work)


def said_of(held: Held) -> Said:
    """What is said of a version by all that is known to have been done to it."""
    return fold(_stated(held), _known(held))


def _known(held: Held) -> list[ArchivedEvent]:
    version = held.owner, held.version
    return told(held.connection, registry_uid(held.connection), [version])[version]


def _stated(held: Held) -> Said:
    keys = {"version": held.id}
    tags = {row.name: row.value for row in held.connection.execute(_TAGS, keys)}
    row, marked = held.connection.execute(_ROW, keys).one(), held.connection.execute(_MARK, keys).first()
    return stated(held.connection, row, marked, tags)


def _say(held: Held, said: Said, work: Work) -> None:
    """Write what is said of a version. That its files are gone, or its pin, is nothing that others say."""
    before, keys = _stated(held), {"version": held.id}
    if said.summary != before.summary:
        held.connection.execute(_SUMMARY, keys | {"text": said.summary})
    _tag(held, before.tags, said.tags)
    marked = held.connection.execute(_MARK, keys).first()
    marks: dict[str, Any] = {"deprecation": said.deprecation, "successor": successor_ref(held.connection, said)}
    if held.status.value in LOST:
        marks["status_before"] = said.status.value
    elif said.status is not held.status:
        change_status(held, said.status, work, said.reason, **marks)
        return
    elif said.status is not VersionStatus.READY:
        marks["status_reason"] = said.reason
    changed = {
        name: value for name, value in marks.items() if value != (None if marked is None else marked._mapping[name])
    }
    if changed:
        mark(held.connection, held.id, **changed)


def _tag(held: Held, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    for name in sorted(name for name in before if before[name] != after.get(name)):
        held.connection.execute(_UNTAG, {"version": held.id, "tag": name})
    new = {name: value for name, value in sorted(after.items()) if before.get(name) != value}
    _insert_all(held.connection, TAGS, ({"version_id": held.id, "name": n, "value": v} for n, v in new.items()))


def successor_ref(connection: Connection, said: Said) -> str | None:
    """What the version to take instead is called here; while it is not here, the name that it has everywhere."""
    if said.successor is None:
        return None
    found = local_id(connection, said.successor)
    return _name_everywhere(said.successor) if found is None else detail(connection, found).ref


def name_arrived(connection: Connection, who: Identity, ref: str) -> None:
    """Call a version by its name here wherever it was named as a successor before it came.

    Each row changes only from the one name to the other, so that no lock on the other model is needed.
    """
    pending = _name_everywhere(who)
    for waiting in connection.execute(_AWAITED, {"pending": pending}).scalars().all():
        connection.execute(_ARRIVED, {"version": waiting, "pending": pending, "ref": ref})


def _name_everywhere(who: Identity) -> str:
    return f"{who.model}@{name_elsewhere(who)}"


def _take_exports(
    held: Held, version: ArchivedVersion, stored: Mapping[str, Stored], store: Store, now: datetime
) -> bool:
    """Of each format the newest export stays."""
    rows = held.connection.execute(_EXPORTS, {"version": held.id})
    here = {row.format: (row.created_at, row.digest or "") for row in rows}
    newer = []
    for one in version.exports:
        row = export_row(one, version)
        if one.format not in here or (row["created_at"], row["digest"] or "") > here[one.format]:
            newer.append(row)
    record(held.connection, [stored[digest] for digest in sorted({r["digest"] for r in newer} - {None})], store, now)
    for row in newer:
        held.connection.execute(_FORGET_EXPORT, {"version": held.id, "name": row["format"]})
    _insert_all(held.connection, EXPORTS, (row | {"version_id": held.id} for row in newer))
    return bool(newer)


def export_row(export: ArchivedExport, version: ArchivedVersion) -> dict[str, Any]:
    """An export of an archive as a row; of one without files it is known only that there is one."""
    facts = {name: getattr(export, name) for name in ("format", "passed", "created_at")}
    return facts | {"digest": export.digest if version.complete else None, "report": json_safe(export.report)}


def add_signatures(connection: Connection, version: ArchivedVersion, version_id: int) -> bool:
    """Insert the signatures by keys that had not signed here; whether there were any."""
    known = set(connection.execute(_SIGNED_BY, {"version": version_id}).scalars())
    new = [one.model_dump() | {"version_id": version_id} for one in version.signatures if one.key_id not in known]
    _insert_all(connection, SIGNATURES, new)
    return bool(new)


def _insert_all(connection: Connection, table: Any, rows: Iterable[dict[str, Any]]) -> None:
    if found := list(rows):
        connection.execute(insert(table), found)

"""Garbage collection: expired versions first, then files that no version refers to, then the trash.

References are read again in every transaction that acts on them, and registrations wait meanwhile. A file that is
needed is not moved at any time: a collection that dies halfway leaves work, not damage.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from regtrain_registry.db.columns import V, chunks, version_text
from regtrain_registry.db.engine import Database
from regtrain_registry.db.tables import MODELS, VERSIONS
from regtrain_registry.db.tables.blobs import BLOBS
from regtrain_registry.db.tables.lifecycle import MARKS
from regtrain_registry.domain.clock import ClockReading
from regtrain_registry.domain.collection import (
    Collection,
    ExpiredVersions,
    GcDecision,
    decide_file,
    decide_trash,
    decide_versions,
)
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.errors import CollectionTooLargeError, PolicyError
from regtrain_registry.ops.chunks import forget_ranges, forget_tensors, sources_of
from regtrain_registry.ops.clock import advance, read_elapsed
from regtrain_registry.ops.context import Actor, Context
from regtrain_registry.ops.event_log import EventLog, lock_model
from regtrain_registry.ops.locked_version import LockedVersion
from regtrain_registry.ops.references import count_by_digest, referenced
from regtrain_registry.ops.retention_inputs import retention_inputs
from regtrain_registry.ops.store_owners import check_exclusive
from regtrain_registry.store.blob import Entry, Trashed
from regtrain_registry.store.cache import trim_cache
from regtrain_registry.store.store import Store

__all__ = ["gc"]

VERSIONS_AT_ONCE = 1000  # all that have expired are decided on again for each portion
FILES_AT_ONCE = 200  # of one transaction, so that registrations do not wait long
UNREFERENCED = "no version refers to it"

_DIGESTS: Any = bindparam("digests", expanding=True)
_EXPIRED = V.status == VersionStatus.EXPIRED.value
_MODELS = (
    select(MODELS.c.id, MODELS.c.name)
    .where(select(V.id).where(V.model_id == MODELS.c.id, _EXPIRED).exists())
    .order_by(MODELS.c.id)
)
_EXPIRED_AT = (
    select(V.id, MARKS.c.expired_tick)
    .join_from(VERSIONS, MARKS, MARKS.c.version_id == V.id, isouter=True)
    .where(V.model_id == bindparam("owner"), _EXPIRED)
)
_KNOWN = select(BLOBS.c.digest, BLOBS.c.collected_at).where(BLOBS.c.digest.in_(_DIGESTS))
_COLLECT = (
    update(BLOBS)
    .where(BLOBS.c.digest.in_(_DIGESTS), BLOBS.c.collected_at.is_(None))
    .values(collected_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True)
class _Execution:
    """A collection that is carried out. grace: seconds."""

    database: Database
    store: Store
    actor: Actor
    grace: float
    now: ClockReading


def gc(
    database: Database,
    open_store: Callable[[], Store],
    actor: Actor,
    grace: timedelta,
    now: ClockReading,
    *,
    dry_run: bool,
    confirmed: bool,
) -> Collection:
    """Collect what expired more than `grace` ago, and files that no version refers to.

    Raises:
        PolicyError: a grace below zero.
        CollectionTooLargeError: more than half of the store would go, and it is not `confirmed`.
        StoreSharedError: files of another registry are in the store.
    """
    if not isinstance(grace, timedelta) or grace < timedelta(0):
        raise PolicyError(f"the grace is {grace!r}", "Give a timedelta from 0 up; left out, it is 7 days.")
    store, seconds = open_store(), grace.total_seconds()
    check_exclusive(database, store)
    entries, trash = store.entries(), store.trashed()
    plan = database.read(lambda connection: _plan(connection, entries, trash, seconds, now))
    if dry_run:
        return plan
    if plan.bytes("trash") * 2 > plan.total_bytes and not confirmed:
        raise CollectionTooLargeError(
            f"{_share(plan.bytes('trash'), plan.total_bytes)} of the bytes in the store would go",
            "Look at it with --dry-run --explain; then confirm with --yes.",
        )
    done = _collect(_Execution(database, store, actor, seconds, now), entries, trash, plan.total_bytes)
    return replace(done, tidied_bytes=done.tidied_bytes + trim_cache(seconds))


def _collect(execution: _Execution, entries: list[Entry], trash: list[Trashed], total_bytes: int) -> Collection:
    database = execution.database
    done = Collection(False, execution.grace, total_bytes=total_bytes, tidied_bytes=execution.store.tidy())
    for owner, model in database.read(lambda connection: [(*row,) for row in connection.execute(_MODELS)]):
        done.versions.extend(_collect_versions(execution, owner, model))
    # The trash before the files: what goes there now is purged by a later collection.
    for some in _some(trash):
        done.files.extend(database.write(_with(_empty_trash, execution, some)))
    for some in _some([entry for entry in entries if entry.age >= execution.grace]):
        done.files.extend(database.write(_with(_trash_files, execution, some)))
    return done


def _with(
    work: Callable[[Connection, _Execution, list[Any]], list[GcDecision]], execution: _Execution, some: list[Any]
) -> Callable[[Connection], list[GcDecision]]:
    return lambda connection: work(connection, execution, some)


def _share(part: int, whole: int) -> str:
    return f"{math.ceil(100 * part / whole)} %"


def _some(items: list[Any]) -> Iterator[list[Any]]:
    return (items[start : start + FILES_AT_ONCE] for start in range(0, len(items), FILES_AT_ONCE))


def _plan(
    connection: Connection, entries: list[Entry], trash: list[Trashed], grace: float, now: ClockReading
) -> Collection:
    """The decisions of a collection, read from one state of the database."""
    elapsed_seconds = read_elapsed(connection, now).seconds
    plan = Collection(True, grace, total_bytes=sum(entry.size_bytes for entry in entries))
    collected: list[int] = []
    for owner, model in connection.execute(_MODELS).all():
        expired = _expired(connection, owner, model, grace, elapsed_seconds)
        collected.extend(expired.collected)
        plan.versions.extend(expired.decisions)
    present = {entry.digest for entry in entries}
    wanted = referenced(connection, present | {file.digest for file in trash}, count_by_digest(connection, collected))
    missing = wanted - present
    plan.files.extend(_decide_trash(file, elapsed_seconds, grace, missing) for file in trash)
    plan.files.extend(_decide_files(connection, [entry for entry in entries if entry.digest not in wanted], grace))
    return plan


def _expired(connection: Connection, owner: int, model: str, grace: float, elapsed_seconds: float) -> ExpiredVersions:
    expired = retention_inputs(connection, owner, model, statuses=(VersionStatus.EXPIRED,))
    since = {row.id: row.expired_tick for row in connection.execute(_EXPIRED_AT, {"owner": owner})}
    return decide_versions(expired, since, elapsed_seconds, grace)


def _collect_versions(execution: _Execution, owner: int, model: str) -> list[GcDecision]:
    """Collect the expired versions of one model, a few in each transaction; the decision about each."""
    decisions: dict[str, GcDecision] = {}

    def some(connection: Connection) -> tuple[list[GcDecision], bool]:
        elapsed_seconds = advance(connection, execution.now).seconds
        log = lock_model(Context(connection, _no_store, execution.actor), model)
        expired = _expired(connection, owner, model, execution.grace, elapsed_seconds)
        chosen = expired.collected[:VERSIONS_AT_ONCE]
        _mark_collected(log, chosen)
        return expired.decisions, len(expired.collected) > len(chosen)

    more = True
    while more:
        found, more = execution.database.write(some)
        decisions.update({decision.name: decision for decision in found})
    return list(decisions.values())


def _no_store() -> Store:
    raise AssertionError("versions are collected without the store")


def _mark_collected(log: EventLog, version_ids: list[int]) -> None:
    """Mark versions as collected, and the files that no other version needs; the store is not touched."""
    connection = log.context.connection
    digests = set(count_by_digest(connection, version_ids))
    query = select(V.id, V.major, V.minor, V.patch, V.prerelease, V.size_bytes).where(V.id == bindparam("version"))
    for version_id in version_ids:
        row = connection.execute(query, {"version": version_id}).one()
        locked = LockedVersion(log, version_id, version_text(row), VersionStatus.EXPIRED)
        locked.set_status(VersionStatus.COLLECTED, "its grace was over")
        locked.log_event(EventKind.COLLECTED, {"size_bytes": row.size_bytes})
    idle = digests - referenced(connection, digests)
    sources = sources_of(connection, idle)
    forget_ranges(connection, idle)
    idle |= sources - referenced(connection, sources)
    forget_tensors(connection, idle)
    for some in chunks(sorted(idle)):
        connection.execute(_COLLECT, {"digests": some, "at": log.context.now})


def _empty_trash(connection: Connection, execution: _Execution, files: list[Trashed]) -> list[GcDecision]:
    """Delete what has been in the trash for long enough; what is needed after all goes back."""
    elapsed_seconds, store = advance(connection, execution.now).seconds, execution.store
    wanted = referenced(connection, {file.digest for file in files})
    missing = store.absent(wanted) if wanted else wanted
    decisions = [_decide_trash(file, elapsed_seconds, execution.grace, missing) for file in files]
    for action, do in (("rescue", store.restore), ("purge", store.purge)):
        chosen = [file for file, decision in zip(files, decisions, strict=True) if decision.action == action]
        if chosen:
            do(chosen)
    return decisions


def _trash_files(connection: Connection, execution: _Execution, entries: list[Entry]) -> list[GcDecision]:
    """Move those of the files into the trash that no version refers to."""
    elapsed_seconds, grace = advance(connection, execution.now).seconds, execution.grace
    wanted = referenced(connection, {entry.digest for entry in entries})
    idle = [entry for entry in entries if entry.digest not in wanted]
    # A registration that stores a file again makes it young before it refers to it.
    digests = [entry.digest for entry in idle]
    young = execution.store.trash(digests, math.ceil(elapsed_seconds), grace) if idle else set()
    return _decide_files(connection, [entry for entry in idle if entry.digest not in young], grace)


def _decide_files(connection: Connection, entries: list[Entry], grace: float) -> list[GcDecision]:
    reasons = _reasons(connection, entries)
    return [
        decide_file(entry.digest, entry.size_bytes, entry.age, grace, reasons.get(entry.digest, UNREFERENCED))
        for entry in entries
    ]


def _decide_trash(file: Trashed, elapsed_seconds: float, grace: float, missing: set[str]) -> GcDecision:
    age = elapsed_seconds - file.tick
    return decide_trash(file.digest, file.size_bytes, age, grace, needed=file.digest in missing)


def _reasons(connection: Connection, entries: Iterable[Entry]) -> Mapping[str, str]:
    """The reason why no version needs a file that some version once had."""
    found: dict[str, str] = {}
    for some in chunks(sorted(entry.digest for entry in entries)):
        for digest, at in connection.execute(_KNOWN, {"digests": some}):
            found[digest] = f"its versions were collected{f' on {at:%Y-%m-%d}' if at else ''}"
    return found

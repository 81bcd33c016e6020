"""Taking out of the store what no version needs any more: expired versions first, then files, then the trash.

References are read again in every transaction that acts on them, and registrations wait meanwhile. A file that is
needed is not moved at any time: a collection that dies halfway has left work, not damage.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from regtrain_registry.db.columns import V, chunks, version_text
from regtrain_registry.db.engine import Database
from regtrain_registry.db.tables import MODELS, VERSIONS
from regtrain_registry.db.tables.blobs import BLOBS, PARTS, SEGMENTS
from regtrain_registry.db.tables.lifecycle import MARKS
from regtrain_registry.domain.clock import Moment
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.domain.retention import still_held
from regtrain_registry.errors import CollectionTooLargeError
from regtrain_registry.ops.clock import seen, witness
from regtrain_registry.ops.history import Line, Work, lock_line
from regtrain_registry.ops.lifecycle import Held, change_status
from regtrain_registry.ops.references import named_by, needed, sources_of
from regtrain_registry.ops.retention_inputs import candidates
from regtrain_registry.store.sweep import Entry, Sweep, Trashed

__all__ = ["Collection", "collect"]

VERSIONS_AT_ONCE = 1000  # all that have expired are judged again for each portion
FILES_AT_ONCE = 200
NOBODY = "no version refers to it"

_DIGESTS: Any = bindparam("digests", expanding=True)
_EXPIRED = V.status == VersionStatus.EXPIRED.value
_MODELS = (
    select(MODELS.c.id, MODELS.c.name)
    .where(select(V.id).where(V.model_id == MODELS.c.id, _EXPIRED).exists())
    .order_by(MODELS.c.id)
)
_TICKS = (
    select(V.id, MARKS.c.expired_tick)
    .join_from(VERSIONS, MARKS, MARKS.c.version_id == V.id, isouter=True)
    .where(V.model_id == bindparam("owner"), _EXPIRED)
)
_KNOWN = select(BLOBS.c.digest, BLOBS.c.collected_at).where(BLOBS.c.digest.in_(_DIGESTS))
_GONE = (
    update(BLOBS)
    .where(BLOBS.c.digest.in_(_DIGESTS), BLOBS.c.collected_at.is_(None))
    .values(collected_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a version or of a file, and why: collect, trash, purge, rescue or keep."""

    name: str
    action: str
    reason: str
    size_bytes: int

    def to_json(self) -> dict[str, Any]:
        """All four fields."""
        return {"name": self.name, "action": self.action, "reason": self.reason, "size_bytes": self.size_bytes}


@dataclass(frozen=True, slots=True)
class Collection:
    """What a collection did, or (`dry_run`) would do. Bytes; `total_bytes`: the files of the store before it."""

    dry_run: bool
    grace: float
    versions: list[Fate] = field(default_factory=list)
    files: list[Fate] = field(default_factory=list)
    total_bytes: int = 0
    tidied_bytes: int = 0

    def count(self, action: str) -> int:
        """How many versions or files fared so."""
        return sum(fate.action == action for fate in (*self.versions, *self.files))

    def bytes(self, action: str) -> int:
        """Bytes of the files that fared so."""
        return sum(fate.size_bytes for fate in self.files if fate.action == action)

    def to_json(self) -> dict[str, Any]:
        """The fields of `registry gc --json`; `grace` in seconds."""
        actions = {"collected": "collect", "trashed": "trash", "purged": "purge", "rescued": "rescue"}
        counts = {name: self.count(action) for name, action in actions.items()}
        sizes = {f"{name}_bytes": self.bytes(actions[name]) for name in ("trashed", "purged", "rescued")}
        return {
            "dry_run": self.dry_run,
            "grace": self.grace,
            **counts,
            **sizes,
            "tidied_bytes": self.tidied_bytes,
            "total_bytes": self.total_bytes,
            "versions": [fate.to_json() for fate in self.versions],
            "files": [fate.to_json() for fate in self.files],
        }


@dataclass(frozen=True, slots=True)
class Judged:
    """The expired versions of a model, by id: those that go, and what is said of each."""

    going: list[int]
    fates: list[Fate]


def collect(
    database: Database, sweep: Sweep, grace: float, now: Moment, work: Work, *, dry_run: bool, confirmed: bool
) -> Collection:
    """Collect what expired more than `grace` seconds ago, and whatever lies in the store for nobody.

    Raises:
        CollectionTooLargeError: more than half of the store would go, and it is not `confirmed`.
    """
    entries, trash = sweep.entries(), sweep.trashed()
    plan = database.read(lambda connection: _plan(connection, entries, trash, grace, now))
    if dry_run:
        return plan
    if plan.bytes("trash") * 2 > plan.total_bytes and not confirmed:
        raise CollectionTooLargeError(
            f"{_share(plan.bytes('trash'), plan.total_bytes)} of the bytes in the store would go",
            "Look at it with --dry-run --explain; then confirm with --yes.",
        )
    done = Collection(False, grace, total_bytes=plan.total_bytes, tidied_bytes=sweep.tidy())
    for owner, model in database.read(lambda connection: [(*row,) for row in connection.execute(_MODELS)]):
        done.versions.extend(_collect_versions(database, owner, model, grace, now, work))
    # The trash before the files: what goes there now is purged by a later collection.
    for some in _some(trash):
        done.files.extend(database.write(lambda connection, some=some: _empty(connection, sweep, some, grace, now)))  # type: ignore[misc]
    old = [entry for entry in entries if entry.age >= grace]
    for some_files in _some(old):
        done.files.extend(
            database.write(lambda connection, some=some_files: _discard(connection, sweep, some, grace, now))  # type: ignore[misc]
        )
    return done


def _share(part: int, whole: int) -> str:
    return f"{math.ceil(100 * part / whole)} %"


def _some(items: list[Any]) -> Iterator[list[Any]]:
    """Few at a time, so that whoever registers is not kept waiting."""
    return (items[start : start + FILES_AT_ONCE] for start in range(0, len(items), FILES_AT_ONCE))


def _plan(connection: Connection, entries: list[Entry], trash: list[Trashed], grace: float, now: Moment) -> Collection:
    """What would be done, read from one state of the database."""
    tick = seen(connection, now).seconds
    plan = Collection(True, grace, total_bytes=sum(entry.size_bytes for entry in entries))
    going: list[int] = []
    for owner, model in connection.execute(_MODELS).all():
        judged = _judge(connection, owner, model, grace, tick)
        going.extend(judged.going)
        plan.versions.extend(judged.fates)
    leaving = named_by(connection, going)
    digests = {entry.digest for entry in entries} | {file.digest for file in trash}
    wanted = needed(connection, digests, leaving)
    there = {entry.digest for entry in entries}
    plan.files.extend(_fate_of_trash(file, wanted - there, grace, tick) for file in trash)
    idle = [entry for entry in entries if entry.digest not in wanted]
    reasons = _reasons(connection, idle)
    for entry in idle:
        plan.files.append(_fate_of_file(entry, grace, reasons.get(entry.digest, NOBODY)))
    return plan


def _judge(connection: Connection, owner: int, model: str, grace: float, tick: float) -> Judged:
    expired = candidates(connection, owner, model, statuses=(VersionStatus.EXPIRED,))
    ticks: dict[int, float | None] = {row.id: row.expired_tick for row in connection.execute(_TICKS, {"owner": owner})}
    held = still_held(expired.values())
    judged = Judged([], [])
    for version_id, candidate in sorted(expired.items()):
        since = ticks.get(version_id)
        passed = 0.0 if since is None else tick - since
        if candidate.ref in held:
            action, reason = "keep", held[candidate.ref]
        elif passed < grace:
            action, reason = "keep", f"expired {_shown(passed)} ago, less than {_shown(grace)}"
        else:
            action, reason = "collect", f"expired {_shown(passed)} ago"
            judged.going.append(version_id)
        judged.fates.append(Fate(candidate.ref, action, reason, candidate.size_bytes))
    return judged


def _shown(seconds: float) -> str:
    """Days, hours or seconds, in whole numbers."""
    for unit, size in (("d", 86_400), ("h", 3_600)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


def _collect_versions(database: Database, owner: int, model: str, grace: float, now: Moment, work: Work) -> list[Fate]:
    """Collect the expired versions of one model, a few in each transaction; what became of each."""
    fates: dict[str, Fate] = {}

    def some(connection: Connection) -> tuple[list[Fate], bool]:
        tick = witness(connection, now).seconds
        line = lock_line(connection, model)
        judged = _judge(connection, owner, model, grace, tick)
        chosen = judged.going[:VERSIONS_AT_ONCE]
        _let_go(line, chosen, work)
        return judged.fates, len(judged.going) > len(chosen)

    more = True
    while more:
        found, more = database.write(some)
        fates.update({fate.name: fate for fate in found})
    return list(fates.values())


def _let_go(line: Line, version_ids: list[int], work: Work) -> None:
    """Mark versions as collected, and the files that nobody else needs; nothing in the store is touched."""
    connection = line.connection
    digests = set(named_by(connection, version_ids))
    query = select(V.id, V.major, V.minor, V.patch, V.prerelease, V.size_bytes).where(V.id == bindparam("version"))
    for version_id in version_ids:
        row = connection.execute(query, {"version": version_id}).one()
        held = Held(line, version_id, version_text(row), VersionStatus.EXPIRED)
        change_status(held, VersionStatus.COLLECTED, work, "its grace was over")
        held.tell(EventKind.COLLECTED, {"size_bytes": row.size_bytes}, work)
    idle = digests - needed(connection, digests)
    sources = sources_of(connection, idle)
    for some in chunks(sorted(idle)):
        connection.execute(delete(PARTS).where(PARTS.c.digest.in_(_DIGESTS)), {"digests": some})
    idle |= sources - needed(connection, sources)
    for some in chunks(sorted(idle)):
        connection.execute(delete(SEGMENTS).where(SEGMENTS.c.blob.in_(_DIGESTS)), {"digests": some})
        connection.execute(_GONE, {"digests": some, "at": work.now})


def _empty(connection: Connection, sweep: Sweep, files: list[Trashed], grace: float, now: Moment) -> list[Fate]:
    """Delete what has been in the trash for long enough; what is needed after all goes back."""
    tick = witness(connection, now).seconds
    wanted = needed(connection, {file.digest for file in files})
    missed = sweep.absent(wanted) if wanted else wanted
    fates = [_fate_of_trash(file, missed, grace, tick) for file in files]
    for action, do in (("rescue", sweep.rescue), ("purge", sweep.purge)):
        chosen = [file for file, fate in zip(files, fates, strict=True) if fate.action == action]
        if chosen:
            do(chosen)
    return fates


def _discard(connection: Connection, sweep: Sweep, entries: list[Entry], grace: float, now: Moment) -> list[Fate]:
    """Move those of the files into the trash that nobody needs."""
    tick = witness(connection, now).seconds
    wanted = needed(connection, {entry.digest for entry in entries})
    idle = [entry for entry in entries if entry.digest not in wanted]
    reasons = _reasons(connection, idle)
    # Whoever stores a file that is there already makes it young again, and is about to register it.
    young = sweep.discard([entry.digest for entry in idle], math.ceil(tick), grace) if idle else set()
    gone = [entry for entry in idle if entry.digest not in young]
    return [_fate_of_file(entry, grace, reasons.get(entry.digest, NOBODY)) for entry in gone]


def _reasons(connection: Connection, entries: Iterable[Entry]) -> Mapping[str, str]:
    """Why nobody needs a file that some version once had."""
    found: dict[str, str] = {}
    for some in chunks(sorted(entry.digest for entry in entries)):
        for digest, at in connection.execute(_KNOWN, {"digests": some}):
            found[digest] = f"its versions were collected{f' on {at:%Y-%m-%d}' if at else ''}"
    return found


def _fate_of_file(entry: Entry, grace: float, reason: str) -> Fate:
    if entry.age < grace:
        return Fate(entry.digest, "keep", f"{reason}, but it is {_shown(max(entry.age, 0.0))} old", entry.size_bytes)
    return Fate(entry.digest, "trash", reason, entry.size_bytes)


def _fate_of_trash(file: Trashed, missed: set[str], grace: float, tick: float) -> Fate:
    passed = max(tick - file.tick, 0.0)
    if file.digest in missed:
        return Fate(file.digest, "rescue", "a version needs it", file.size_bytes)
    if passed < grace:
        return Fate(file.digest, "keep", f"in the trash for {_shown(passed)}", file.size_bytes)
    return Fate(file.digest, "purge", f"in the trash for {_shown(passed)}", file.size_bytes)

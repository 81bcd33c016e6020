"""What is said of a version after it was made: tags, description, pins, status, stages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from regtrain_registry.db.columns import V, version_text
from regtrain_registry.db.tables import VERSIONS
from regtrain_registry.db.tables.marking import MARKS, TAGS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.identities import Identity
from regtrain_registry.domain.records import VersionDetail, VersionStatus
from regtrain_registry.errors import RegistryError, StatusError, TagNotFoundError
from regtrain_registry.ops.history import Line, Work, lock_line
from regtrain_registry.ops.identity import identities
from regtrain_registry.ops.read import check_there, detail
from regtrain_registry.ops.resolve import find
from regtrain_registry.refs import Ref, parse_ref

__all__ = [
    "Held",
    "archive",
    "change_status",
    "deprecate",
    "describe",
    "hold",
    "mark",
    "pin",
    "set_tags",
    "successor_of",
    "tag",
    "untag",
]

_ONE = VERSIONS.c.id == bindparam("version")
_ROW = select(V.id, V.major, V.minor, V.patch, V.prerelease, V.status).where(_ONE)
_STATUS = update(VERSIONS).where(_ONE).values(status=bindparam("to"))
_SUMMARY = update(VERSIONS).where(_ONE).values(summary=bindparam("text"))
_TAGGED = (TAGS.c.version_id == bindparam("version"), TAGS.c.name == bindparam("tag"))
_TAG = select(TAGS.c.value).where(*_TAGGED)
_TAG_NAMES = select(TAGS.c.name).where(TAGS.c.version_id == bindparam("version"))
_MARKED = select(MARKS.c.version_id).where(MARKS.c.version_id == bindparam("version"))


class Held(NamedTuple):
    """A version whose model's row is locked."""

    line: Line
    id: int
    version: str
    status: VersionStatus

    @property
    def connection(self) -> Connection:
        """That of the transaction which holds the lock."""
        return self.line.connection

    @property
    def owner(self) -> int:
        """The id of the model's row."""
        return self.line.owner

    def tell(self, kind: EventKind, facts: Mapping[str, Any], work: Work) -> None:
        """Add to the model's history."""
        self.line.append(kind, self.version, facts, work)


class Successor(NamedTuple):
    """The version to take instead of another one: its name here, and who it is anywhere."""

    ref: str
    home: Identity


def hold(connection: Connection, ref: Ref) -> Held:
    """Lock the model of a ref and find its version."""
    line = lock_line(connection, ref.model)
    row = connection.execute(_ROW, {"version": find(connection, ref)}).one()
    return Held(line, row.id, version_text(row), VersionStatus(row.status))


def mark(connection: Connection, version_id: int, **values: Any) -> None:
    """Set columns of what is said of a version."""
    if connection.execute(_MARKED, {"version": version_id}).first() is None:
        connection.execute(insert(MARKS), {"version_id": version_id, "pinned": False, **values})
    else:
        connection.execute(update(MARKS).where(MARKS.c.version_id == version_id).values(**values))


def change_status(held: Held, to: VersionStatus, work: Work, reason: str | None, **values: Any) -> None:
    """Set a version's status, with since when, why, and what it was; telling it is the caller's."""
    held.connection.execute(_STATUS, {"version": held.id, "to": to.value})
    # Of a collected version it stays the one from before it expired, which is what can be restored.
    before = {} if to is VersionStatus.COLLECTED else {"status_before": held.status.value}
    mark(held.connection, held.id, **(before | {"status_at": work.now, "status_reason": reason} | values))


def tag(held: Held, name: str, value: str, work: Work) -> None:
    """Give a tag, or another value to it."""
    keys = {"version": held.id, "tag": name}
    before = held.connection.execute(_TAG, keys).scalar()
    if before is None:
        held.connection.execute(insert(TAGS), {"version_id": held.id, "name": name, "value": value})
    elif before != value:
        held.connection.execute(update(TAGS).where(*_TAGGED).values(value=bindparam("to")), keys | {"to": value})
    if before != value:
        held.tell(EventKind.TAGGED, {"tag": name, "value": value, "before": before}, work)


def set_tags(held: Held, given: Iterable[tuple[str, str]], taken: Iterable[str], work: Work) -> None:
    """Give tags, then take some away. Each is an event."""
    for name, value in given:
        tag(held, name, value, work)
    for name in taken:
        untag(held, name, work)


def untag(held: Held, name: str, work: Work) -> None:
    """Take a tag away; `TagNotFoundError`."""
    keys = {"version": held.id, "tag": name}
    before = held.connection.execute(_TAG, keys).scalar()
    if before is None:
        names = ", ".join(sorted(held.connection.execute(_TAG_NAMES, {"version": held.id}).scalars())) or "none"
        raise TagNotFoundError(f"no tag {name!r}", f"The version's tags: {names}.")
    held.connection.execute(delete(TAGS).where(*_TAGGED), keys)
    held.tell(EventKind.UNTAGGED, {"tag": name, "before": before}, work)


def describe(held: Held, text: str, work: Work) -> None:
    """Write the version's description."""
    held.connection.execute(_SUMMARY, {"version": held.id, "text": text})
    held.tell(EventKind.DESCRIBED, {"text": text}, work)


def pin(held: Held, pinned: bool, work: Work) -> None:
    """Keep a version from every policy, or leave it to them again; `VersionCollectedError`: nothing is left to keep."""
    if pinned and held.status is VersionStatus.COLLECTED:
        check_there(detail(held.connection, held.id))
    mark(held.connection, held.id, pinned=pinned)
    held.tell(EventKind.PINNED if pinned else EventKind.UNPINNED, {}, work)


def successor_of(held: Held, ref: Ref) -> Successor:
    """Which version to take instead; `StatusError`, `VersionCollectedError` if it cannot be."""
    version_id = find(held.connection, ref)
    version = detail(held.connection, version_id)
    if version_id == held.id:
        raise StatusError(f"{version.ref} cannot be its own successor", "Name another version.")
    check_there(version)
    _check_no_ring(held, version)
    return Successor(version.ref, identities(held.connection, [version_id])[version_id])


def _check_no_ring(held: Held, version: VersionDetail) -> None:
    """Whoever goes from successor to successor has to come to an end."""
    way, after = [version.ref], version.marks.successor
    while after is not None and after not in way:
        way.append(after)
        try:
            version_id = find(held.connection, parse_ref(after))
        except RegistryError:  # of a version that is in another registry only its name there is known
            return
        if version_id == held.id:
            raise StatusError(f"{' → '.join(way)}: they would succeed each other", "Name another version.")
        after = detail(held.connection, version_id).marks.successor


def deprecate(held: Held, reason: str, successor: Successor | None, work: Work) -> None:
    """Advise against a version; what still names it goes on."""
    _only(held, "deprecated", VersionStatus.READY, VersionStatus.DEPRECATED)
    change_status(
        held, VersionStatus.DEPRECATED, work, reason, deprecation=reason, successor=successor and successor.ref
    )
    instead = (
        {"successor": successor.ref, "successor_home": successor.home.to_json()} if successor else {"successor": None}
    )
    held.tell(EventKind.DEPRECATED, {"reason": reason} | instead, work)


def archive(held: Held, reason: str | None, work: Work) -> None:
    """Take a version out of `latest` and ranges; its files stay."""
    _only(held, "archived", VersionStatus.READY, VersionStatus.DEPRECATED)
    change_status(held, VersionStatus.ARCHIVED, work, reason)
    held.tell(EventKind.ARCHIVED, {"reason": reason}, work)


def _only(held: Held, to: str, *allowed: VersionStatus) -> None:
    if held.status not in allowed:
        raise StatusError(f"{held.version} is {held.status.value} and cannot be {to}", "Restore it first.")

"""Changes of a version after it was registered: tags, description, pin, status."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, select, update

from regtrain_registry.db.tables import VERSIONS
from regtrain_registry.db.tables.lifecycle import TAGS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.identities import Identity
from regtrain_registry.domain.records import VersionDetail, VersionStatus
from regtrain_registry.errors import RegistryError, StatusError, TagNotFoundError
from regtrain_registry.ops.context import Context
from regtrain_registry.ops.identity import identities
from regtrain_registry.ops.locked_version import LockedVersion, lock_version
from regtrain_registry.ops.read import check_available, detail
from regtrain_registry.ops.resolve import resolve
from regtrain_registry.refs import Ref, parse_ref

__all__ = ["archive", "deprecate", "describe", "pin", "set_tags"]

_SUMMARY = update(VERSIONS).where(VERSIONS.c.id == bindparam("version")).values(summary=bindparam("text"))
_TAGGED = (TAGS.c.version_id == bindparam("version"), TAGS.c.name == bindparam("tag"))
_TAG = select(TAGS.c.value).where(*_TAGGED)
_TAG_NAMES = select(TAGS.c.name).where(TAGS.c.version_id == bindparam("version"))


class Successor(NamedTuple):
    """The version to use in place of a deprecated one: its name here, and its identity."""

    ref: str
    home: Identity


def set_tags(context: Context, ref: Ref, tags: Iterable[tuple[str, str]], remove: Iterable[str]) -> VersionDetail:
    """Set tags, then remove some; `TagNotFoundError`. Each that changes is an event."""
    locked = lock_version(context, ref)
    for name, value in tags:
        _set_tag(locked, name, value)
    for name in remove:
        _remove_tag(locked, name)
    return detail(context.connection, locked.id)


def _set_tag(locked: LockedVersion, name: str, value: str) -> None:
    keys = {"version": locked.id, "tag": name}
    before = locked.connection.execute(_TAG, keys).scalar()
    if before is None:
        locked.connection.execute(insert(TAGS), {"version_id": locked.id, "name": name, "value": value})
    elif before != value:
        locked.connection.execute(update(TAGS).where(*_TAGGED).values(value=bindparam("to")), keys | {"to": value})
    if before != value:
        locked.log_event(EventKind.TAGGED, {"tag": name, "value": value, "before": before})


def _remove_tag(locked: LockedVersion, name: str) -> None:
    keys = {"version": locked.id, "tag": name}
    before = locked.connection.execute(_TAG, keys).scalar()
    if before is None:
        names = ", ".join(sorted(locked.connection.execute(_TAG_NAMES, {"version": locked.id}).scalars())) or "none"
        raise TagNotFoundError(f"no tag {name!r}", f"The version's tags: {names}.")
    locked.connection.execute(delete(TAGS).where(*_TAGGED), keys)
    locked.log_event(EventKind.UNTAGGED, {"tag": name, "before": before})


def describe(context: Context, ref: Ref, text: str) -> VersionDetail:
    """Write the version's description."""
    locked = lock_version(context, ref)
    context.connection.execute(_SUMMARY, {"version": locked.id, "text": text})
    locked.log_event(EventKind.DESCRIBED, {"text": text})
    return detail(context.connection, locked.id)


def pin(context: Context, ref: Ref, pinned: bool) -> VersionDetail:
    """Keep a version whatever a policy decides, or leave it to the policy; `VersionCollectedError`."""
    locked = lock_version(context, ref)
    if pinned and locked.status is VersionStatus.COLLECTED:
        check_available(detail(context.connection, locked.id))
    locked.set_marks(pinned=pinned)
    locked.log_event(EventKind.PINNED if pinned else EventKind.UNPINNED, {})
    return detail(context.connection, locked.id)


def deprecate(context: Context, ref: Ref, reason: str, successor: Ref | None) -> VersionDetail:
    """Advise against a version; refs that name it go on doing so. `StatusError`, `VersionCollectedError`."""
    locked = lock_version(context, ref)
    after = None if successor is None else _successor(locked, successor)
    _check_status(locked, "deprecated")
    locked.set_status(
        VersionStatus.DEPRECATED, reason, deprecation=reason, successor=None if after is None else after.ref
    )
    facts = {"reason": reason, "successor": None if after is None else after.ref}
    locked.log_event(EventKind.DEPRECATED, facts | ({} if after is None else {"successor_home": after.home.to_json()}))
    return detail(context.connection, locked.id)


def _successor(locked: LockedVersion, ref: Ref) -> Successor:
    version_id = resolve(locked.connection, ref)
    version = detail(locked.connection, version_id)
    if version_id == locked.id:
        raise StatusError(f"{version.ref} cannot be its own successor", "Name another version.")
    check_available(version)
    _check_no_cycle(locked, version)
    return Successor(version.ref, identities(locked.connection, [version_id])[version_id])


def _check_no_cycle(locked: LockedVersion, version: VersionDetail) -> None:
    """The chain of successors has to end."""
    chain, after = [version.ref], version.marks.successor
    while after is not None and after not in chain:
        chain.append(after)
        try:
            version_id = resolve(locked.connection, parse_ref(after))
        except RegistryError:  # of a version that is in another registry only its name there is known
            return
        if version_id == locked.id:
            raise StatusError(f"{' → '.join(chain)}: they would succeed each other", "Name another version.")
        after = detail(locked.connection, version_id).marks.successor


def archive(context: Context, ref: Ref, reason: str | None) -> VersionDetail:
    """Hide a version from `latest` and ranges; its files stay. `StatusError`."""
    locked = lock_version(context, ref)
    _check_status(locked, "archived")
    locked.set_status(VersionStatus.ARCHIVED, reason)
    locked.log_event(EventKind.ARCHIVED, {"reason": reason})
    return detail(context.connection, locked.id)


def _check_status(locked: LockedVersion, to: str) -> None:
    if locked.status not in (VersionStatus.READY, VersionStatus.DEPRECATED):
        raise StatusError(f"{locked.version} is {locked.status.value} and cannot be {to}", "Restore it first.")

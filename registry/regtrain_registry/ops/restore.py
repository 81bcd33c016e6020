"""Bringing back versions that expired or were archived, with the status that they had before."""

from __future__ import annotations

import json
from typing import Protocol

from sqlalchemy import Connection, bindparam, select

from regtrain_registry.db.tables.lifecycle import EVENTS, MARKS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.records import VersionDetail, VersionStatus
from regtrain_registry.errors import StatusError
from regtrain_registry.ops.context import Context
from regtrain_registry.ops.locked_version import LockedVersion, lock_version
from regtrain_registry.ops.read import check_available, detail
from regtrain_registry.refs import Ref

__all__ = ["bring_back", "reason_to_restore", "restore", "status_to_restore"]

_BEFORE = select(MARKS.c.status_before, MARKS.c.deprecation).where(MARKS.c.version_id == bindparam("version"))
_WHY_ARCHIVED = (
    select(EVENTS.c.facts)
    .where(EVENTS.c.model_id == bindparam("owner"), EVENTS.c.version == bindparam("version"))
    .where(EVENTS.c.kind.in_((EventKind.ARCHIVED.value, EventKind.IMPORTED.value)))
    .order_by(EVENTS.c.seq.desc())
    .limit(1)
)


class StatusBefore(Protocol):
    """The columns of `rt_marks` that a status is restored from."""

    @property
    def status_before(self) -> str | None: ...
    @property
    def deprecation(self) -> str | None: ...


def restore(context: Context, ref: Ref) -> VersionDetail:
    """Bring back a version that expired or was archived.

    Raises:
        VersionCollectedError: its files were collected.
        StatusError: it is neither expired nor archived.
    """
    locked = lock_version(context, ref)
    if locked.status is VersionStatus.COLLECTED:
        check_available(detail(context.connection, locked.id))
    if locked.status not in (VersionStatus.EXPIRED, VersionStatus.ARCHIVED):
        raise StatusError(f"{locked.ref} is {locked.status.value}", "It is neither expired nor archived.")
    to = bring_back(locked)
    locked.log_event(EventKind.RESTORED, {"from": locked.status.value, "to": to.value})
    return detail(context.connection, locked.id)


def bring_back(locked: LockedVersion) -> VersionStatus:
    """Give a version the status that it had before, and return it. The event is the caller's."""
    mark = locked.connection.execute(_BEFORE, {"version": locked.id}).first()
    to = status_to_restore(locked.status, mark)
    reason = reason_to_restore(locked.connection, locked.model_id, locked.version, to, mark)
    locked.set_status(to, reason, expired_tick=None)
    return to


def status_to_restore(status: VersionStatus, mark: StatusBefore | None) -> VersionStatus:
    """The status that a version has again: ready, deprecated, or the archived one that it expired from."""
    before = VersionStatus(mark.status_before) if mark and mark.status_before else VersionStatus.READY
    lost = (status, VersionStatus.EXPIRED, VersionStatus.COLLECTED)
    to = VersionStatus.READY if before in lost else before
    if to is VersionStatus.READY and mark is not None and mark.deprecation is not None:
        return VersionStatus.DEPRECATED
    return to


def reason_to_restore(
    connection: Connection, owner: int, version: str, to: VersionStatus, mark: StatusBefore | None
) -> str | None:
    """The reason of that status; the row has the reason of a later one."""
    if to is VersionStatus.DEPRECATED:
        return None if mark is None else mark.deprecation
    if to is not VersionStatus.ARCHIVED:
        return None
    facts = connection.execute(_WHY_ARCHIVED, {"owner": owner, "version": version}).scalar()
    reason = json.loads(facts).get("reason") if facts else None
    return reason if isinstance(reason, str) else None

"""Bringing back versions that expired or were archived, with the status that they had before."""

from __future__ import annotations

import json
from typing import Protocol

from sqlalchemy import Connection, bindparam, select

from regtrain_registry.db.tables.marking import EVENTS, MARKS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.errors import StatusError
from regtrain_registry.ops.history import Work
from regtrain_registry.ops.lifecycle import Held, change_status, hold
from regtrain_registry.ops.read import check_there, detail
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


def restore(connection: Connection, ref: Ref, work: Work) -> int:
    """Bring back a version that expired or was archived; its id.

    Raises:
        VersionCollectedError: its files were collected.
        StatusError: it is neither expired nor archived.
    """
    held = hold(connection, ref)
    if held.status is VersionStatus.COLLECTED:
        check_there(detail(connection, held.id))
    if held.status not in (VersionStatus.EXPIRED, VersionStatus.ARCHIVED):
        raise StatusError(f"{ref.model}@{held.version} is {held.status.value}", "It is neither expired nor archived.")
    to = bring_back(held, work)
    held.tell(EventKind.RESTORED, {"from": held.status.value, "to": to.value}, work)
    return held.id


def bring_back(held: Held, work: Work) -> VersionStatus:
    """Give a version the status that it had before; which one. The event is the caller's."""
    mark = held.connection.execute(_BEFORE, {"version": held.id}).first()
    to = status_to_restore(held.status, mark)
    reason = reason_to_restore(held.connection, held.owner, held.version, to, mark)
    change_status(held, to, work, reason, expired_tick=None)
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
    """The reason of that status: since then the row has held the reason of another one."""
    if to is VersionStatus.DEPRECATED:
        return None if mark is None else mark.deprecation
    if to is not VersionStatus.ARCHIVED:
        return None
    facts = connection.execute(_WHY_ARCHIVED, {"owner": owner, "version": version}).scalar()
    reason = json.loads(facts).get("reason") if facts else None
    return reason if isinstance(reason, str) else None

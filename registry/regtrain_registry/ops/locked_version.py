"""A version whose model is locked, which every change of a version begins with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from regtrain_registry.db.columns import V, version_text
from regtrain_registry.db.tables import VERSIONS
from regtrain_registry.db.tables.lifecycle import MARKS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.ops.context import Context
from regtrain_registry.ops.event_log import EventLog, lock_model
from regtrain_registry.ops.resolve import resolve
from regtrain_registry.refs import Ref

__all__ = ["LockedVersion", "lock_version"]

_ONE = VERSIONS.c.id == bindparam("version")
_ROW = select(V.id, V.major, V.minor, V.patch, V.prerelease, V.status).where(_ONE)
_STATUS = update(VERSIONS).where(_ONE).values(status=bindparam("to"))
_MARKED = select(MARKS.c.version_id).where(MARKS.c.version_id == bindparam("version"))


class LockedVersion(NamedTuple):
    """A version whose model's row is locked until the transaction ends; `status`: the one that it had then."""

    log: EventLog
    id: int
    version: str
    status: VersionStatus

    @property
    def context(self) -> Context:
        """That of the transaction."""
        return self.log.context

    @property
    def connection(self) -> Connection:
        """That of the transaction."""
        return self.log.context.connection

    @property
    def model_id(self) -> int:
        """The id of the model's row."""
        return self.log.model_id

    @property
    def ref(self) -> str:
        """`NAME@VERSION`."""
        return f"{self.log.model}@{self.version}"

    def log_event(self, kind: EventKind, facts: Mapping[str, Any]) -> None:
        """Append an event of this version to the model's log."""
        self.log.log_event(kind, self.version, facts)

    def set_marks(self, **values: Any) -> None:
        """Set columns of its row in `rt_marks`, which is inserted where there is none."""
        if self.connection.execute(_MARKED, {"version": self.id}).first() is None:
            self.connection.execute(insert(MARKS), {"version_id": self.id, "pinned": False, **values})
        else:
            self.connection.execute(update(MARKS).where(MARKS.c.version_id == self.id).values(**values))

    def set_status(self, to: VersionStatus, reason: str | None, **marks: Any) -> None:
        """Set its status, with the time, the reason, and the status before; the event is the caller's."""
        self.connection.execute(_STATUS, {"version": self.id, "to": to.value})
        # Of a collected version it stays the one from before it expired, which is what can be restored.
        before = {} if to is VersionStatus.COLLECTED else {"status_before": self.status.value}
        self.set_marks(**(before | {"status_at": self.context.now, "status_reason": reason} | marks))


def lock_version(context: Context, ref: Ref) -> LockedVersion:
    """Lock the model of a ref and resolve its version."""
    log = lock_model(context, ref.model)
    row = context.connection.execute(_ROW, {"version": resolve(context.connection, ref)}).one()
    return LockedVersion(log, row.id, version_text(row), VersionStatus(row.status))

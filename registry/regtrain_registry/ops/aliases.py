"""Aliases: movable names of versions."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from regtrain_registry.db.columns import V, version_text
from regtrain_registry.db.tables import ALIASES, VERSIONS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.records import VersionDetail, VersionStatus
from regtrain_registry.errors import AliasNotFoundError, StageGuardedError
from regtrain_registry.ops.context import Context
from regtrain_registry.ops.event_log import lock_model
from regtrain_registry.ops.locked_version import LockedVersion, lock_version
from regtrain_registry.ops.policies import stages_of
from regtrain_registry.ops.read import check_available, detail
from regtrain_registry.refs import Ref

__all__ = ["alias_target", "remove_alias", "set_alias", "write_alias"]

_A = ALIASES.c
_NAMED = (_A.model_id == bindparam("owner"), _A.name == bindparam("alias"))
_NEW = insert(ALIASES)
_MOVE = (
    update(ALIASES)
    .where(*_NAMED)
    .values(version_id=bindparam("version"), updated_at=bindparam("now"), gated=bindparam("is_gated"))
)
_TARGET = (
    select(V.id, V.major, V.minor, V.patch, V.prerelease, _A.gated)
    .join_from(ALIASES, VERSIONS, V.id == _A.version_id)
    .where(*_NAMED)
)
_REMOVE = delete(ALIASES).where(*_NAMED)
_NAMES = select(_A.name).where(_A.model_id == bindparam("owner"))


class AliasTarget(NamedTuple):
    """The version that an alias or a stage (`gated`) names now."""

    id: int
    version: str
    gated: bool


def alias_target(connection: Connection, owner: int, name: str) -> AliasTarget | None:
    """The target of an alias or a stage of a model; None: there is none by this name."""
    row = connection.execute(_TARGET, {"owner": owner, "alias": name}).first()
    return None if row is None else AliasTarget(row.id, version_text(row), row.gated)


def set_alias(context: Context, ref: Ref, name: str) -> VersionDetail:
    """Let the alias name this version of its model, also where it named another one before.

    Errors: `StageGuardedError` for a stage, also for one that the model's policy names and no version has;
    `StatusError` for an expired version, `VersionCollectedError`.
    """
    locked, connection = lock_version(context, ref), context.connection
    if locked.status in (VersionStatus.EXPIRED, VersionStatus.COLLECTED):
        check_available(detail(connection, locked.id))
    before = alias_target(connection, locked.model_id, name)
    if (before and before.gated) or name in stages_of(connection, locked.model_id):
        raise StageGuardedError(
            f"{name!r} is a stage, which only a promotion moves",
            f"Promote: regtrain models promote REF {name}; or choose another alias.",
        )
    if before is None or before.id != locked.id:
        write_alias(locked, name, before, gated=False)
        locked.log_event(EventKind.ALIAS_SET, {"alias": name, "before": before and before.version})
    return detail(connection, locked.id)


def write_alias(locked: LockedVersion, name: str, before: AliasTarget | None, *, gated: bool) -> None:
    """Write the alias's row; the event is the caller's."""
    connection, owner, now = locked.connection, locked.model_id, locked.context.now
    if before is None:
        row = {"model_id": owner, "name": name, "version_id": locked.id, "updated_at": now, "gated": gated}
        connection.execute(_NEW, row)
        return
    values = {"owner": owner, "alias": name, "version": locked.id, "now": now, "is_gated": gated}
    connection.execute(_MOVE, values)


def remove_alias(context: Context, model: str, name: str) -> None:
    """Remove an alias, or empty a stage; `AliasNotFoundError` where the model has neither by this name."""
    log, connection = lock_model(context, model), context.connection
    before = alias_target(connection, log.model_id, name)
    if before is None:
        names = ", ".join(sorted(connection.execute(_NAMES, {"owner": log.model_id}).scalars())) or "none"
        raise AliasNotFoundError(f"no alias {name!r}", f"The model's aliases and stages: {names}.")
    connection.execute(_REMOVE, {"owner": log.model_id, "alias": name})
    kind = EventKind.DEMOTED if before.gated else EventKind.ALIAS_REMOVED
    log.log_event(kind, before.version, {"stage" if before.gated else "alias": name})

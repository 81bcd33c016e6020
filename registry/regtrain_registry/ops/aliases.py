"""Movable names of versions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from regtrain_registry.db.columns import V, version_text
from regtrain_registry.db.tables import ALIASES, VERSIONS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.errors import AliasNotFoundError, StageGuardedError
from regtrain_registry.ops.policies import stages_of
from regtrain_registry.ops.read import check_there, detail

if TYPE_CHECKING:
    from regtrain_registry.ops.history import Line, Work
    from regtrain_registry.ops.lifecycle import Held

__all__ = ["holder", "move", "remove_alias", "set_alias"]

_A = ALIASES.c
_NAMED = (_A.model_id == bindparam("owner"), _A.name == bindparam("alias"))
_NEW = insert(ALIASES)
_MOVE = (
    update(ALIASES)
    .where(*_NAMED)
    .values(version_id=bindparam("version"), updated_at=bindparam("now"), gated=bindparam("is_gated"))
)
_HOLDER = (
    select(V.id, V.major, V.minor, V.patch, V.prerelease, _A.gated)
    .join_from(ALIASES, VERSIONS, V.id == _A.version_id)
    .where(*_NAMED)
)
_REMOVE = delete(ALIASES).where(*_NAMED)
_NAMES = select(_A.name).where(_A.model_id == bindparam("owner"))


def holder(connection: Connection, owner: int, name: str) -> tuple[int, str, bool] | None:
    """The id and version that a name stands for now, and whether it is a stage."""
    row = connection.execute(_HOLDER, {"owner": owner, "alias": name}).first()
    return None if row is None else (row.id, version_text(row), row.gated)


def set_alias(held: Held, name: str, work: Work) -> None:
    """Let the name stand for this version of its model, wherever it stood before.

    Errors: `StageGuardedError` for a stage, also for one that the model's policy names and no version holds;
    `StatusError` for a version that expired, `VersionCollectedError`.
    """
    if held.status in (VersionStatus.EXPIRED, VersionStatus.COLLECTED):
        check_there(detail(held.connection, held.id))
    before = holder(held.connection, held.owner, name)
    if (before and before[2]) or name in stages_of(held.connection, held.owner):
        raise StageGuardedError(
            f"{name!r} is a stage, which only a promotion moves",
            f"Promote: regtrain models promote REF {name}; or choose another alias.",
        )
    if before and before[0] == held.id:
        return
    move(held.connection, held.owner, name, held.id, work.now, gated=False, new=before is None)
    held.tell(EventKind.ALIAS_SET, {"alias": name, "before": before and before[1]}, work)


def move(
    connection: Connection, owner: int, name: str, version_id: int, now: datetime, *, gated: bool, new: bool
) -> None:
    """Write the name's row; what it means is the caller's to record."""
    if new:
        row = {"model_id": owner, "name": name, "version_id": version_id, "updated_at": now, "gated": gated}
        connection.execute(_NEW, row)
        return
    values = {"owner": owner, "alias": name, "version": version_id, "now": now, "is_gated": gated}
    connection.execute(_MOVE, values)


def remove_alias(line: Line, name: str, work: Work) -> None:
    """Take the name away; `AliasNotFoundError` where the model has none of it. A stage is left by this too."""
    connection, owner = line.connection, line.owner
    before = holder(connection, owner, name)
    if before is None:
        names = ", ".join(sorted(connection.execute(_NAMES, {"owner": owner}).scalars())) or "none"
        raise AliasNotFoundError(f"no alias {name!r}", f"The model's aliases and stages: {names}.")
    connection.execute(_REMOVE, {"owner": owner, "alias": name})
    _, version, gated = before
    kind = EventKind.DEMOTED if gated else EventKind.ALIAS_REMOVED
    line.append(kind, version, {"stage" if gated else "alias": name}, work)

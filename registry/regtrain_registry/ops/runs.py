"""Recording and reading runs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, func, insert, select, update

from regtrain_registry import ops
from regtrain_registry.db.columns import AnyRow, chunks, version_text
from regtrain_registry.db.tables import MODELS, UNREADABLE, VERSIONS, unreadable
from regtrain_registry.db.tables.lineage import LINEAGE, RUNS
from regtrain_registry.domain.records import Relation
from regtrain_registry.domain.run_records import OpenStatus, RunDetail, RunInfo, RunStart, RunStatus
from regtrain_registry.errors import RunExistsError, RunNotFoundError, nearest
from regtrain_registry.json_values import as_text, fitting, json_safe
from regtrain_registry.ops.context import Context
from regtrain_registry.processes import ProcessIdentity, is_gone
from regtrain_registry.validation import parse_enum

__all__ = [
    "FinalStatus",
    "change",
    "changes",
    "finish",
    "get",
    "lost_ids",
    "of_ids",
    "outcome",
    "runs",
    "start",
    "with_version",
]

FinalStatus = Literal["finished", "failed", "interrupted", "pruned"]
_R = RUNS.c
_WIDE = ("config", "code", "environment", "data")
_LISTED = [column for column in RUNS.columns if column.name not in _WIDE]
_SHOWN_MATCHES = 5


def start(context: Context, run: RunStart) -> None:
    """Insert the run as running, and the versions that it starts from; `RunExistsError` when its id is taken."""
    connection = context.connection
    run_id = fitting("id of the run", run.run_id, 64)
    if connection.execute(select(_R.id).where(_R.id == run_id)).scalar() is not None:
        raise RunExistsError(f"run {run_id!r} is recorded already", "Give the new run its own id.")
    connection.execute(
        insert(RUNS).values(
            id=run_id,
            name=as_text(run.name)[:255],
            status=run.status.value,
            run_dir=fitting("path of the run's folder", run.run_dir, 700),
            host=as_text(run.host)[:255],
            pid=run.pid,
            pid_started=run.pid_started,
            boot_id=fitting("boot id", run.boot_id, 64),
            resumed_from=fitting("path of what the run resumes from", run.resumed_from, 700),
            started_at=context.now,
            metrics={},
            data={},
            code=json_safe(run.code),
            environment=json_safe(run.environment),
            config=json_safe(run.config),
        )
    )
    if run.inputs:
        ops.run_inputs.record(connection, run.run_id, run.inputs)


def changes(status: str | None, **given: Any) -> dict[str, Any]:
    """The columns that a submitted run sets when it waits or runs; None is left out. `ArgumentError`."""
    values = {name: value for name, value in given.items() if value is not None}
    if status is None:
        return values
    # Its launcher follows it from here on: the process that submitted it may end, and the run is not lost.
    return {"status": parse_enum("status", status, OpenStatus).value, "pid": None, "pid_started": None} | values


def change(context: Context, run_id: str, values: Mapping[str, Any]) -> None:
    """Set columns of one run; `RunNotFoundError` when there is none by that id."""
    connection = context.connection
    if connection.execute(update(RUNS).where(_R.id == as_text(run_id)).values(values)).rowcount == 0:
        raise _not_found(connection, run_id)


def outcome(
    status: FinalStatus,
    *,
    metrics: Mapping[str, Any],
    steps: int | None,
    epochs: int | None,
    best: Mapping[str, Any] | None,
    data: Mapping[str, Any],
    error: str | None,
    seconds: float | None,
) -> dict[str, Any]:
    """The columns that the end of a run sets, but for its time; ValueError for a status that is no end."""
    final = RunStatus(status)
    if final in (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.LOST, RunStatus.DAMAGED):
        raise ValueError(f"a run does not finish as {status!r}: finished, failed, interrupted or pruned")
    return {
        "status": final.value,
        "metrics": json_safe(metrics),
        "steps": steps,
        "epochs": epochs,
        "best": None if best is None else json_safe(best),
        "data": json_safe(data),
        "error": None if error is None else as_text(error)[:10_000],
        "seconds": json_safe(seconds),
    }


def finish(context: Context, run_id: str, values: Mapping[str, Any]) -> None:
    """Set the columns of the end of a run, and its time; `RunNotFoundError`."""
    change(context, run_id, {**values, "finished_at": context.now})


def runs(connection: Connection, limit: int | None, status: RunStatus | None) -> list[RunInfo]:
    """Newest first, in one query. `lost` is found among those recorded as running."""
    query = with_version(_LISTED).order_by(_R.started_at.desc(), _R.id.desc())
    if status is not None:
        stored = RunStatus.RUNNING if status is RunStatus.LOST else status
        query = query.where(_R.status == stored.value)
    if status not in (RunStatus.RUNNING, RunStatus.LOST):
        query = query.limit(limit)
    try:
        found = [RunInfo(**_info(row)) for row in connection.execute(query)]
    except UNREADABLE:
        ids = connection.execute(query.with_only_columns(_R.id, maintain_column_froms=True)).scalars().all()
        found = of_ids(connection, ids)
    return [run for run in found if status is None or run.status is status][:limit]


def of_ids(connection: Connection, ids: Sequence[str]) -> list[RunInfo]:
    """These runs, in this order; those that cannot be read with the status `damaged`."""
    try:
        return _of_ids(connection, ids)
    except UNREADABLE:
        from regtrain_registry.ops.damage import damaged_run, salvage

    def damaged(run_id: str, error: Exception) -> RunInfo:
        return damaged_run(connection, run_id, error)

    return salvage(ids, lambda some: _of_ids(connection, some), damaged)


def _of_ids(connection: Connection, ids: Sequence[str]) -> list[RunInfo]:
    found = {}
    for some in chunks(ids):
        rows = connection.execute(with_version(_LISTED).where(_R.id.in_(some)))
        found.update({row.id: RunInfo(**_info(row)) for row in rows})
    return [found[run_id] for run_id in ids]


def lost_ids(connection: Connection) -> list[str]:
    """Ids of the runs that are recorded as running and whose process does not exist."""
    columns = (_R.id, _R.status, _R.host, _R.pid, _R.pid_started, _R.boot_id)
    rows = connection.execute(select(*columns).where(_R.status == RunStatus.RUNNING.value))
    return [row.id for row in rows if _status(row) is RunStatus.LOST]


def get(connection: Connection, ref: str) -> RunDetail:
    """The run by id, folder, name (the newest of it), or the beginning of its id when that is unique."""
    ref = as_text(ref)
    home = os.path.expanduser(ref)  # noqa: PTH111 - a `~` of no user stays, and finds nothing
    folder = os.path.abspath(home)  # noqa: PTH100 - as recorded: links not followed
    for where in (_R.id == ref, _R.run_dir.in_([ref, folder]), _R.name == ref):
        run_id = _newest(connection, where)
        if run_id is not None:
            return _detail(connection, run_id)
    begins = func.substr(_R.id, 1, len(ref)) == ref  # LIKE takes capitals for small letters in some databases
    matches = sorted(connection.execute(select(_R.id).where(begins).order_by(_R.id).limit(20)).scalars())
    if len(matches) > 1:
        some = ", ".join(matches[:_SHOWN_MATCHES])
        raise RunNotFoundError(f"{len(matches)} runs begin with {ref!r}", f"Write more of the id: {some}.")
    if not matches or not ref:
        raise _not_found(connection, ref)
    return _detail(connection, matches[0])


def with_version(columns: list[Any]) -> Select[Any]:
    """Runs, each with the newest version that it registered."""
    edge = (LINEAGE.c.child_id == VERSIONS.c.id, LINEAGE.c.relation == Relation.COPIED_FROM.value)
    copied = select(LINEAGE.c.child_id).where(*edge).correlate(VERSIONS).exists()
    registered = select(func.max(VERSIONS.c.id)).where(VERSIONS.c.run_id == _R.id, ~copied)
    newest = registered.correlate(RUNS).scalar_subquery()
    return (
        select(*columns, MODELS.c.name.label("model"))
        .add_columns(VERSIONS.c.major, VERSIONS.c.minor, VERSIONS.c.patch, VERSIONS.c.prerelease)
        .join_from(RUNS, VERSIONS, VERSIONS.c.id == newest, isouter=True)
        .join(MODELS, MODELS.c.id == VERSIONS.c.model_id, isouter=True)
    )


def _newest(connection: Connection, where: ColumnElement[bool]) -> str | None:
    query = select(_R.id).where(where).order_by(_R.started_at.desc(), _R.id.desc()).limit(1)
    return connection.execute(query).scalar()


def _info(row: AnyRow) -> dict[str, Any]:
    if not isinstance(row.metrics, dict) or not isinstance(row.best, dict | None):
        raise unreadable("JSON object", (row.metrics, row.best))
    if not all(isinstance(number, float | int | None) for number in (row.seconds, row.steps, row.epochs)):
        raise unreadable("number", (row.seconds, row.steps, row.epochs))
    return {
        "run_id": row.id,
        "name": row.name,
        "status": _status(row),
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "run_dir": row.run_dir,
        "metrics": row.metrics,
        "steps": row.steps,
        "epochs": row.epochs,
        "best": row.best,
        "seconds": row.seconds,
        "error": row.error,
        "host": row.host,
        "pid": row.pid,
        "resumed_from": row.resumed_from,
        "model": row.model,
        "version": None if row.model is None else version_text(row),
    }


def _detail(connection: Connection, run_id: str) -> RunDetail:
    try:
        row = connection.execute(with_version(list(RUNS.columns)).where(_R.id == run_id)).one()
        return RunDetail(**_info(row), config=row.config, code=row.code, environment=row.environment, data=row.data)
    except UNREADABLE as error:
        from regtrain_registry.ops.damage import run_error

        raise run_error(connection, run_id, error) from error


def _status(row: AnyRow) -> RunStatus:
    """As recorded, but `lost` when its process does not exist. Reading changes nothing."""
    status = RunStatus(row.status)
    process = ProcessIdentity(row.host, row.pid, row.pid_started, row.boot_id)
    return RunStatus.LOST if status is RunStatus.RUNNING and is_gone(process) else status


def _not_found(connection: Connection, ref: str) -> RunNotFoundError:
    recent = connection.execute(select(_R.id, _R.name).order_by(_R.started_at.desc()).limit(200)).all()
    near = nearest(ref, {word for row in recent for word in row}) or [row.id for row in recent[:3]]
    hint = f"There is {', '.join(near)}." if near else "Nothing has run yet; run regtrain run CONFIG."
    return RunNotFoundError(f"no run {ref!r}", hint)

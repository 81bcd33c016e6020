"""Lists in which rows are damaged: what can be read as it is, the rest as entries with the status `damaged`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, func, select

from regtrain_registry.db.columns import RELEASED, V
from regtrain_registry.db.decoding import DamagedValue, damaged_values, decode_row, raw_row
from regtrain_registry.db.tables import ALIASES, MODELS, UNREADABLE, VERSIONS
from regtrain_registry.db.tables.blobs import ARTIFACTS
from regtrain_registry.db.tables.lifecycle import EXPORTS, MARKS, TAGS
from regtrain_registry.db.tables.lineage import LINEAGE, RUNS
from regtrain_registry.domain.records import BumpRecord, LatestVersion, Marks, ModelInfo, Source, VersionInfo
from regtrain_registry.domain.records import VersionStatus as Status
from regtrain_registry.domain.run_records import RunInfo, RunStatus
from regtrain_registry.errors import RowDamagedError

__all__ = ["damaged_model", "damaged_run", "damaged_version", "run_error", "salvage", "version_error"]

Key = TypeVar("Key", int, str)
Entry = TypeVar("Entry")

_SHOWN = 3  # damaged values in an error
_OF_VERSIONS: tuple[Column[Any], ...] = (
    *(V.id, ARTIFACTS.c.version_id, ALIASES.c.version_id, TAGS.c.version_id, MARKS.c.version_id),
    *(EXPORTS.c.version_id, LINEAGE.c.child_id),
)


def salvage(
    ids: Sequence[Key], read: Callable[[Sequence[Key]], list[Entry]], damaged: Callable[[Key, Exception], Entry]
) -> list[Entry]:
    """The entries of these ids in their order. Halves are read until the damaged rows are alone.

    damaged: makes the entry of a row that cannot be read, or raises the error of `read`, which it is given.
    """
    try:
        return read(ids)
    except UNREADABLE as error:
        if len(ids) == 1:
            return [damaged(ids[0], error)]
    half = len(ids) // 2
    return salvage(ids[:half], read, damaged) + salvage(ids[half:], read, damaged)


def damaged_version(connection: Connection, version_id: int, error: Exception) -> VersionInfo:
    """What can be read of a version; `error` where nothing is damaged, because then it has another cause."""
    if not list(_damage_of_version(connection, version_id)):
        raise error
    values, _ = decode_row(connection, VERSIONS, raw_row(connection, VERSIONS, V.id, version_id))
    name = connection.execute(select(MODELS.c.name).join(VERSIONS, V.model_id == MODELS.c.id).where(V.id == version_id))
    bump = values["bump"] or {"kind": "", "computed": "", "reasons": [], "overruled": None}
    return VersionInfo(
        name=str(name.scalar()),
        version=_version_text(values),
        number=values["number"] or 0,
        status=Status.DAMAGED,
        aliases=[],
        stages=[],
        tags={},
        marks=Marks(),
        created_at=values["created_at"],
        created_by=values["created_by"] or "",
        summary=values["summary"] or "",
        run_id=values["run_id"],
        metrics=values["metrics"] or {},
        digest=values["digest"] or "",
        size_bytes=values["size_bytes"] or 0,
        artifacts=[],
        parents=[],
        exports=[],
        signature=values["signature"] or {},
        source=Source(values["git_commit"], values["dirty"]),
        bump=BumpRecord(**bump),
    )


def damaged_model(
    connection: Connection, model_id: int, aliases: dict[str, str], stages: dict[str, str], error: Exception
) -> ModelInfo:
    """A model whose latest version is damaged; `error` where it is not."""
    of_model = V.model_id == model_id
    latest = connection.execute(select(V.id).where(of_model, *RELEASED).order_by(V.sort_key.desc()).limit(1)).scalar()
    if latest is None:
        raise error
    version = damaged_version(connection, latest, error)
    there = select(func.count(), func.sum(V.size_bytes)).where(of_model, V.status != Status.COLLECTED.value)
    size = connection.execute(there).one()[1]
    count = connection.execute(select(func.count()).select_from(VERSIONS).where(of_model)).scalar_one()
    shown = LatestVersion(version.version, version.number, version.created_at, version.metrics, Status.DAMAGED)
    return ModelInfo(version.name, count, shown, aliases, stages, int(size or 0))


def damaged_run(connection: Connection, run_id: str, error: Exception) -> RunInfo:
    """What can be read of a run; `error` where nothing is damaged."""
    values, damaged = decode_row(connection, RUNS, raw_row(connection, RUNS, RUNS.c.id, run_id))
    if not damaged:
        raise error
    optional = ("finished_at", "steps", "epochs", "best", "seconds", "error", "pid", "resumed_from")
    return RunInfo(
        run_id=run_id,
        name=values["name"] or "",
        status=RunStatus.DAMAGED,
        started_at=values["started_at"],
        run_dir=values["run_dir"] or "",
        metrics=values["metrics"] or {},
        host=values["host"] or "",
        model=None,
        version=None,
        **{name: values[name] for name in optional},
    )


def version_error(connection: Connection, version_id: int, error: Exception) -> Exception:
    """The error that names the damaged values of a version; `error` itself where there are none."""
    damaged = list(_damage_of_version(connection, version_id))
    if not damaged:
        return error
    version = damaged_version(connection, version_id, error)
    return _error(version.ref, damaged)


def run_error(connection: Connection, run_id: str, error: Exception) -> Exception:
    """The same for a run."""
    damaged = list(damaged_values(connection, RUNS, RUNS.c.id, run_id))
    return _error(f"run {run_id}", damaged) if damaged else error


def _error(what: str, damaged: Sequence[DamagedValue]) -> RowDamagedError:
    return RowDamagedError(
        f"{what} is damaged: {'; '.join(map(str, damaged[:_SHOWN]))}",
        "regtrain registry fsck lists every damaged row; restore the database from a backup.",
    )


def _damage_of_version(connection: Connection, version_id: int) -> Iterator[DamagedValue]:
    for key in _OF_VERSIONS:
        yield from damaged_values(connection, key.table, key, version_id)


def _version_text(values: dict[str, Any]) -> str:
    parts = ("?" if values[part] is None else str(values[part]) for part in ("major", "minor", "patch"))
    return "-".join([".".join(parts), *([values["prerelease"]] if values["prerelease"] else [])])

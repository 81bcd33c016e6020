"""The inputs of a retention decision: the versions of a model, and what keeps each of them."""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, select

from regtrain_registry.db.columns import V, chunks, version_of, version_text
from regtrain_registry.db.tables import ALIASES, MODELS, VERSIONS
from regtrain_registry.db.tables.lifecycle import MARKS, RUN_INPUTS
from regtrain_registry.db.tables.lineage import LINEAGE, RUNS
from regtrain_registry.db.tables.search import METRICS
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.domain.retention import Candidate
from regtrain_registry.domain.run_records import RunStatus
from regtrain_registry.ops.references import files_of

__all__ = ["LIVE", "retention_inputs"]

LIVE = (VersionStatus.READY, VersionStatus.DEPRECATED, VersionStatus.ARCHIVED)

_IDS: BindParameter[Sequence[int]] = bindparam("ids", expanding=True)
_OWNED = V.model_id == bindparam("owner")
_ROWS = select(
    *(V[name] for name in ("id", "number", "major", "minor", "patch", "prerelease", "created_at", "status")),
    V.size_bytes,
).where(_OWNED, V.status.in_(bindparam("statuses", expanding=True)))
_NAMES = select(ALIASES.c.version_id, ALIASES.c.name, ALIASES.c.gated).where(ALIASES.c.model_id == bindparam("owner"))
_PINNED = select(MARKS.c.version_id).join(VERSIONS, V.id == MARKS.c.version_id).where(_OWNED, MARKS.c.pinned)
_METRICS = (
    select(METRICS.c.version_id, METRICS.c.name, METRICS.c.value)
    .join(VERSIONS, V.id == METRICS.c.version_id)
    .where(_OWNED, METRICS.c.name.in_(bindparam("names", expanding=True)))
)
_CHILDREN = select(LINEAGE.c.parent_id, LINEAGE.c.child_id).where(LINEAGE.c.parent_id.in_(_IDS)).distinct()
_NODES = (
    select(V.id, MODELS.c.name, V.major, V.minor, V.patch, V.prerelease, V.status)
    .join(MODELS, MODELS.c.id == V.model_id)
    .where(V.id.in_(_IDS))
)
_INPUTS = (
    select(RUN_INPUTS.c.version_id, RUNS.c.id, RUNS.c.status, RUNS.c.host, RUNS.c.run_dir)
    .join(RUNS, RUNS.c.id == RUN_INPUTS.c.run_id)
    .join(VERSIONS, V.id == RUN_INPUTS.c.version_id)
    .where(_OWNED, RUNS.c.status != RunStatus.FINISHED.value)
    .order_by(RUNS.c.id)
)
_RESUMED = select(RUNS.c.resumed_from).where(RUNS.c.resumed_from.in_(bindparam("runs", expanding=True)))
_RESUMED = _RESUMED.where(RUNS.c.status == RunStatus.FINISHED.value)
_SUCCESSORS = (
    select(MARKS.c.successor, MODELS.c.name, V.major, V.minor, V.patch, V.prerelease)
    .join_from(MARKS, VERSIONS, V.id == MARKS.c.version_id)
    .join(MODELS, MODELS.c.id == V.model_id)
    .where(MARKS.c.successor.startswith(bindparam("prefix")), V.status == VersionStatus.DEPRECATED.value)
)


def retention_inputs(
    connection: Connection,
    owner: int,
    model: str,
    *,
    statuses: Sequence[VersionStatus] = LIVE,
    metrics: Sequence[str] = (),
    sizes: bool = False,
) -> dict[int, Candidate]:
    """The versions of a model that have one of these statuses, by id. sizes: with their files."""
    rows = connection.execute(_ROWS, {"owner": owner, "statuses": [status.value for status in statuses]}).all()
    refs = {row.id: f"{model}@{version_text(row)}" for row in rows}
    descent = _descent(connection, list(refs))
    names = _names(connection, owner)
    pinned = set(connection.execute(_PINNED, {"owner": owner}).scalars())
    values = _metrics(connection, owner, metrics)
    needed = _other_reasons(connection, owner, model, refs)
    files = files_of(connection, owner) if sizes else {}
    return {
        row.id: Candidate(
            ref=refs[row.id],
            version=version_of(row),
            number=row.number,
            created_at=row.created_at,
            status=VersionStatus(row.status),
            size_bytes=row.size_bytes,
            metrics=values.get(row.id, {}),
            aliases=names.aliases.get(row.id, ()),
            stages=names.stages.get(row.id, ()),
            pinned=row.id in pinned,
            parents=tuple(sorted(refs[parent] for parent in descent.parents.get(row.id, ()))),
            needed_by=(*needed.get(row.id, ()), *descent.needed.get(row.id, ())),
            files=files.get(row.id, {}),
        )
        for row in rows
    }


class _Names(NamedTuple):
    """Names of versions, by id."""

    aliases: dict[int, tuple[str, ...]]
    stages: dict[int, tuple[str, ...]]


def _names(connection: Connection, owner: int) -> _Names:
    found = _Names({}, {})
    for version_id, name, gated in connection.execute(_NAMES, {"owner": owner}):
        kind = found.stages if gated else found.aliases
        kind[version_id] = (*kind.get(version_id, ()), name)
    return found


def _metrics(connection: Connection, owner: int, names: Sequence[str]) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = defaultdict(dict)
    if names:
        for version_id, name, value in connection.execute(_METRICS, {"owner": owner, "names": list(names)}):
            found[version_id][name] = value
    return found


class _Descent(NamedTuple):
    """By the id of a candidate: its ancestors among the candidates; reasons, where other versions descend from it."""

    parents: dict[int, set[int]]
    needed: dict[int, list[str]]


def _descent(connection: Connection, ids: Sequence[int]) -> _Descent:
    """Expired versions in between count: their descendants descend from their parents too."""
    children: dict[int, set[int]] = defaultdict(set)
    others: dict[int, str | None] = {}  # None: expired
    mine, generation = set(ids), list(ids)
    while generation:
        for some in chunks(generation):
            for parent, child in connection.execute(_CHILDREN, {"ids": some}):
                children[parent].add(child)
        below = {child for parent in generation for child in children.get(parent, ())}
        new = sorted(below - mine - others.keys())
        others.update(_others(connection, new))
        generation = [node for node in new if others[node] is None]
    descent = _Descent(defaultdict(set), defaultdict(list))
    for start in ids:
        waiting, seen = list(children.get(start, ())), set[int]()
        while waiting:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            ref = others.get(node)
            if node in mine:
                descent.parents[node].add(start)
            elif ref is not None:
                descent.needed[start].append(f"parent of {ref}")
            else:
                waiting.extend(children.get(node, ()))
        descent.needed[start].sort()
    return descent


def _others(connection: Connection, ids: Sequence[int]) -> Iterator[tuple[int, str | None]]:
    for some in chunks(ids):
        for row in connection.execute(_NODES, {"ids": some}):
            yield row.id, f"{row.name}@{version_text(row)}" if VersionStatus(row.status) in LIVE else None


def _other_reasons(connection: Connection, owner: int, model: str, refs: Mapping[int, str]) -> dict[int, list[str]]:
    """What else keeps a version: runs that did not finish, and deprecated versions whose successor it is."""
    found: dict[int, list[str]] = defaultdict(list)
    runs = connection.execute(_INPUTS, {"owner": owner}).all()
    ids = sorted({run.id for run in runs})
    resumed = {
        run for some in chunks(ids) for run in connection.execute(_RESUMED, {"runs": some}).scalars()
    }  # fmt: skip
    for run in runs:
        if run.id not in resumed and _can_resume(run):
            found[run.version_id].append(f"input of run {run.id}, which is {run.status}")
    by_ref = {ref: version_id for version_id, ref in refs.items()}
    for row in connection.execute(_SUCCESSORS, {"prefix": f"{model}@"}):
        if row.successor in by_ref:
            found[by_ref[row.successor]].append(f"successor of {row.name}@{version_text(row)}")
    return {version_id: sorted(reasons) for version_id, reasons in found.items()}


def _can_resume(run: Any) -> bool:
    """Whether the run is running or can be resumed, for which its folder has to exist."""
    if run.status == RunStatus.RUNNING.value or run.host != socket.gethostname():
        return True
    return Path(run.run_dir).exists()

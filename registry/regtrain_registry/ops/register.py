"""How a version comes to be: everything that is decided and inserted inside the one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from regtrain_registry.db.columns import RECIPE, AnyRow, V, new_id, stored_recipe, version_of, version_text
from regtrain_registry.db.tables import MODELS, VERSIONS
from regtrain_registry.db.tables.blobs import ARTIFACTS
from regtrain_registry.db.tables.lineage import LINEAGE, RUNS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.recipe import Decision, Recipe, decide
from regtrain_registry.domain.records import (
    Artifact,
    ArtifactKind,
    BumpRecord,
    FileToStore,
    Registration,
    Relation,
    VersionInfo,
    VersionStatus,
)
from regtrain_registry.errors import (
    IdempotencyError,
    RunNotFoundError,
    StatusError,
    VersionCollectedError,
    VersionSyntaxError,
    VersionTakenError,
    WrongBumpError,
)
from regtrain_registry.json_values import as_text, fitting, json_safe
from regtrain_registry.ops.blobs import record, share_store
from regtrain_registry.ops.history import Line, Work
from regtrain_registry.ops.read import Related, StoredVersion, detail, parents, version_info, with_config
from regtrain_registry.ops.resolve import find
from regtrain_registry.ops.search_index import index
from regtrain_registry.refs import Ref, check_apart, check_artifact_name, check_name, parse_ref
from regtrain_registry.semver import (
    FIRST,
    Bump,
    Version,
    above_line,
    next_free,
    next_version,
    parse_version,
    sort_key,
    step,
)
from regtrain_registry.store.content import Blob, Store, Stored
from regtrain_registry.validation import check_table, check_text, chosen

__all__ = ["Claimed", "check", "claim", "count", "digest_of", "register"]

LEVELS = 32  # of a config, as in a file; what is stored wraps it once more
CONTINUES = (Relation.RESUMED_FROM, Relation.FINE_TUNED_FROM)

# Statements stand at module level: to build one takes longer than to run it.
_MODEL = MODELS.c.name == bindparam("model")
_NEXT = select(MODELS.c.next_number, MODELS.c.id, MODELS.c.name, MODELS.c.events, MODELS.c.head)
_CLAIM = _NEXT.where(_MODEL).with_for_update()
_COUNT = (
    update(MODELS)
    .where(MODELS.c.id == bindparam("owner"))
    .values(next_number=bindparam("number") + 1, events=bindparam("seq"), head=bindparam("hash"))
)
_BY_KEY = select(V.id).where(V.idempotency_key == bindparam("key"))
_RUN = select(RUNS.c.id).where(RUNS.c.id == bindparam("run"))
_WITH_RECIPE = select(V.major, V.minor, V.patch, V.prerelease, *RECIPE)
_HIGHEST = _WITH_RECIPE.where(V.model_id == bindparam("owner")).order_by(V.sort_key.desc()).limit(1)
_BELOW = _HIGHEST.where(V.sort_key < bindparam("bound"))
_ORIGIN = _HIGHEST.where(V.id.in_(bindparam("ids", expanding=True)))
_TAKEN = select(V.major, V.minor, V.patch, V.prerelease).where(V.model_id == bindparam("owner"))
_NUMBER = select(V.number).where(V.model_id == bindparam("owner"), V.sort_key == bindparam("key"))
_INSERT, _INSERT_ARTIFACTS = insert(VERSIONS), insert(ARTIFACTS)
_INSERT_MODEL, _INSERT_LINEAGE = insert(MODELS), insert(LINEAGE)


@dataclass(frozen=True, slots=True)
class Request:
    """A registration whose every name and number was checked."""

    registration: Registration
    wanted: Version | None
    parents: tuple[tuple[Ref, Relation], ...]
    config: dict[str, Any]
    recipe: Recipe
    metrics: dict[str, Any]


def check(registration: Registration) -> Request:
    """Refuse what cannot be registered before anything is stored; pure."""
    check_name(registration.model)
    _check_files(registration.files)
    bump = registration.bump
    registration = replace(
        registration,
        bump=chosen("bump", bump, Bump) if bump else None,
        run_id=fitting("id of the run", registration.run_id, 64),
        idempotency_key=fitting("idempotency key", registration.idempotency_key, 128),
        source=replace(registration.source, git_commit=fitting("commit", registration.source.git_commit, 64)),
    )
    recipe, shown = registration.recipe, check_table("config", registration.config)
    check_text("summary", registration.summary)
    check_text("name of who made it", registration.created_by)
    config = json_safe(check_table("config", recipe.config), LEVELS)
    return Request(
        registration=registration,
        wanted=None if registration.version is None else parse_version(registration.version),
        parents=tuple(
            (parse_ref(link.ref), chosen("relation", link.relation, Relation)) for link in registration.parents
        ),
        config=json_safe(shown, LEVELS) if shown and shown is not recipe.config else config,
        recipe=Recipe(
            config,
            data=json_safe(recipe.data, LEVELS),
            code=json_safe(recipe.code, LEVELS),
            signature=json_safe(recipe.signature, LEVELS),
            state=json_safe(recipe.state, LEVELS),
            not_learned=recipe.not_learned,
        ),
        metrics=json_safe(check_table("table of metrics", registration.metrics), LEVELS),
    )


def _check_files(files: Sequence[FileToStore]) -> None:
    for file in files:
        check_artifact_name(file.name)
        chosen("kind of the file", file.kind, ArtifactKind)
    check_apart(file.name for file in files)


def register(
    connection: Connection, request: Request, stored: Sequence[Stored], store: Store, work: Work
) -> VersionInfo:
    """Insert the version and all that belongs to it. The caller's transaction holds the write lock."""
    registration = request.registration
    before = _registered_before(connection, registration)
    if before is not None:
        return before
    share_store(connection)
    model = claim(connection, registration.model, work.now)
    if registration.run_id is not None:
        _check_run(connection, registration.run_id)
    # Parents first: `latest` must not be the version that is being made.
    edges = {(find(connection, ref), relation) for ref, relation in request.parents}
    version, bump = _choose(connection, request, model.id, edges)
    blobs = [one.blob for one in stored]
    record(connection, stored, store, work.now)
    keys = {"model_id": model.id, "number": model.number, "created_at": work.now}
    row = _version_row(request, version, bump, blobs, work.who) | keys
    version_id = new_id(connection.execute(_INSERT, row))
    artifacts = _insert_artifacts(connection, version_id, registration.files, blobs)
    index(connection, version_id, request.metrics, request.config, request.recipe.data)
    if edges:
        rows = [{"child_id": version_id, "parent_id": parent, "relation": kind.value} for parent, kind in sorted(edges)]
        connection.execute(_INSERT_LINEAGE, rows)
    facts = {"number": model.number, "digest": row["digest"], "bump": bump.kind, "forced": bump.forced}
    count(model, EventKind.REGISTERED, str(version), facts, work)
    # What was just written is not read again, except for the names of the parents.
    made = row | {"id": version_id, "name": registration.model}
    columns = StoredVersion(**{field: made[field] for field in StoredVersion._fields})
    links = parents(connection, version_id) if edges else []
    return with_config(version_info(columns, Related(artifacts=artifacts, parents=links)), request.config)


class Claimed(NamedTuple):
    """A model whose row is locked, and the number of its next version."""

    line: Line
    number: int

    @property
    def id(self) -> int:
        """The id of its row."""
        return self.line.owner


def claim(connection: Connection, name: str, now: datetime) -> Claimed:
    """Lock the model's row; it is created with the first version."""
    row = connection.execute(_CLAIM, {"model": name}).first()
    if row is not None:
        number, *line = row
        return Claimed(Line(connection, *line), number)
    new = {"name": name, "next_number": 1, "created_at": now}
    return Claimed(Line(connection, new_id(connection.execute(_INSERT_MODEL, new)), name, 0, ""), 1)


def count(model: Claimed, kind: EventKind, version: str, facts: Mapping[str, Any], work: Work) -> None:
    """Add the event of a new version, and count version and event by one statement."""
    line = model.line
    line.insert(kind, version, facts, work)
    values = {"owner": line.owner, "number": model.number, "seq": line.count, "hash": line.head}
    line.connection.execute(_COUNT, values)


def _registered_before(connection: Connection, registration: Registration) -> VersionInfo | None:
    """The version that this registration made, if its answer was lost; an error if that is not to be had any more."""
    if registration.idempotency_key is None:
        return None
    found = connection.execute(_BY_KEY, {"key": registration.idempotency_key}).scalar()
    if found is None:
        return None
    version = detail(connection, found)
    if version.name != registration.model:
        raise IdempotencyError(
            f"the key of this registration made {version.ref}, not a version of {registration.model}",
            "Use one key for one registration.",
        )
    if version.status is VersionStatus.EXPIRED:
        raise StatusError(
            f"this is {version.ref}, which is expired", f"Bring it back: regtrain models restore {version.ref}."
        )
    if version.status is VersionStatus.COLLECTED:
        raise VersionCollectedError(
            f"this is {version.ref}, whose files were collected",
            "Register it as a version of its own: --version X.Y.Z.",
        )
    return version


def _check_run(connection: Connection, run_id: str) -> None:
    if connection.execute(_RUN, {"run": run_id}).scalar() is None:
        raise RunNotFoundError(f"no run {run_id!r}", "Record the run before its version.")


def _choose(
    connection: Connection, request: Request, model_id: int, edges: set[tuple[int, Relation]]
) -> tuple[Version, BumpRecord]:
    """The version's number, and the record of why it is that."""
    registration = request.registration
    if request.wanted is not None:
        return _given(connection, request, model_id, request.wanted)
    base = _base(connection, model_id, edges)
    decision = decide(None if base is None else stored_recipe(base), request.recipe)
    record = partial(_record, decision, base)
    if base is None or decision.bump is None:
        return FIRST, record()
    asked = registration.bump or decision.bump
    too_small = asked.rank < decision.bump.rank
    if too_small and not registration.force:
        raise _wrong_bump(request, f"{asked} was asked for", decision)
    # Without parents the base is the highest of all, and so of its line.
    highest = _highest_of_line(connection, model_id, base, asked) if edges else base
    version = next_version(version_of(highest), asked)
    return version, record(asked, "bump given" if asked is not decision.bump else None, too_small)


def _given(connection: Connection, request: Request, model_id: int, wanted: Version) -> tuple[Version, BumpRecord]:
    """A version that was asked for is held against the one before it in the order of versions."""
    _check_free(connection, request, model_id)
    below = connection.execute(_BELOW, {"owner": model_id, "bound": sort_key(wanted)}).first()
    highest = connection.execute(_HIGHEST, {"owner": model_id}).first()
    decision = decide(None if below is None else stored_recipe(below), request.recipe)
    before = None if below is None else version_of(below)
    too_small = decision.bump is not None and before is not None and step(before, wanted).rank < decision.bump.rank
    if too_small and not request.registration.force:
        raise _wrong_bump(request, f"{wanted} was asked for after {before}", decision)
    overruled = None if wanted == _computed(highest, decision.bump or Bump.MAJOR) else "version given"
    return wanted, _record(decision, below, None if before is None else step(before, wanted), overruled, too_small)


def _computed(highest: AnyRow | None, bump: Bump) -> Version | None:
    """The version that would have come; None where the part that moves is at its end."""
    try:
        return next_version(None if highest is None else version_of(highest), bump)
    except VersionSyntaxError:
        return None


def _base(connection: Connection, model_id: int, edges: set[tuple[int, Relation]]) -> AnyRow | None:
    """What a new version is compared with: the version of this model that it goes on from, else the highest."""
    ids = [parent for parent, relation in edges if relation in CONTINUES]
    found = connection.execute(_ORIGIN, {"owner": model_id, "ids": ids}).first() if ids else None
    return found or connection.execute(_HIGHEST, {"owner": model_id}).first()


def _highest_of_line(connection: Connection, model_id: int, base: AnyRow, bump: Bump) -> AnyRow:
    """The highest version that shares with `base` the parts above the one that moves."""
    bound = above_line(version_of(base), bump)
    if bound is None:
        return connection.execute(_HIGHEST, {"owner": model_id}).one()
    return connection.execute(_BELOW, {"owner": model_id, "bound": bound}).one()


def _record(
    decision: Decision,
    base: AnyRow | None,
    bump: Bump | None = None,
    overruled: str | None = None,
    forced: bool = False,
) -> BumpRecord:
    kind = "first" if decision.bump is None else (bump or decision.bump).value
    computed = "first" if decision.bump is None else decision.bump.value
    return BumpRecord(kind, computed, decision.reasons, overruled, forced, None if base is None else version_text(base))


def _wrong_bump(request: Request, asked: str, decision: Decision) -> WrongBumpError:
    return WrongBumpError(
        f"{request.registration.model}: {asked}, but the change is {decision.bump}: {'; '.join(decision.reasons[:3])}",
        "Leave it to the evidence, or force it, which is recorded: --force, or registry.force=true for a run.",
    )


def _check_free(connection: Connection, request: Request, model_id: int) -> None:
    wanted = request.wanted or FIRST
    number = connection.execute(_NUMBER, {"owner": model_id, "key": sort_key(wanted)}).scalar()
    if number is not None:
        taken = {version_text(row) for row in connection.execute(_TAKEN, {"owner": model_id})}
        raise VersionTakenError(
            f"{request.registration.model}@{wanted} exists (number {number})",
            f"Next free: {', '.join(next_free(wanted, taken)) or 'none'}.",
        )


def _insert_artifacts(
    connection: Connection, version_id: int, files: Sequence[FileToStore], blobs: Sequence[Blob]
) -> list[Artifact]:
    """Insert the version's files; by name."""
    artifacts = [
        Artifact(file.name, ArtifactKind(file.kind), blob.digest, blob.size_bytes)
        for file, blob in zip(files, blobs, strict=True)
    ]
    if not artifacts:
        return []
    rows = [{"version_id": version_id, "path": a.path, "kind": a.kind.value, "digest": a.digest} for a in artifacts]
    connection.execute(_INSERT_ARTIFACTS, rows)
    return sorted(artifacts, key=attrgetter("path"))


def _version_row(
    request: Request, version: Version, bump: BumpRecord, blobs: Sequence[Blob], who: str
) -> dict[str, Any]:
    registration, recipe = request.registration, request.recipe
    stored = {"config": None if recipe.config == request.config else recipe.config}
    return {
        "major": version.major,
        "minor": version.minor,
        "patch": version.patch,
        "prerelease": version.prerelease or "",
        "sort_key": sort_key(version),
        "status": VersionStatus.READY.value,
        "run_id": registration.run_id,
        "digest": digest_of(_named(registration.files, blobs)),
        "size_bytes": sum(blob.size_bytes for blob in blobs),
        "created_by": (as_text(registration.created_by) or who)[:255],
        "git_commit": registration.source.git_commit,
        "dirty": registration.source.dirty,
        "idempotency_key": registration.idempotency_key,
        "summary": as_text(registration.summary),
        "bump": bump.to_json(),
        "metrics": request.metrics,
        "signature": recipe.signature,
        "config": request.config,
        "recipe": stored
        | {"data": recipe.data, "code": recipe.code, "state": recipe.state, "not_learned": sorted(recipe.not_learned)},
    }


def _named(files: Sequence[FileToStore], blobs: Sequence[Blob]) -> Iterator[tuple[str, ArtifactKind, str]]:
    return ((f.name, ArtifactKind(f.kind), blob.digest) for f, blob in zip(files, blobs, strict=True))


def digest_of(files: Iterable[tuple[str, ArtifactKind, str]]) -> str:
    """The digest of the weights; of several, or of none, that of the list of names and digests.

    files: name, kind and digest of each."""
    named = list(files)
    weights = [file for file in named if file[1] == ArtifactKind.WEIGHTS] or named
    if len(weights) == 1:
        return weights[0][2]
    lines = sorted(f"{digest}  {name}\n" for name, _, digest in weights)
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"

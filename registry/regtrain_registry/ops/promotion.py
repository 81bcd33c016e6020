"""Promoting versions to stages, which move only where the gates of the stage hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.promotion import Evidence, Gates, KeyCheck, Signatures, check_gates, parse_gates
from regtrain_registry.domain.records import VersionDetail
from regtrain_registry.errors import PolicyError, PromotionRefusedError, StatusError, nearest
from regtrain_registry.ops.aliases import holder, move
from regtrain_registry.ops.history import Work
from regtrain_registry.ops.lifecycle import Held, hold
from regtrain_registry.ops.lineage import ancestors
from regtrain_registry.ops.policies import stages_of, with_keys
from regtrain_registry.ops.read import detail
from regtrain_registry.ops.resolve import find, model_id
from regtrain_registry.refs import Ref, parse_ref

if TYPE_CHECKING:
    from regtrain_registry.db.engine import Database
    from regtrain_registry.store.content import Store

__all__ = ["Veto", "promote"]

Veto = Callable[[VersionDetail, str], Sequence[str]]
"""Raises to refuse the promotion of a version to a stage; else the names of those without objection."""


def promote(
    database: Database,
    store: Callable[[], Store],
    ref: Ref,
    stage: str,
    gates: Mapping[str, Any] | None,
    veto: Veto,
    work: Work,
) -> tuple[VersionDetail, list[Evidence]]:
    """Let a version hold a stage; the version and the evidence of the gates.

    A moving ref is resolved once. Signatures are verified, and the veto is asked, before anything is locked.
    """
    given = None if gates is None else with_keys(stage, gates)

    def read(connection: Connection) -> tuple[VersionDetail, Gates]:
        owner = model_id(connection, ref.model)
        return detail(connection, find(connection, ref)), _gates_of(connection, owner, stage, given)

    version, wanted = database.read(read)
    checks = _check_keys(database, store, version, wanted.signed_by, work) if wanted.signed_by else {}
    unobjected = veto(version, stage)
    exact = parse_ref(version.ref)

    def write(connection: Connection) -> tuple[VersionDetail, list[Evidence]]:
        held = hold(connection, exact)
        found = _gates_of(connection, held.owner, stage, given)
        evidence = _promote(held, stage, found, checks, unobjected, work)
        return detail(connection, held.id), evidence

    return database.write(write)


def _check_keys(
    database: Database, store: Callable[[], Store], version: VersionDetail, keys: Sequence[str], work: Work
) -> dict[str, KeyCheck]:
    from regtrain_registry.ops.signatures import check_keys

    return check_keys(database, store(), version, keys, work)


def _gates_of(connection: Connection, owner: int, stage: str, given: Mapping[str, Any] | None) -> Gates:
    """The gates of a stage: those that are given, else the model's; a stage that no policy names has none."""
    written = given
    if written is None:
        stages = stages_of(connection, owner)
        if stages and stage not in stages:
            near = ", ".join(nearest(stage, stages) or sorted(stages))
            raise PolicyError(f"the model's policy has no stage {stage!r}", f"There is {near}.")
        written = stages.get(stage) or {}
    return parse_gates(stage, written)


def _evidence_of(
    connection: Connection,
    owner: int,
    version: VersionDetail,
    version_id: int,
    stage: str,
    gates: Gates,
    checks: Mapping[str, KeyCheck],
) -> list[Evidence]:
    current = holder(connection, owner, stage)
    holding = detail(connection, current[0]) if current and current[2] else None
    signatures = Signatures(_verified(connection, version_id) if gates.signed else (), checks)
    return check_gates(gates, version, holding, ancestors(connection, version_id), signatures)


def _verified(connection: Connection, version_id: int) -> tuple[str, ...]:
    from regtrain_registry.ops.signatures import verified_ids

    return verified_ids(connection, version_id)


def _promote(
    held: Held, stage: str, gates: Gates, checks: Mapping[str, KeyCheck], unobjected: Sequence[str], work: Work
) -> list[Evidence]:
    """`PromotionRefusedError` names the gates that do not hold."""
    before = holder(held.connection, held.owner, stage)
    if before and not before[2]:
        raise StatusError(
            f"{stage!r} is an alias of {before[1]}, not a stage", "Remove the alias, or name another stage."
        )
    version = detail(held.connection, held.id)
    evidence = _evidence_of(held.connection, held.owner, version, held.id, stage, gates, checks)
    evidence += [Evidence(f"{name} does not object", True, "no objection") for name in unobjected]
    failed = [f"{one.gate}: {one.found}" for one in evidence if not one.passed]
    if failed:
        raise PromotionRefusedError(
            f"{version.ref} may not be {stage}: {'; '.join(failed)}", "Nothing moved.", evidence
        )
    move(held.connection, held.owner, stage, held.id, work.now, gated=True, new=before is None)
    facts = {"stage": stage, "before": before and before[1], "evidence": [one.to_json() for one in evidence]}
    held.tell(EventKind.PROMOTED, facts, work)
    return evidence

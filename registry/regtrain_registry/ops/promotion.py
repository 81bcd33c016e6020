"""Promoting versions to stages, which move only where the gates of the stage hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from regtrain_registry import ops
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.promotion import Evidence, Gates, KeyCheck, Signatures, check_gates, parse_gates
from regtrain_registry.domain.records import VersionDetail
from regtrain_registry.errors import PolicyError, PromotionRefusedError, StatusError, nearest
from regtrain_registry.ops.aliases import alias_target, write_alias
from regtrain_registry.ops.context import Actor, Context
from regtrain_registry.ops.lineage_queries import ancestors
from regtrain_registry.ops.locked_version import LockedVersion, lock_version
from regtrain_registry.ops.policies import stages_of, with_keys
from regtrain_registry.ops.read import detail
from regtrain_registry.ops.resolve import model_id, resolve
from regtrain_registry.refs import Ref, parse_ref

if TYPE_CHECKING:
    from regtrain_registry.db.engine import Database
    from regtrain_registry.store.store import Store

__all__ = ["promote"]

Veto = Callable[[VersionDetail, str], Sequence[str]]
"""Raises to refuse the promotion of a version to a stage; else the names of those without objection."""


def promote(
    database: Database,
    open_store: Callable[[], Store],
    actor: Actor,
    ref: Ref,
    stage: str,
    gates: Mapping[str, Any] | None,
    veto: Veto,
) -> tuple[VersionDetail, list[Evidence]]:
    """Move a stage to a version, where the gates hold; the version and the evidence of the gates.

    A moving ref such as `NAME@latest` is resolved once, so that the version that the veto has seen is the one that is
    promoted. Signatures are verified, and the veto is called, before anything is locked.
    """
    given = None if gates is None else with_keys(stage, gates)

    def read(connection: Connection) -> tuple[VersionDetail, Gates]:
        owner = model_id(connection, ref.model)
        return detail(connection, resolve(connection, ref)), _gates_of(connection, owner, stage, given)

    version, wanted = database.read(read)
    checks: dict[str, KeyCheck] = {}
    if wanted.signed_by:
        checks = ops.verify.check_keys(database, open_store(), actor, version, wanted.signed_by)
    unobjected = veto(version, stage)
    exact = parse_ref(version.ref)

    def write(connection: Connection) -> tuple[VersionDetail, list[Evidence]]:
        locked = lock_version(Context(connection, open_store, actor), exact)
        found = _gates_of(connection, locked.model_id, stage, given)
        evidence = _promote(locked, stage, found, checks, unobjected)
        return detail(connection, locked.id), evidence

    return database.write(write)


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


def _promote(
    locked: LockedVersion, stage: str, gates: Gates, checks: Mapping[str, KeyCheck], unobjected: Sequence[str]
) -> list[Evidence]:
    """`PromotionRefusedError` names the gates that do not hold."""
    connection = locked.connection
    before = alias_target(connection, locked.model_id, stage)
    if before and not before.gated:
        raise StatusError(
            f"{stage!r} is an alias of {before.version}, not a stage", "Remove the alias, or name another stage."
        )
    version = detail(connection, locked.id)
    current = detail(connection, before.id) if before else None
    verified = ops.signatures.verified_ids(connection, locked.id) if gates.signed else ()
    signatures = Signatures(verified, checks)
    evidence = check_gates(gates, version, current, ancestors(connection, locked.id), signatures)
    evidence += [Evidence(f"{name} does not object", True, "no objection") for name in unobjected]
    failed = [f"{one.gate}: {one.found}" for one in evidence if not one.passed]
    if failed:
        raise PromotionRefusedError(
            f"{version.ref} may not be {stage}: {'; '.join(failed)}", "Nothing moved.", evidence
        )
    write_alias(locked, stage, before, gated=True)
    facts = {"stage": stage, "before": before and before.version, "evidence": [one.to_json() for one in evidence]}
    locked.log_event(EventKind.PROMOTED, facts)
    return evidence

"""Expiry: of the versions that a policy does not keep, or of one by hand."""

from __future__ import annotations

from sqlalchemy import Connection

from regtrain_registry.domain.clock import ClockReading
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.policy import Policy
from regtrain_registry.domain.records import VersionDetail, VersionStatus
from regtrain_registry.domain.retention import Action, Candidate, PruneDecision, decide, holds
from regtrain_registry.errors import PolicyError, StatusError, VersionHeldError
from regtrain_registry.ops.clock import advance, read_elapsed
from regtrain_registry.ops.context import Context
from regtrain_registry.ops.event_log import lock_model
from regtrain_registry.ops.locked_version import LockedVersion, lock_version
from regtrain_registry.ops.policies import Rules, of_model, rules_of
from regtrain_registry.ops.read import detail
from regtrain_registry.ops.resolve import model_id
from regtrain_registry.ops.retention_inputs import LIVE, retention_inputs
from regtrain_registry.refs import Ref

__all__ = ["delete", "dry_run", "prune"]


def dry_run(connection: Connection, model: str, rules: Rules | None, now: ClockReading) -> list[PruneDecision]:
    """The decisions of a policy, the model's own where none is given; nothing is written."""
    owner = model_id(connection, model)
    policy = _policy(connection, owner, model, rules)
    return decide(_inputs(connection, owner, model, policy).values(), policy, read_elapsed(connection, now).until)


def prune(context: Context, model: str, rules: Rules | None, now: ClockReading) -> list[PruneDecision]:
    """Let versions expire. Registrations wait, so that none gets a child while it expires."""
    connection = context.connection
    elapsed = advance(connection, now)
    log = lock_model(context, model)
    policy = _policy(connection, log.model_id, model, rules)
    found = _inputs(connection, log.model_id, model, policy)
    decisions = decide(found.values(), policy, elapsed.until)
    ids = {candidate.ref: version_id for version_id, candidate in found.items()}
    for decision in reversed(decisions):
        if decision.action is Action.EXPIRE:
            candidate = found[ids[decision.ref]]
            locked = LockedVersion(log, ids[decision.ref], str(candidate.version), candidate.status)
            _expire(locked, decision.reason, elapsed.seconds)
    return decisions


def delete(context: Context, ref: Ref, now: ClockReading) -> VersionDetail:
    """Let one version expire; `VersionHeldError` names what keeps it."""
    connection = context.connection
    elapsed = advance(connection, now)
    locked = lock_version(context, ref)
    if locked.status not in LIVE:
        raise StatusError(f"{locked.ref} is {locked.status.value} already", _remedy(locked.status))
    policy = rules_of(of_model(connection, locked.model_id) or {}).retention
    found = _inputs(connection, locked.model_id, ref.model, policy)
    reason = holds(found.values(), found[locked.id].ref, policy)
    if reason:
        raise VersionHeldError(
            f"{found[locked.id].ref} stays: {reason}",
            "Remove what keeps it, or archive it: then `latest` and ranges pass it by.",
        )
    _expire(locked, "deleted by hand", elapsed.seconds)
    return detail(connection, locked.id)


def _policy(connection: Connection, owner: int, model: str, rules: Rules | None) -> Policy:
    if rules is not None:
        return rules.retention
    stored = of_model(connection, owner)
    if stored is None or not stored.get("retention"):
        raise PolicyError(
            f"{model} has no policy of retention",
            f"Give one with --policy FILE, or set it: regtrain models policy {model} --set FILE.",
        )
    return rules_of(stored).retention


def _inputs(connection: Connection, owner: int, model: str, policy: Policy) -> dict[int, Candidate]:
    metrics = [monitor.metric for monitor in policy.monitor]
    return retention_inputs(connection, owner, model, metrics=metrics, sizes=policy.total_size is not None)


def _expire(locked: LockedVersion, reason: str, elapsed_seconds: float) -> None:
    locked.set_status(VersionStatus.EXPIRED, reason, expired_tick=elapsed_seconds)
    locked.log_event(EventKind.EXPIRED, {"reason": reason})


def _remedy(status: VersionStatus) -> str:
    return "Restore brings it back." if status is VersionStatus.EXPIRED else "Only its row is left."

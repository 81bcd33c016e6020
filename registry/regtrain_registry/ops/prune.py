"""Expiry: of the versions that a policy does not keep, or of one by hand."""

from __future__ import annotations

from sqlalchemy import Connection

from regtrain_registry.domain.clock import Moment
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.policy import Policy
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.domain.retention import Action, Candidate, PruneDecision, decide, holds
from regtrain_registry.errors import PolicyError, StatusError, VersionHeldError
from regtrain_registry.ops.clock import seen, witness
from regtrain_registry.ops.history import Work, lock_line
from regtrain_registry.ops.lifecycle import Held, change_status, hold
from regtrain_registry.ops.policies import Rules, of_model, rules_of
from regtrain_registry.ops.resolve import model_id
from regtrain_registry.ops.retention_inputs import LIVE, candidates
from regtrain_registry.refs import Ref

__all__ = ["delete", "expiring", "prune"]


def expiring(connection: Connection, model: str, rules: Rules | None, now: Moment) -> list[PruneDecision]:
    """What a policy, the model's own where none is given, would do; nothing is written."""
    owner = model_id(connection, model)
    policy = _policy(connection, owner, model, rules)
    return decide(_candidates(connection, owner, model, policy).values(), policy, seen(connection, now).at)


def prune(connection: Connection, model: str, rules: Rules | None, now: Moment, work: Work) -> list[PruneDecision]:
    """Do it. Registrations wait, so that nothing gets a child while it expires."""
    passed = witness(connection, now)
    line = lock_line(connection, model)
    policy = _policy(connection, line.owner, model, rules)
    found = _candidates(connection, line.owner, model, policy)
    decisions = decide(found.values(), policy, passed.at)
    ids = {candidate.ref: version_id for version_id, candidate in found.items()}
    for decision in reversed(decisions):
        if decision.action is Action.EXPIRE:
            candidate = found[ids[decision.ref]]
            held = Held(line, ids[decision.ref], str(candidate.version), candidate.status)
            _expire(held, decision.reason, passed.seconds, work)
    return decisions


def delete(connection: Connection, ref: Ref, now: Moment, work: Work) -> int:
    """Let one version expire; its id. `VersionHeldError` names what keeps it."""
    passed = witness(connection, now)
    held = hold(connection, ref)
    if held.status not in LIVE:
        raise StatusError(f"{ref.model}@{held.version} is {held.status.value} already", _what_then(held.status))
    policy = rules_of(of_model(connection, held.owner) or {}).retention
    found = _candidates(connection, held.owner, ref.model, policy)
    reason = holds(found.values(), found[held.id].ref, policy)
    if reason:
        raise VersionHeldError(
            f"{found[held.id].ref} stays: {reason}",
            "Remove what keeps it, or archive it: then `latest` and ranges pass it by.",
        )
    _expire(held, "deleted by hand", passed.seconds, work)
    return held.id


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


def _candidates(connection: Connection, owner: int, model: str, policy: Policy) -> dict[int, Candidate]:
    metrics = [monitor.metric for monitor in policy.monitor]
    return candidates(connection, owner, model, metrics=metrics, sizes=policy.total_size is not None)


def _expire(held: Held, reason: str, tick: float, work: Work) -> None:
    change_status(held, VersionStatus.EXPIRED, work, reason, expired_tick=tick)
    held.tell(EventKind.EXPIRED, {"reason": reason}, work)


def _what_then(status: VersionStatus) -> str:
    return "Restore brings it back." if status is VersionStatus.EXPIRED else "Only its row is left."

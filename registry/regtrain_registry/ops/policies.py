"""The policy of a model: parsed, read and set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from regtrain_registry import ops
from regtrain_registry.db.tables import ALIASES, MODELS
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.policy import Policy, parse_policy
from regtrain_registry.domain.promotion import parse_gates
from regtrain_registry.errors import PolicyError, StageGuardedError
from regtrain_registry.ops.context import Context
from regtrain_registry.ops.event_log import lock_model
from regtrain_registry.ops.resolve import model_id
from regtrain_registry.refs import check_alias

__all__ = ["Rules", "of_model", "policy", "rules_of", "stages_of", "with_keys", "write_policy"]

PARTS = ("retention", "stages")
_POLICY = select(MODELS.c.policy).where(MODELS.c.id == bindparam("owner"))
_SET = update(MODELS).where(MODELS.c.id == bindparam("owner")).values(policy=bindparam("to"))
_A = ALIASES.c
_PLAIN = select(_A.name).where(_A.model_id == bindparam("owner"), _A.gated.is_(False)).order_by(_A.name)


class Rules(NamedTuple):
    """The parts of a policy: the rules of retention, and the gates of each stage."""

    retention: Policy
    stages: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Both parts; without rules, without stages, a part is left out."""
        parts = {"retention": self.retention.to_json(), "stages": self.stages}
        return {name: part for name, part in parts.items() if part}


def rules_of(written: Mapping[str, Any]) -> Rules:
    """A policy with the parts `retention` and `stages`, or the rules of retention alone; `PolicyError`."""
    if not isinstance(written, Mapping) or not set(PARTS) & written.keys():
        return Rules(parse_policy(written), {})
    unknown = [key for key in written if key not in PARTS]
    if unknown:
        raise PolicyError(f"a policy has no part {str(unknown[0])[:80]!r}", f"Its parts: {', '.join(PARTS)}.")
    stages = written.get("stages") or {}
    if not isinstance(stages, Mapping):
        raise PolicyError("stages is no mapping", "Give each stage its gates: {production: {signed: true}}.")
    named = {
        check_alias(str(stage)): with_keys(str(stage), {} if gates is None else gates)
        for stage, gates in stages.items()
    }
    return Rules(parse_policy(written.get("retention") or {}), named)


def with_keys(stage: str, written: Mapping[str, Any]) -> Mapping[str, Any]:
    """The gates of a stage, with the text of each public key in place of its file: a policy outlives a file.

    Errors: `PolicyError`, `SigningKeyError`.
    """
    keys = parse_gates(stage, written).signed_by
    if not keys:
        return written
    return {**written, "signed": {"by": ops.verify.public_keys(keys)}}


def of_model(connection: Connection, owner: int) -> dict[str, Any] | None:
    """The policy of a model, as it is stored."""
    found: dict[str, Any] | None = connection.execute(_POLICY, {"owner": owner}).scalar()
    return found or None


def policy(connection: Connection, model: str) -> dict[str, Any] | None:
    """The policy of a model, by its name; `ModelNotFoundError`."""
    return of_model(connection, model_id(connection, model))


def stages_of(connection: Connection, owner: int) -> dict[str, Any]:
    """The stages that the policy of a model names, each with its gates; no alias may have such a name."""
    return (of_model(connection, owner) or {}).get("stages") or {}


def write_policy(context: Context, model: str, rules: Rules | None) -> dict[str, Any] | None:
    """Set the policy of a model, or remove it.

    Raises:
        PolicyError: it has no rule.
        StageGuardedError: a stage of it has the name of an alias, which moves without gates.
    """
    if rules and not rules.to_json():
        raise PolicyError("the policy says nothing", f"Take it away: regtrain models policy {model} --clear.")
    log, connection = lock_model(context, model), context.connection
    if rules and rules.stages:
        _check_no_alias(connection, log.model_id, model, rules.stages)
    before, after = of_model(connection, log.model_id), rules.to_json() if rules else None
    connection.execute(_SET, {"owner": log.model_id, "to": after})
    log.log_event(EventKind.POLICY_SET, None, {"before": before, "policy": after})
    return after


def _check_no_alias(connection: Connection, owner: int, model: str, stages: Mapping[str, Any]) -> None:
    taken = [name for name in connection.execute(_PLAIN, {"owner": owner}).scalars() if name in stages]
    if taken:
        raise StageGuardedError(
            f"{taken[0]!r} is an alias of {model}, and cannot be a stage too",
            f"Take it away first: regtrain models alias {model} {taken[0]} --remove; then promote a version.",
        )

"""What a run lets go of: versions that the policy does not keep, and checkpoints that its own config does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.checkpoint.keep import CheckpointInfo, Mode, keep, keep_policy, list_checkpoints, remove
from regtrain.errors import RunBusyError
from regtrain.run_dir import RunDir
from regtrain.types import Plan, chosen

if TYPE_CHECKING:
    from regtrain_registry import Registry, VersionInfo
    from regtrain_registry.domain.retention import PruneDecision

__all__ = ["CheckpointDecision", "check_retention", "expire", "monitored", "prune_checkpoints"]


@dataclass(frozen=True)
class CheckpointDecision:
    """Whether a checkpoint stays."""

    info: CheckpointInfo
    stays: bool


def check_retention(plan: Plan) -> None:
    """Refuse a policy in the config that the registry would refuse, before anything is trained."""
    from regtrain_registry.domain.policy import parse_policy

    parse_policy(_rules(plan) or {})


def expire(registry: Registry, plan: Plan, version: VersionInfo) -> tuple[list[PruneDecision], list[str]]:
    """Apply the policy of the config, or else the model's own; what expired, and what to warn of.

    The version is registered whatever happens here.
    """
    rules = _rules(plan)
    try:
        if rules is None and not (registry.policy(version.name) or {}).get("retention"):
            return [], []
        decisions = registry.prune(version.name, rules)
    except Exception as problem:
        said = str(getattr(problem, "message", problem))
        return [], [f"no version expired: {said}; `regtrain models prune {version.name}` tries again"]
    return [decision for decision in decisions if decision.action == "expire"], []


def _rules(plan: Plan) -> Mapping[str, Any] | None:
    """The config's policy; its metric is the one of the checkpoints where it names none. None: it has no policy."""
    retention, checkpoint = plan.config.registry.retention, plan.config.checkpoint
    given = retention.model_dump(mode="json", exclude_none=True) if retention else {}
    if not given:
        return None
    if "keep_best" in given and "monitor" not in given:
        given |= {"monitor": chosen(checkpoint.monitor), "mode": chosen(checkpoint.mode)}
    return given


def monitored(owner: RunDir, plan: Plan) -> tuple[str, Mode]:
    """The metric that the run itself went by: without validation data the job has settled on the training loss."""
    keys = owner.read_settled(plan).checkpoint
    return chosen(keys.monitor), chosen(keys.mode)


def prune_checkpoints(owner: RunDir, *, running: bool, dry_run: bool) -> list[CheckpointDecision]:
    """Remove the checkpoints that the run's own config does not keep, oldest first. A run that did not come to its end
    keeps its newest: it can go on from there.

    Raises:
        RunBusyError: the run is at work, and sees to its checkpoints itself.
    """
    plan, outcome = owner.read_plan(), owner.read_outcome()
    if running:
        raise RunBusyError(
            f"run {plan.run_id} is running", "it keeps its checkpoints in order itself; prune it when it has ended"
        )
    folder = owner.checkpoints(plan.config)
    infos = list_checkpoints(folder)
    policy = keep_policy(owner.read_settled(plan))
    stays = keep(infos, policy, ended=outcome is not None and outcome.status == "finished")
    decisions = [CheckpointDecision(info, info.path in stays) for info in infos]
    if not dry_run:
        for decision in decisions:
            if not decision.stays:
                remove(decision.info.path)
        _point_to_newest(folder, [decision.info for decision in decisions if decision.stays])
    return decisions


def _point_to_newest(folder: Path, infos: list[CheckpointInfo]) -> None:
    """`last` is a name for people: it must not point to what is gone."""
    view = folder / "last"
    if infos and view.is_symlink() and not view.exists():
        view.unlink()
        view.symlink_to(infos[-1].path.name)

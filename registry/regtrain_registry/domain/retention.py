"""Which versions of a model are kept, which expire, and the one reason for each. Pure.

What is always kept is found first; then what the rules of the policy keep; then the ancestors of all of these. A limit
of size lets versions expire that the rules keep, never those that are always kept.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import accumulate

from regtrain_registry.domain.policy import Mode, Monitor, Policy, shown_duration, shown_size
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.semver import Version, sort_key

__all__ = ["Action", "Candidate", "PruneDecision", "decide", "holds", "still_held"]

NO_RULE = "no rule keeps it"
NO_KEEPING_RULE = "no rule says that it expires"


class Action(StrEnum):
    """The action of a decision."""

    KEEP = "keep"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True)
class PruneDecision:
    """The decision about one version, and its reason."""

    ref: str
    action: Action
    reason: str

    def to_json(self) -> dict[str, str]:
        """The fields of `models prune --json`."""
        return {"ref": self.ref, "action": self.action.value, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version that has its files, with all that may keep it.

    parents: refs of its ancestors among the versions of this model. needed_by: what outside of them keeps it, in
    words. files: digest → bytes, of which each counts once for all versions; without
    any, the version counts with `size_bytes`.
    """

    ref: str
    version: Version
    number: int
    created_at: datetime
    status: VersionStatus = VersionStatus.READY
    size_bytes: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    pinned: bool = False
    parents: tuple[str, ...] = ()
    needed_by: tuple[str, ...] = ()
    files: Mapping[str, int] = field(default_factory=dict)


def decide(versions: Iterable[Candidate], policy: Policy, now: datetime) -> list[PruneDecision]:
    """Keep or expire, for each version of one model, the newest first. The order of `versions` does not matter."""
    ordered = sorted(versions, key=lambda version: version.number)
    always = _always(ordered, policy)
    by_rule = _by_rule(ordered, policy, now) if policy.keeps else dict.fromkeys(_refs(ordered), NO_KEEPING_RULE)
    kept = _with_ancestors(ordered, {**by_rule, **always})
    expired: dict[str, str] = {}
    if policy.total_size is not None:
        expired = _beyond_size(ordered, kept, always, by_rule, policy)
        left = {ref: reason for ref, reason in by_rule.items() if ref not in expired}
        kept = _with_ancestors(ordered, {**left, **always})
    decisions = []
    for ref in reversed(_refs(ordered)):
        action = Action.KEEP if ref in kept else Action.EXPIRE
        decisions.append(PruneDecision(ref, action, kept.get(ref) or expired.get(ref, NO_RULE)))
    return decisions


def holds(versions: Iterable[Candidate], ref: str, policy: Policy) -> str | None:
    """The reason why this version may not expire while all the others are kept; None: it may."""
    ordered = sorted(versions, key=lambda version: version.number)
    others = [version for version in ordered if version.ref != ref]
    reason = _always(ordered, policy).get(ref)
    return reason or _with_ancestors(ordered, dict.fromkeys(_refs(others), "")).get(ref)


def still_held(versions: Iterable[Candidate]) -> dict[str, str]:
    """Ref → reason, of expired versions that something keeps since."""
    ordered = sorted(versions, key=lambda version: version.number)
    found = ((version.ref, next(_reasons_of(version), None)) for version in ordered)
    return _with_ancestors(ordered, {ref: reason for ref, reason in found if reason is not None})


def _refs(versions: Iterable[Candidate]) -> list[str]:
    return [version.ref for version in versions]


def _always(ordered: Sequence[Candidate], policy: Policy) -> dict[str, str]:
    """Ref → reason, for what is kept under any policy. `ordered`: oldest first."""
    reasons: dict[str, str] = {}
    for version in ordered:
        for reason in _reasons_of(version):
            reasons.setdefault(version.ref, reason)
    for monitor in policy.monitor:
        for version in _best(ordered, monitor)[:1]:
            shown = f"best {monitor.metric} {version.metrics[monitor.metric]:.4g}"
            reasons.setdefault(version.ref, shown)
    hidden = (VersionStatus.ARCHIVED, VersionStatus.EXPIRED, VersionStatus.COLLECTED)
    released = [v for v in ordered if not v.version.prerelease and v.status not in hidden]
    if released:
        reasons.setdefault(max(released, key=lambda v: sort_key(v.version)).ref, "latest release")
    if ordered:
        reasons.setdefault(ordered[-1].ref, "newest version")
    return reasons


def _reasons_of(version: Candidate) -> Iterator[str]:
    yield from (f"stage {name}" for name in sorted(version.stages))
    yield from (f"alias {name}" for name in sorted(version.aliases))
    if version.pinned:
        yield "pinned"
    yield from version.needed_by


def _by_rule(ordered: Sequence[Candidate], policy: Policy, now: datetime) -> dict[str, str]:
    """Ref → reason, for what a rule of the policy keeps; of several rules, the first one's."""
    reasons: dict[str, str] = {}

    def keep(versions: Iterable[Candidate], reason: str) -> None:
        for version in versions:
            reasons.setdefault(version.ref, reason)

    if policy.keep_best is not None:
        for monitor in policy.monitor:
            keep(_best(ordered, monitor)[: policy.keep_best], f"among the best {policy.keep_best} by {monitor.metric}")
    if policy.keep_newest is not None:
        keep(ordered[-policy.keep_newest :], f"among the newest {policy.keep_newest}")
    for count, width in ((policy.keep_per_major, 1), (policy.keep_per_minor, 2)):
        if count is not None:
            for line, highest in _lines(ordered, width, count):
                keep(highest, f"among the highest {count} of {line}")
    if policy.younger_than is not None:
        # No version is older than the one before it: a clock that had gone back makes none old.
        made = accumulate((version.created_at for version in ordered), max)
        young = [version for version, at in zip(ordered, made, strict=True) if now - at < policy.younger_than]
        keep(young, f"younger than {shown_duration(policy.younger_than)}")
    if policy.with_descendants:
        parents = {parent for version in ordered for parent in version.parents}
        keep((version for version in ordered if version.ref in parents), "has descendants")
    return reasons


def _best(ordered: Sequence[Candidate], monitor: Monitor) -> list[Candidate]:
    """Those that have the metric as a finite number, best first; of equals the earlier."""
    having = [version for version in ordered if math.isfinite(version.metrics.get(monitor.metric, math.nan))]
    sign = 1 if monitor.mode is Mode.MIN else -1
    return sorted(having, key=lambda version: (sign * version.metrics[monitor.metric], version.number))


def _lines(ordered: Sequence[Candidate], width: int, count: int) -> Iterator[tuple[str, list[Candidate]]]:
    """The highest versions of each major (width 1), or of each minor (2)."""
    lines: dict[tuple[int, ...], list[Candidate]] = defaultdict(list)
    for version in sorted(ordered, key=lambda version: sort_key(version.version), reverse=True):
        lines[version.version.to_tuple()[:width]].append(version)  # type: ignore[index]
    for parts, versions in lines.items():
        yield ".".join([*map(str, parts), "x"]), versions[:count]


def _with_ancestors(ordered: Sequence[Candidate], reasons: Mapping[str, str]) -> dict[str, str]:
    """The same with all ancestors."""
    by_ref = {version.ref: version for version in ordered}
    found = dict(reasons)
    waiting = [by_ref[ref] for ref in reasons if ref in by_ref]
    heirs: dict[str, Candidate] = {}
    while waiting:
        child = waiting.pop()
        for parent in child.parents:
            if parent not in by_ref:
                continue
            if parent not in found:
                found[parent] = ""
                waiting.append(by_ref[parent])
            # One child is named, whichever way the parent was come upon: the newest.
            heirs[parent] = max(heirs.get(parent, child), child, key=lambda version: version.number)
    return found | {ref: f"parent of {heir.ref}" for ref, heir in heirs.items() if ref not in reasons}


def _beyond_size(
    ordered: Sequence[Candidate],
    kept: Mapping[str, str],
    always: Mapping[str, str],
    by_rule: Mapping[str, str],
    policy: Policy,
) -> dict[str, str]:
    """Ref → reason, for what expires until the rest is within the limit, or until all that is left is always kept.

    The worst by the first metric expire first, before them those that have no such metric, of equals the oldest;
    without a metric the oldest. A version expires after its descendants. One that was kept as their
    ancestor alone expires with the last of them.
    """
    limit = policy.total_size or 0
    reason = f"beyond total_size {shown_size(limit)}"
    by_ref = {version.ref: version for version in ordered if version.ref in kept}
    children = Counter(parent for version in by_ref.values() for parent in set(version.parents) & by_ref.keys())
    users = Counter(digest for version in by_ref.values() for digest in _files(version))
    total = sum({d: size for version in by_ref.values() for d, size in _files(version).items()}.values())
    expired: dict[str, str] = {}
    queue = [(_rank(v, policy), ref) for ref, v in by_ref.items() if ref not in always and not children[ref]]
    heapq.heapify(queue)

    def remove(version: Candidate, why: str) -> Iterator[Candidate]:
        """Take the version out; its parents that nothing came from any more."""
        nonlocal total
        expired[version.ref] = why
        for digest, size in _files(version).items():
            users[digest] -= 1
            total -= 0 if users[digest] else size
        for parent in set(version.parents) & by_ref.keys():
            children[parent] -= 1
            if not children[parent] and parent not in always:
                yield by_ref[parent]

    while total > limit and queue:
        waiting = [(by_ref[heapq.heappop(queue)[1]], reason)]
        while waiting:
            for parent in list(remove(*waiting.pop())):
                if parent.ref in by_rule:
                    heapq.heappush(queue, (_rank(parent, policy), parent.ref))
                else:
                    waiting.append((parent, NO_RULE))
    return expired


def _files(version: Candidate) -> Mapping[str, int]:
    return version.files or {version.ref: version.size_bytes}


def _rank(version: Candidate, policy: Policy) -> tuple[bool, float, int]:
    """The lowest expires first."""
    if not policy.monitor:
        return False, 0.0, version.number
    monitor = policy.monitor[0]
    value = version.metrics.get(monitor.metric, math.nan)
    if not math.isfinite(value):
        return False, 0.0, version.number
    return True, -value if monitor.mode is Mode.MIN else value, version.number

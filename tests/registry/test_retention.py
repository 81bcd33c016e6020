"""What a policy keeps, against a reference that is written as the rules are said."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regtrain_registry.domain.policy import Mode, Monitor, Policy
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.domain.retention import Action, Candidate, PruneDecision, decide, holds
from regtrain_registry.semver import Version

NOW = datetime(2026, 11, 20, tzinfo=UTC)
LOSS = Monitor("val/loss", Mode.MIN)
ACCURACY = Monitor("val/accuracy", Mode.MAX)
LIVE = (VersionStatus.READY, VersionStatus.DEPRECATED, VersionStatus.ARCHIVED)
VALUES = st.sampled_from([0.0, 0.25, 0.5, 0.75, math.nan, math.inf])


@st.composite
def models(draw: st.DrawFn) -> list[Candidate]:
    """Up to twelve versions of one model, with few distinct values, so that equals are frequent."""
    triples = draw(st.lists(st.tuples(*[st.integers(0, 2)] * 3, st.sampled_from([None, "rc.1"])), unique=True, max_size=12))  # fmt: skip
    versions: list[Candidate] = []
    for number, (*triple, prerelease) in enumerate(triples, start=1):
        version = Version(*triple, prerelease)
        others = [other.ref for other in versions]
        metrics = draw(st.dictionaries(st.sampled_from(["val/loss", "val/accuracy"]), VALUES))
        blobs = draw(st.dictionaries(st.sampled_from("abcdef"), st.just(7), max_size=3))
        versions.append(
            Candidate(
                ref=f"m@{version}",
                version=version,
                number=number,
                created_at=NOW + timedelta(days=draw(st.integers(-60, 20))),
                status=draw(st.sampled_from(LIVE)),
                size_bytes=draw(st.integers(0, 9)),
                metrics=metrics,
                aliases=draw(st.sampled_from([(), (), (), ("champion",)])),
                stages=draw(st.sampled_from([(), (), (), ("production",)])),
                pinned=draw(st.sampled_from([False, False, False, True])),
                parents=tuple(draw(st.lists(st.sampled_from(others), max_size=2))) if others else (),
                needed_by=draw(st.sampled_from([(), (), (), ("input of run r1",)])),
                files=blobs,
            )
        )
    return versions


COUNT = st.none() | st.integers(1, 4)
POLICIES = st.builds(
    Policy,
    keep_best=COUNT,
    monitor=st.sampled_from([(), (LOSS,), (ACCURACY,), (LOSS, ACCURACY), (ACCURACY, LOSS)]),
    keep_newest=COUNT,
    keep_per_major=COUNT,
    keep_per_minor=COUNT,
    younger_than=st.none() | st.integers(1, 50).map(lambda days: timedelta(days=days)),
    total_size=st.none() | st.integers(0, 60),
    with_descendants=st.booleans(),
)


def released(versions: Sequence[Candidate]) -> list[Candidate]:
    return [v for v in versions if v.version.prerelease is None and v.status is not VersionStatus.ARCHIVED]


def value(version: Candidate, monitor: Monitor) -> float:
    """Higher is better; what has no such number is worst of all."""
    number = version.metrics.get(monitor.metric, math.nan)
    return (-number if monitor.mode is Mode.MIN else number) if math.isfinite(number) else -math.inf


def best_first(versions: Sequence[Candidate], monitor: Monitor) -> list[Candidate]:
    having = [v for v in versions if value(v, monitor) > -math.inf]
    return sorted(sorted(having, key=lambda v: v.number), key=lambda v: value(v, monitor), reverse=True)


def grown(versions: Sequence[Candidate], refs: set[str]) -> set[str]:
    """With all ancestors."""
    while more := {p for v in versions if v.ref in refs for p in v.parents} - refs:
        refs = refs | more
    return refs


def keep_set(versions: Sequence[Candidate], policy: Policy) -> set[str]:
    """What is always kept, word for word."""
    found = {v.ref for v in versions if v.aliases or v.stages or v.pinned or v.needed_by}
    if versions:
        found.add(max(versions, key=lambda v: v.number).ref)
    if released(versions):
        found.add(max(released(versions), key=lambda v: v.version).ref)
    for monitor in policy.monitor:
        found.update(v.ref for v in best_first(versions, monitor)[:1])
    return grown(versions, found)


def kept_by_rules(versions: Sequence[Candidate], policy: Policy) -> set[str]:
    """What the rules keep of themselves; everything where there is none."""
    found: set[str] = set()
    if policy.keep_best is not None:
        for monitor in policy.monitor:
            found.update(v.ref for v in best_first(versions, monitor)[: policy.keep_best])
    if policy.keep_newest is not None:
        found.update(v.ref for v in sorted(versions, key=lambda v: -v.number)[: policy.keep_newest])
    for v in versions:
        above = [o for o in versions if o.version > v.version]
        major = [o for o in above if o.version.major == v.version.major]
        minor = [o for o in major if o.version.minor == v.version.minor]
        if policy.keep_per_major is not None and len(major) < policy.keep_per_major:
            found.add(v.ref)
        if policy.keep_per_minor is not None and len(minor) < policy.keep_per_minor:
            found.add(v.ref)
        made = max(o.created_at for o in versions if o.number <= v.number)
        if policy.younger_than is not None and made > NOW - policy.younger_than:
            found.add(v.ref)
        if policy.with_descendants and any(v.ref in o.parents for o in versions):
            found.add(v.ref)
    rules = (policy.keep_best, policy.keep_newest, policy.keep_per_major, policy.keep_per_minor, policy.younger_than)
    if any(rule is not None for rule in rules) or policy.with_descendants:
        return found
    return {v.ref for v in versions}


def bytes_of(versions: Sequence[Candidate]) -> int:
    files: dict[str, int] = {}
    for v in versions:
        files |= v.files or {v.ref: v.size_bytes}
    return sum(files.values())


def reference(versions: Sequence[Candidate], policy: Policy) -> set[str]:
    """The refs that stay."""
    always, by_rule = keep_set(versions, policy), kept_by_rules(versions, policy)
    stays = grown(versions, always | by_rule)
    while policy.total_size is not None and bytes_of([v for v in versions if v.ref in stays]) > policy.total_size:
        free = [
            v
            for v in versions
            if v.ref in stays - always and not any(v.ref in o.parents for o in versions if o.ref in stays)
        ]
        if not free:
            break
        monitor = policy.monitor[0] if policy.monitor else None
        worst = min(free, key=lambda v: (value(v, monitor) if monitor else 0, v.number))
        stays = grown(versions, always | ((by_rule & stays) - {worst.ref}))
    return stays


def kept(decisions: Sequence[PruneDecision]) -> set[str]:
    return {decision.ref for decision in decisions if decision.action is Action.KEEP}


def check(versions: list[Candidate], policy: Policy, seed: int) -> None:
    """Everything that holds for every model and every policy."""
    decisions = decide(versions, policy, NOW)
    assert kept(decisions) == reference(versions, policy)
    assert [d.ref for d in decisions] == [v.ref for v in versions][::-1]
    assert kept(decisions) >= keep_set(versions, policy)
    assert bool(kept(decisions)) == bool(versions)
    shuffled = random.Random(seed).sample(versions, len(versions))
    assert decide(shuffled, policy, NOW) == decisions
    for decision in decisions:
        assert decision.reason
        if decision.reason.startswith("parent of "):
            assert decision.reason.removeprefix("parent of ") in kept(decisions)


@pytest.mark.slow
@settings(max_examples=200)
@given(models(), POLICIES, st.integers(0, 9))
def test_a_policy_keeps_what_the_reference_keeps(versions: list[Candidate], policy: Policy, seed: int) -> None:
    """The keep-set whole, never nothing, and the same for any order of the versions."""
    check(versions, policy, seed)


@pytest.mark.slow
@settings(max_examples=2_000)
@given(models(), POLICIES, st.integers(0, 9))
def test_two_thousand_policies(versions: list[Candidate], policy: Policy, seed: int) -> None:
    """The same, for longer."""
    check(versions, policy, seed)


@pytest.mark.slow
@settings(max_examples=200)
@given(models(), POLICIES, POLICIES)
def test_another_rule_keeps_more(versions: list[Candidate], policy: Policy, other: Policy) -> None:
    """A policy that keeps something keeps all of it when it gets one more rule; size is a limit, not a rule."""
    policy = replace(policy, total_size=None, keep_newest=policy.keep_newest or 1, monitor=(LOSS,))
    for name in ("keep_best", "keep_per_major", "keep_per_minor", "younger_than", "with_descendants"):
        if not getattr(policy, name):
            more = replace(policy, **{name: getattr(other, name)})
            assert kept(decide(versions, policy, NOW)) <= kept(decide(versions, more, NOW))
    longer = replace(policy, keep_newest=(policy.keep_newest or 0) + 1)
    assert kept(decide(versions, policy, NOW)) <= kept(decide(versions, longer, NOW))


@settings(max_examples=100)
@given(models(), POLICIES)
def test_what_nothing_holds_could_go_alone(versions: list[Candidate], policy: Policy) -> None:
    """`holds` names a reason for the keep-set and for every parent, and for nothing else."""
    roots = keep_set(versions, policy)
    for v in versions:
        parent = any(v.ref in o.parents for o in versions)
        assert (holds(versions, v.ref, policy) is not None) == (v.ref in roots or parent)


def version(number: int, text: str = "", **fields: object) -> Candidate:
    parsed = Version.parse(text or f"1.{number}.0")
    made = NOW - timedelta(days=100 - number)
    return replace(Candidate(f"m@{parsed}", parsed, number, made), **fields)


def test_an_empty_policy_lets_nothing_go() -> None:
    """Neither does one that only names a metric."""
    versions = [version(number, metrics={"val/loss": number}) for number in range(1, 6)]
    for policy in (Policy(), Policy(monitor=(LOSS,))):
        decisions = decide(versions, policy, NOW)
        assert {d.action for d in decisions} == {Action.KEEP}
        assert [d.reason for d in decisions][2:4] == ["no rule says that it expires"] * 2
    assert decide([], Policy(keep_newest=1), NOW) == []


def test_each_version_has_one_reason() -> None:
    """The strongest that there is, in words."""
    versions = [
        version(1),
        version(2, parents=("m@1.1.0",), stages=("production",), aliases=("champion",)),
        version(3, pinned=True),
        version(4, needed_by=("input of run r1",)),
        version(5, metrics={"val/loss": 0.125}),
        version(6, metrics={"val/loss": 0.25}),
        version(7),
        version(8, "2.0.0"),
        version(9, "2.1.0-rc.1"),
    ]
    decisions = decide(versions, Policy(keep_best=2, monitor=(LOSS,)), NOW)
    assert [(d.ref, d.reason) for d in decisions] == [
        ("m@2.1.0-rc.1", "newest version"),
        ("m@2.0.0", "latest release"),
        ("m@1.7.0", "no rule keeps it"),
        ("m@1.6.0", "among the best 2 by val/loss"),
        ("m@1.5.0", "best val/loss 0.125"),
        ("m@1.4.0", "input of run r1"),
        ("m@1.3.0", "pinned"),
        ("m@1.2.0", "stage production"),
        ("m@1.1.0", "parent of m@1.2.0"),
    ]
    assert decisions[2].to_json() == {"ref": "m@1.7.0", "action": "expire", "reason": "no rule keeps it"}


def test_the_worst_and_oldest_go_first_when_there_is_no_room() -> None:
    """Those without the metric first, then by the metric; a file that two share counts once."""
    sizes = {"backbone": 100}
    versions = [
        version(1, metrics={"val/loss": 0.1}, files=sizes | {"a": 10}),
        version(2, metrics={"val/loss": 0.9}, files=sizes | {"b": 10}),
        version(3, files=sizes | {"c": 10}),
        version(4, metrics={"val/loss": 0.5}, files=sizes | {"d": 10}),
        version(5, metrics={"val/loss": 0.6}, files=sizes | {"e": 10}),
    ]
    gone = []
    for limit in (150, 149, 139, 129, 119, 0):
        decisions = decide(versions, Policy(total_size=limit, monitor=(LOSS,)), NOW)
        gone.append("".join(sorted(d.ref[4] for d in decisions if d.action is Action.EXPIRE)))
    assert gone == ["", "3", "23", "234", "234", "234"]
    assert decisions[2].reason == "beyond total_size 0B"


def test_nothing_goes_before_what_came_from_it() -> None:
    """A parent that only its children kept goes with the last of them, unless a rule keeps it."""
    line = [version(1, size_bytes=5), version(2, size_bytes=5, parents=("m@1.1.0",)), version(3, size_bytes=5)]
    policy = Policy(keep_newest=2, total_size=10)
    assert [(d.ref, d.reason) for d in decide(line, policy, NOW)] == [
        ("m@1.3.0", "latest release"),
        ("m@1.2.0", "beyond total_size 10B"),
        ("m@1.1.0", "no rule keeps it"),
    ]


def test_a_parent_is_kept_for_a_child_that_stays() -> None:
    """Not for one that has to go for want of space."""
    versions = [version(1), version(2, "2.0.0", parents=("m@1.1.0",)), version(3, parents=("m@1.1.0",), pinned=True)]
    versions += [version(4, parents=("m@1.1.0",), size_bytes=9), version(5)]
    reasons = {d.ref: d.reason for d in decide(versions, Policy(keep_newest=2, total_size=0), NOW)}
    assert (reasons["m@1.4.0"], reasons["m@1.1.0"]) == ("beyond total_size 0B", "parent of m@1.3.0")


@pytest.mark.parametrize("years", [-1, 1])
def test_a_clock_set_wrong_while_registering_makes_nothing_old(years: int) -> None:
    """What was registered under it is as young as what came before it, or younger."""
    versions = [version(90), version(91, created_at=NOW + timedelta(days=365 * years)), version(92), version(93)]
    policy = Policy(younger_than=timedelta(days=30))
    assert kept(decide(versions, policy, NOW)) == {v.ref for v in versions}

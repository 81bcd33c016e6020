"""Policies as people write them."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regtrain_registry.domain.policy import Mode, Monitor, Policy, parse_duration, parse_policy, parse_size
from regtrain_registry.domain.promotion import parse_gates
from regtrain_registry.errors import PolicyError

METRICS = ("val/loss", "val/accuracy", "train/perplexity", "f1")
ANY_POLICY = st.builds(
    Policy,
    keep_best=st.none(),
    monitor=st.lists(st.builds(Monitor, st.sampled_from(METRICS), st.sampled_from(Mode)), unique_by=lambda m: m.metric).map(tuple),
    keep_newest=st.none() | st.integers(1),
    keep_per_major=st.none() | st.integers(1),
    younger_than=st.none() | st.integers(0, 10**8).map(lambda seconds: timedelta(seconds=seconds)),
    total_size=st.none() | st.integers(0, 10**16),
    with_descendants=st.booleans(),
)  # fmt: skip
WRONG: list[tuple[Any, str]] = [
    ({"keep_bets": 3}, "no key 'keep_bets'; did you mean keep_best"),
    ({"keep_best": 0, "monitor": "a", "mode": "min"}, "keep_best is 0"),
    ({"keep_best": True, "monitor": "a", "mode": "min"}, "keep_best is True"),
    ({"keep_best": 3}, "keep_best needs a metric"),
    ({"keep_best": 3, "keep_top_k": 3, "monitor": "a"}, "keep_best twice"),
    ({"monitor": ["a", "b"], "mode": ["min"] * 3}, "2 metrics and 3 modes"),
    ({"monitor": ["val_loss", "val/loss"]}, "a metric twice"),
    ({"monitor": 3}, "monitor is 3"),
    ({"monitor": "a", "mode": "least"}, "mode is 'least'"),
    ({"younger_than": 30}, "younger_than is 30"),
    ({"younger_than": "-3d"}, "younger_than is '-3d'"),
    ({"total_size": "20 parsecs"}, "total_size is '20 parsecs'"),
    ({"total_size": -1}, "total_size is -1"),
    ({"total_size": "5ib"}, "total_size is '5ib'"),
    ({"with_descendants": 1}, "with_descendants is 1"),
    ({"keep_newest": [1]}, r"keep_newest is \[1\]"),
    ([], "a policy is a mapping"),
]


def test_rules_are_read_under_every_name() -> None:
    """The names of the seeds are those of other tools; the mode follows from the metric's name."""
    policy = parse_policy({"save_top_k": 3, "monitor": "val_accuracy", "younger_than": "2w", "total_size": "1.5GiB"})
    assert policy == Policy(
        keep_best=3,
        monitor=(Monitor("val/accuracy", Mode.MAX),),
        younger_than=timedelta(days=14),
        total_size=1_610_612_736,
    )
    modes = parse_policy({"monitor": ["val_loss", "f1", "mse"], "mode": None}).monitor
    assert [monitor.mode for monitor in modes] == [Mode.MIN, Mode.MAX, Mode.MIN]
    assert parse_policy({"monitor": ["a", "b"], "mode": "min"}).monitor[1] == Monitor("b", Mode.MIN)
    assert parse_policy({"keep_last": 2, "keep_best": None}) == Policy(keep_newest=2)
    assert parse_policy({}) == Policy()


def test_quantities() -> None:
    """Units in any case, a blank between, fractions."""
    assert [parse_duration(text, "x").total_seconds() for text in ("1.5h", "2 D", "90s", "1m")] == [
        5400,
        172800,
        90,
        60,
    ]
    assert [parse_size(text, "x") for text in ("20 gb", "1.5kb", "1KiB", "7B", 5)] == [20 * 10**9, 1500, 1024, 7, 5]
    assert parse_size("9007199254740993B", "x") == 9007199254740993  # to the byte, where a float is not


@pytest.mark.parametrize(("rules", "said"), WRONG)
def test_what_means_nothing_is_refused(rules: Any, said: str) -> None:
    """The culprit by name, and what may stand there; exit code 2."""
    with pytest.raises(PolicyError, match=said) as caught:
        parse_policy(rules)
    assert caught.value.exit_code == 2
    assert caught.value.hint


@given(ANY_POLICY)
def test_a_policy_comes_back_from_json(policy: Policy) -> None:
    """To the second and the byte."""
    assert parse_policy(policy.to_json()) == policy


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists), st.text())
def test_anything_is_a_policy_or_one_error(value: Any, key: str) -> None:
    """No other error, whatever stands there."""
    for name in ("keep_best", "monitor", "mode", "younger_than", "total_size", "with_descendants", key):
        with suppress(PolicyError):
            parse_policy({name: value, "metric": "loss"} if name != "monitor" else {name: value})


@pytest.mark.parametrize("rules", [{"total_size": "٣GB"}, {"younger_than": "٣d"}, {"total_size": "1.٣GB"}])
def test_digits_are_those_of_ascii(rules: Any) -> None:
    """Other scripts have digits that read like others of their own."""
    with pytest.raises(PolicyError):
        parse_policy(rules)


@pytest.mark.parametrize("bound", ["> ٣", "> 1_0", "> 1e999", "> nan", ">", "> 0x1"])
def test_a_bound_of_a_gate_is_a_plain_number(bound: str) -> None:
    """As a filter takes it: nothing that only Python reads as one."""
    with pytest.raises(PolicyError, match="is no bound"):
        parse_gates("production", {"require": {"val/loss": bound}})
    assert parse_gates("production", {"require": {"val/loss": " >= -1e-3 "}}).require == (("val/loss", ">=", -1e-3),)


@pytest.mark.parametrize("text", ["999999999w", "150000000w"])
def test_a_duration_longer_than_time_is_refused(text: str) -> None:
    """As any other value that means nothing."""
    with pytest.raises(PolicyError, match="younger_than is"):
        parse_policy({"younger_than": text})

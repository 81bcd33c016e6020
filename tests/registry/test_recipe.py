"""Which part of the version a change moves, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regtrain_registry.domain.recipe import Recipe, decide
from regtrain_registry.semver import Bump

NOT_LEARNED = frozenset(
    {
        "checkpoint",
        "data.num_workers",
        "experiment.name",
        "experiment.seed",
        "trackers",
        "training.device",
        "training.epochs",
    }
)
CONFIG: dict[str, Any] = {
    "experiment": {"name": "digits", "seed": 42},
    "optimizer": {"name": "AdamW", "lr": 0.001, "args": {"betas": [0.9, 0.999]}},
    "training": {"epochs": 3, "batch_size": 32},
    "scheduler": None,
}
BEFORE = Recipe(
    config=CONFIG,
    data={"train": "sha256:" + "a" * 64},
    code={"model.py": "sha256:" + "c" * 64},
    signature={"input": {"shape": [None, 64], "dtype": "float32"}},
    state={"fc.weight": [[10, 64], "float32"], "fc.bias": [[10], "float32"]},
    not_learned=NOT_LEARNED,
)


def changed(**parts: Any) -> Recipe:
    return Recipe(
        **{name: parts.get(name, getattr(BEFORE, name)) for name in ("config", "data", "code", "signature", "state")},
        not_learned=NOT_LEARNED,
    )


def config(section: str, **keys: Any) -> dict[str, Any]:
    return {**CONFIG, section: {**(CONFIG.get(section) or {}), **keys}}


def test_the_first_version_needs_no_comparison() -> None:
    """Without a version before there is nothing to decide."""
    assert decide(None, BEFORE).bump is None


@pytest.mark.parametrize(
    ("after", "bump", "line"),
    [
        (BEFORE, Bump.PATCH, "same recipe"),
        (changed(config=config("experiment", seed=7)), Bump.PATCH, "experiment.seed: 42 → 7"),
        (changed(config=config("training", epochs=9)), Bump.PATCH, "training.epochs: 3 → 9"),
        (changed(config=config("checkpoint", resume_from="x")), Bump.PATCH, "checkpoint.resume_from: none → x"),
        (
            changed(config=config("trackers", mlflow={"enabled": True})),
            Bump.PATCH,
            "trackers.mlflow.enabled: none → true",
        ),
        (changed(config=config("data", data_dir="/elsewhere")), Bump.PATCH, "data.data_dir: none → /elsewhere"),
        (changed(config=config("optimizer", args={"betas": (0.9, 0.999)})), Bump.PATCH, "same recipe"),
        (changed(config=config("optimizer", lr=0.01)), Bump.MINOR, "optimizer.lr: 0.001 → 0.01"),
        (changed(config=config("scheduler", name="step")), Bump.MINOR, "scheduler.name: none → step"),
        (changed(config=config("experimental", seed=1)), Bump.MINOR, "experimental.seed: none → 1"),
        (
            changed(data={"train": "sha256:" + "b" * 64}),
            Bump.MINOR,
            "data: train: sha256:aaaaaaaaaaaa → sha256:bbbbbbbbbbbb",
        ),
        (changed(data={}), Bump.MINOR, "data: train: sha256:aaaaaaaaaaaa → none"),
        (changed(code={**BEFORE.code, "loss.py": "1"}), Bump.MINOR, "code: loss.py: none → 1"),
        (
            changed(state={**BEFORE.state, "fc.bias": [[10], "bfloat16"]}),
            Bump.MINOR,
            "state: fc.bias float32 → bfloat16",
        ),
        (changed(state={}), Bump.MINOR, "state: not known now"),
        (changed(signature={}), Bump.MINOR, "signature: not known now"),
        (
            changed(state={**BEFORE.state, "fc.weight": [[10, 128], "float32"]}),
            Bump.MAJOR,
            "state: fc.weight [10, 64] → [10, 128]",
        ),
        (changed(state={"fc.weight": [[10, 64], "float32"]}), Bump.MAJOR, "state: fc.bias [10] → none"),
        (changed(state={**BEFORE.state, "x": [[], "int64"]}), Bump.MAJOR, "state: x none → []"),
        (
            changed(signature={"input": {"shape": [None, 32], "dtype": "float32"}}),
            Bump.MAJOR,
            "signature: input.shape: [null, 64] → [null, 32]",
        ),
    ],
)
def test_each_change_moves_its_part(after: Recipe, bump: Bump, line: str) -> None:
    """The table of the decision, each with the line that people read."""
    decision = decide(BEFORE, after)
    assert decision.bump is bump
    assert line in decision.reasons


def test_the_greatest_change_decides_and_all_are_named() -> None:
    """A new shape and a new learning rate are a major version, and both are said."""
    after = changed(config=config("optimizer", lr=0.1), state={"fc.weight": [[2, 64], "float32"]})
    decision = decide(BEFORE, after)
    assert decision.bump is Bump.MAJOR
    assert "optimizer.lr: 0.001 → 0.1" in decision.reasons


def test_data_paths_count_where_the_data_are_not_known() -> None:
    """Without digests another path is other data."""
    before, after = changed(data={}), changed(data={}, config=config("data", data_dir="/elsewhere"))
    assert decide(before, after).bump is Bump.MINOR


def test_many_changes_are_counted() -> None:
    """Five lines a kind, then how many more."""
    after = changed(state={f"layer{n}": [[n], "float32"] for n in range(10)})
    reasons = decide(BEFORE, after).reasons
    assert len(reasons) == 6
    assert reasons[-1] == "state: 7 more"


LEAVES = st.one_of(st.integers(0, 2), st.sampled_from(["a", "b"]))


@given(
    st.dictionaries(st.sampled_from(sorted(NOT_LEARNED)), LEAVES),
    st.dictionaries(st.sampled_from(["optimizer.lr", "model.args.width"]), LEAVES),
)
def test_only_what_is_learned_makes_a_minor_version(unlearned: dict[str, Any], learned: dict[str, Any]) -> None:
    """Any set of unlearned keys alone is a patch; any learned key beside them is not."""
    tree: dict[str, Any] = {}
    for key, value in {**unlearned, **learned}.items():
        *sections, leaf = key.split(".")
        place = tree
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                return
        place[leaf] = value
    expected = Bump.MINOR if learned else Bump.PATCH
    assert decide(Recipe(), Recipe(config=tree, not_learned=NOT_LEARNED)).bump is expected

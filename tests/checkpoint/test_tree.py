"""State as JSON and tensors, and back."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from regtrain.checkpoint.tree import decode, encode
from regtrain.errors import CheckpointMismatchError
from support.small_runs import differences

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
keys = st.text() | st.integers() | st.sampled_from(["$tensor", "$tuple", "$float", "$pairs"])
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(keys, inner),
    max_leaves=20,
)


@given(trees)
def test_round_trip(tree: Any) -> None:
    """Any tree of plain values survives JSON: tuples stay tuples, int keys stay ints, infinity stays infinity."""
    tensors: dict[str, torch.Tensor] = {}
    text = json.dumps(encode(tree, tensors), allow_nan=False)
    assert decode(json.loads(text), tensors) == tree
    assert not differences(decode(json.loads(text), tensors), tree)


def test_tensors_and_counters() -> None:
    """Tensors keep dtype and bits under their path; a Counter stays one."""
    tree = {
        "state": {0: {"step": torch.tensor(3.0), "avg": torch.randn(2, dtype=torch.float64)}},
        "at": Counter({3: 2}),
    }
    tensors: dict[str, torch.Tensor] = {}
    back = decode(json.loads(json.dumps(encode(tree, tensors))), tensors)
    assert sorted(tensors) == ["state.0.avg", "state.0.step"]
    assert not differences(back, tree)
    assert isinstance(back["at"], Counter)


def test_nan_is_kept() -> None:
    """NaN is no JSON, and comes back all the same."""
    back = decode(json.loads(json.dumps(encode({"x": float("nan")}, {}), allow_nan=False)), {})
    assert back["x"] != back["x"]


def test_what_needs_pickle_is_refused() -> None:
    """A function in a state cannot be written; its place is named."""
    with pytest.raises(CheckpointMismatchError, match=r"'scheduler.fn' holds a function"):
        encode({"scheduler": {"fn": lambda x: x}}, {})


def test_keys_with_dots_do_not_meet() -> None:
    """Two tensors whose paths read the same are both kept."""
    tree = {"a.b": torch.tensor(1.0), "a": {"b": torch.tensor(2.0)}}
    tensors: dict[str, torch.Tensor] = {}
    encoded = encode(tree, tensors)
    back = decode(encoded, tensors)
    assert (back["a.b"], back["a"]["b"]) == (torch.tensor(1.0), torch.tensor(2.0))

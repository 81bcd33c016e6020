"""What a run finds out about its machine and its code."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regtrain.hardware import Gpu, detect, visible
from regtrain.run_dir import finite

GPUS = tuple(Gpu(f"card {n}", 1000, 8.0) for n in range(4))


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (None, [0, 1, 2, 3]),
        ("", []),
        ("-1", []),
        ("0", [0]),
        ("2", [2]),
        ("3,1", [3, 1]),
        (" 1 , 2 ", [1, 2]),
        ("1,-1,2", [1]),
        ("1,9,2", [1]),
        ("none", []),
        ("GPU-8d2f,GPU-11aa", [0, 1]),
    ],
)
def test_visible_gpus(wanted: str | None, left: list[int]) -> None:
    """CUDA_VISIBLE_DEVICES leaves what CUDA would: in its order, up to the first that there is not."""
    assert visible(GPUS, wanted) == tuple(GPUS[n] for n in left)


@given(wanted=st.text(alphabet="0123456789,- GPUMI", max_size=12))
def test_visible_gpus_are_some_of_them(wanted: str) -> None:
    """Whatever the variable holds, what is left are GPUs of the machine."""
    assert set(visible(GPUS, wanted)) <= set(GPUS)


def test_this_machine() -> None:
    """The machine is found out once, with a processor at least."""
    assert detect().cpus >= 1
    assert detect() is detect()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(value=VALUES)
def test_finite_values(value: object) -> None:
    """Only numbers that JSON does not have become null; everything else stays as it is, and twice is once."""
    assert finite(finite(value)) == finite(value)

    def same(before: object, after: object) -> bool:
        if isinstance(before, dict):
            return isinstance(after, dict) and all(same(v, after[k]) for k, v in before.items())
        if isinstance(before, list):
            return isinstance(after, list) and all(map(same, before, after))
        if isinstance(before, float) and not math.isfinite(before):
            return after is None
        return before == after

    assert same(value, finite(value))

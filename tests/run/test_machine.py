"""What a run finds out about its machine and its code."""

from __future__ import annotations

import math
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regtrain.hardware import Gpu, detect, visible
from regtrain.run.code import code_state
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


def test_code_outside_of_git(tmp_path: Path) -> None:
    """Outside of a repository nothing is claimed about the code."""
    assert code_state(tmp_path) == {"git_commit": None, "dirty": None, "diff": None}


def repository(folder: Path) -> Path:
    """A repository with one committed file; the file."""
    settings = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    file = folder / "model.py"
    file.write_text("width = 4\n")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "."], cwd=folder, check=True)
    subprocess.run(["git", *settings, "commit", "-qm", "First"], cwd=folder, check=True)
    return file


def test_a_change_is_a_diff_without_passwords(tmp_path: Path) -> None:
    """As git reads it; a password inside a URL is hidden; nothing is left locked."""
    file = repository(tmp_path)
    assert code_state(tmp_path)["dirty"] is False
    file.write_text('width = 4\nurl = "https://ada:CANARY@example.org/x"\n')
    state = code_state(tmp_path)
    assert state["dirty"] is True
    assert '+url = "https://ada:***@example.org/x"' in state["diff"]
    assert not (tmp_path / ".git/index.lock").exists()


def test_a_very_large_change_is_left_out_and_named(tmp_path: Path) -> None:
    """A diff of exactly the limit is kept; one byte more, and it is said that it is left out."""
    file = repository(tmp_path)
    file.write_text("width = 8\n" * 100)
    whole = code_state(tmp_path)["diff"]
    assert code_state(tmp_path, len(whole))["diff"] == whole
    state = code_state(tmp_path, len(whole) - 1)
    assert (state["dirty"], state["diff"]) == (True, None)
    assert state["diff_left_out"] == f"more than {len(whole) - 1:,} bytes"


def test_code_in_a_repository_without_a_commit(tmp_path: Path) -> None:
    """A repository without a commit has none to name."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert code_state(tmp_path)["git_commit"] is None


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

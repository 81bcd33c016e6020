"""Which checkpoints stay: against a slow twin over random runs."""

from __future__ import annotations

import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from regtrain.checkpoint.keep import CheckpointInfo, KeepPolicy, best_of, keep, list_checkpoints

values = st.none() | st.just(math.nan) | st.sampled_from([0.0, 0.5, 1.0, 2.0])
runs = st.lists(st.tuples(values, st.booleans()), max_size=12)
policies = st.builds(
    KeepPolicy,
    monitor=st.just("m"),
    mode=st.sampled_from(["min", "max"]),
    save_best=st.booleans(),
    save_last=st.booleans(),
    every_n_epochs=st.none() | st.integers(1, 4),
    every_n_steps=st.none() | st.integers(1, 4),
    keep_top_k=st.integers(0, 4),
)


def infos(run: list[tuple[float | None, bool]]) -> list[CheckpointInfo]:
    return [
        CheckpointInfo(Path(f"step-{step:08d}"), step, step // 2, end, {} if value is None else {"m": value}, {}, 0)
        for step, (value, end) in enumerate(run, 1)
    ]


@given(runs, policies)
def test_against_the_slow_twin(run: list[tuple[float | None, bool]], policy: KeepPolicy) -> None:
    """Each checkpoint by itself: is it the newest, among the best, or on the grid?"""
    all_of_them = infos(run)
    kept = keep(all_of_them, policy)
    for info in all_of_them:
        value = info.metrics.get("m", math.nan)
        better = [
            other
            for other in all_of_them
            if not math.isnan(other.metrics.get("m", math.nan))
            and (
                (other.metrics["m"] < value if policy.mode == "min" else other.metrics["m"] > value)
                or (other.metrics["m"] == value and other.step < info.step)
            )
        ]
        among_best = not math.isnan(value) and len(better) < max(policy.keep_top_k, int(policy.save_best))
        newest = info.step == len(all_of_them)
        on_epochs = bool(policy.every_n_epochs) and info.epoch_end and info.epoch % (policy.every_n_epochs or 1) == 0
        on_steps = bool(policy.every_n_steps) and info.step % (policy.every_n_steps or 1) == 0
        assert (info.path in kept) == (among_best or newest or on_epochs or on_steps)


@given(runs, policies)
def test_never_to_zero(run: list[tuple[float | None, bool]], policy: KeepPolicy) -> None:
    """Whatever the policy, the newest checkpoint of a run stays."""
    all_of_them = infos(run)
    assert not all_of_them or all_of_them[-1].path in keep(all_of_them, policy)


@given(runs, policies)
def test_the_newest_of_a_run_that_has_ended(run: list[tuple[float | None, bool]], policy: KeepPolicy) -> None:
    """It stays where it is wanted, on the grid or among the best, or the only one; all others stay as before."""
    all_of_them = infos(run)
    before, after = keep(all_of_them, policy), keep(all_of_them, policy, ended=True)
    newest = {info.path for info in all_of_them[-1:]}
    assert before - newest == after - newest
    assert bool(after) == bool(all_of_them)
    assert not policy.save_last or after == before


def test_nan_is_never_best() -> None:
    """A diverged run keeps its best from before."""
    found = best_of(infos([(1.0, True), (math.nan, True)]), "m", "max")
    assert found
    assert found.step == 1


def test_folders_without_a_manifest_are_no_checkpoints(tmp_path: Path) -> None:
    """What a killed save left behind is not listed."""
    (tmp_path / "step-00000001").mkdir()
    (tmp_path / "step-00000002").mkdir()
    (tmp_path / "step-00000002/manifest.json").write_text("{")
    assert list_checkpoints(tmp_path) == []

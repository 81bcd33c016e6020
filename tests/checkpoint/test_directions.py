"""The direction of a metric is known, declared or asked for; it is never guessed."""

from __future__ import annotations

import pytest

from regtrain.checkpoint.directions import direction_of, mode_of
from regtrain.errors import ConfigValueError
from regtrain_registry import metric_directions

KNOWN = {
    "val/loss": "min", "val/rmse": "min", "val/accuracy": "max", "val/f1": "max", "train/loss": "min", "nll": "min",
    "val/wer": "min", "val/cer": "min", "ece": "min", "fid": "min", "kl": "min", "bpd": "min", "ppl": "min",
    "brier": "min", "regret": "min", "eer": "min", "distance": "min", "val_perplexity": "min", "val/meanAbsoluteError": "min",
    "val/f1_macro": "max", "acc@5": "max", "top5": "max", "mAP50": "max", "val/miou": "max", "AUROC": "max", "r2": "max",
}  # fmt: skip
UNKNOWN = (
    "lossless_ratio",
    "mae_improvement",
    "val/score",
    "quality",
    "loss_accuracy",
    "val/",
    "",
    "accurate",
    "rank_loss",
)


def test_directions() -> None:
    """Whole words decide; a name that does not say, or says both, is unknown."""
    wrong = {name: direction_of(name) for name, mode in KNOWN.items() if direction_of(name) != mode}
    wrong |= {name: direction_of(name) for name in UNKNOWN if direction_of(name) is not None}
    assert wrong == {}


def test_core_and_registry_know_the_same() -> None:
    """Neither imports the other, and both decide alike."""
    import regtrain.checkpoint.directions as core

    for name in ("_MIN", "_MAX", "_TURNED"):
        assert getattr(core, name) == getattr(metric_directions, name)
    names = [*KNOWN, *UNKNOWN]
    assert [direction_of(name) for name in names] == [metric_directions.direction_of(name) for name in names]
    assert not core._MIN & core._MAX


def test_what_is_declared_comes_first() -> None:
    """An evaluator knows its own metrics, by bare name."""
    assert mode_of("val/score", "checkpoint.mode", {"score": "max"}) == "max"
    assert mode_of("val/accuracy", "checkpoint.mode", {"accuracy": "min"}) == "min"
    with pytest.raises(ConfigValueError, match=r"checkpoint\.mode is missing.*'val/score'"):
        mode_of("val/score", "checkpoint.mode")

"""The direction of a metric is known, declared or asked for; it is never guessed."""

from __future__ import annotations

import pytest

from regtrain.checkpoint.directions import direction_of, mode_of
from regtrain.errors import ConfigValueError
from regtrain_registry.domain import metric_directions

KNOWN = {
    "val/loss": "min", "val/rmse": "min", "val/accuracy": "max", "val/f1": "max", "train/loss": "min", "nll": "min",
    "val/wer": "min", "val/cer": "min", "ece": "min", "fid": "min", "kl": "min", "bpd": "min", "ppl": "min",
    "brier": "min", "regret": "min", "eer": "min", "distance": "min", "val_perplexity": "min", "val/meanAbsoluteError": "min",
    "val/f1_macro": "max", "acc@5": "max", "top5": "max", "mAP50": "max", "val/miou": "max", "AUROC": "max", "r2": "max",
    "per": "min", "val/loss_per_token": "min", "negative_log_likelihood": "min", "log_likelihood": "max",
    "val/dice_loss": "min", "top_5_error": "min", "top_5": "max", "accuracy_top1": "max", "val/word_error_rate": "min",
    "mean_average_precision": "max", "map_50_95": "max", "explained_variance": "max", "false_positive_rate": "min",
    "fpr95": "min", "hit_rate": "max", "hits@10": "max", "cross_entropy": "min", "bits_per_dim": "min", "ap_small": "max",
    "accuracy_per_class": "max", "val_ce": "min", "roc_auc": "max", "edit_distance": "min", "decoder_loss": "min",
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
    # the reverse of what a word of theirs says, or something else altogether
    "neg_mean_squared_error",
    "1-accuracy",
    "negative_loss",
    "frames_per_second",
    "reward_per_episode",
    "accuracy_gap",
    "loss_std",
    "kl_weight",
    "distance_correlation",
    "error_free_rate",
    "no_error",
    "entropy",
    "coverage",
    "sam_score_of_masks",
    "loss_count",
)


def test_directions() -> None:
    """Whole words decide; a name that does not say, or says both, is unknown."""
    wrong = {name: direction_of(name) for name, mode in KNOWN.items() if direction_of(name) != mode}
    wrong |= {name: direction_of(name) for name in UNKNOWN if direction_of(name) is not None}
    assert wrong == {}


def test_core_and_registry_know_the_same() -> None:
    """Neither imports the other, and both decide alike."""
    import regtrain.checkpoint.directions as core

    for name in ("_MIN", "_MAX", "_TURNED", "_PHRASES", "_NEUTRAL", "_ALONE", "_DECISIVE"):
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

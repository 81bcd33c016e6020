"""Whether less or more of a metric is better: known names only. A direction that is not known is never guessed."""

from __future__ import annotations

import re
from typing import Literal

__all__ = ["direction_of"]

Direction = Literal["min", "max"]

_MIN = frozenset({
    "loss", "losses", "nll", "ce", "bce", "cer", "wer", "per", "mer", "error", "err", "errors", "mse", "rmse",
    "mae", "mape", "smape", "medae", "msle", "rmsle", "logloss", "crossentropy", "perplexity",
    "ppl", "bpd", "bpc", "bpb", "kl", "kld", "divergence", "fid", "kid", "lpips", "ece", "mce", "ace",
    "brier", "regret", "eer", "distance", "dist", "emd", "wasserstein", "hausdorff", "chamfer", "hinge",
    "nrmse", "sam", "deviance", "misclassification", "fpr", "fnr", "fdr", "latency",
})  # fmt: skip
_MAX = frozenset({
    "accuracy", "acc", "top", "f1", "fbeta", "f2", "precision", "recall", "sensitivity", "specificity", "tpr",
    "tnr", "ppv", "npv", "auc", "auroc", "roc", "auprc", "aupr", "ap", "map", "mar", "iou", "miou", "giou",
    "jaccard", "dice", "r2", "bleu", "rouge", "meteor", "chrf", "cider", "spice", "psnr", "ssim", "ndcg",
    "mrr", "hit", "hits", "hitrate", "kappa", "mcc", "similarity", "pearson", "spearman", "kendall",
    "likelihood", "inception",
})  # fmt: skip
# Several words that mean one of the above, or the reverse of one of their words.
_PHRASES = {
    "negative_log_likelihood": "nll", "neg_log_likelihood": "nll", "cross_entropy": "crossentropy",
    "explained_variance": "r2", "bits_per_dim": "bpd", "bits_per_byte": "bpb", "bits_per_char": "bpc",
    "bits_per_character": "bpc", "false_positive_rate": "fpr", "false_negative_rate": "fnr",
    "true_positive_rate": "tpr", "true_negative_rate": "tnr", "false_discovery_rate": "fdr",
}  # fmt: skip
# A difference, share, rank or reverse of something is not that something: `mae_improvement`, `neg_mse`.
_TURNED = frozenset({
    "improvement", "gain", "reduction", "ratio", "delta", "diff", "difference", "rank", "change", "drop",
    "increase", "decrease", "negative", "neg", "minus", "inverse", "inverted", "inv", "reverse", "reversed",
    "non", "no", "not", "without",
})  # fmt: skip
# Words that say over what something was averaged or measured, and leave its direction as it is.
_NEUTRAL = frozenset({
    "train", "val", "valid", "validation", "test", "eval", "dev", "mean", "avg", "average", "averaged", "macro",
    "micro", "weighted", "samples", "sum", "total", "median", "score", "rate", "value", "at", "k", "pr", "small",
    "medium", "large", "epoch", "step", "ema", "smoothed", "percent", "pct",
})  # fmt: skip
# Short words that mean something else in longer names: `frames_per_second`, `sam_iou`.
_ALONE = frozenset({"per", "sam", "ace", "mer", "mar", "ce", "dist"})
_DECISIVE = frozenset({"loss", "losses", "error", "err", "errors"})  # `dice_loss`, `top_5_error`


def direction_of(metric: str) -> Direction | None:
    """`min`, `max`, or None where the name does not say; by whole words of the part behind the last `/`.

    The last word is what is measured, and must be known: `accuracy_gap` and `loss_std` say nothing.
    """
    words = _words(metric.rsplit("/", 1)[-1])
    if not words or words[-1] not in _MIN | _MAX or not _TURNED.isdisjoint(words):
        return None
    if len(words) > 1 and words[-1] in _ALONE:
        return None
    if words[-1] in _DECISIVE:
        return "min"
    less, more = not _MIN.isdisjoint(words), not _MAX.isdisjoint(words)
    if less == more:
        return None
    return "min" if less else "max"


def _words(name: str) -> list[str]:
    """The words that say something, without numbers; of `x_per_y` those of x."""
    parts = re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    whole = "_".join(part for part in parts if part)
    for phrase, word in _PHRASES.items():
        whole = re.sub(rf"(?<![^_]){phrase}(?![^_])", word, whole)
    words = whole.split("_")
    if len(words) > 1 and words[0] == "1":  # 1 - accuracy
        return []
    words = words[: words.index("per", 1)] if "per" in words[1:] else words
    words = [word if word in _MIN | _MAX else word.rstrip("0123456789") for word in words]
    words = [word for word in words if word and word not in _NEUTRAL]
    known = [word for word in words if word != "top"]
    return known if not _MIN.union(_MAX).isdisjoint(known) else words

"""Whether less or more of a metric is better: known names only. A direction that is not known is never guessed.

The registry has the same table; neither imports the other, and a test holds them equal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from regtrain.errors import ConfigValueError, nearest

__all__ = ["direction_of", "mode_of"]

Direction = Literal["min", "max"]

_MIN = frozenset({
    "loss", "losses", "nll", "ce", "bce", "cer", "wer", "per", "mer", "error", "err", "errors", "mse", "rmse",
    "mae", "mape", "smape", "medae", "msle", "rmsle", "logloss", "crossentropy", "entropy", "perplexity",
    "ppl", "bpd", "bpc", "bpb", "kl", "kld", "divergence", "fid", "kid", "lpips", "ece", "mce", "ace",
    "brier", "regret", "eer", "distance", "dist", "emd", "wasserstein", "hausdorff", "chamfer", "hinge",
    "nrmse", "sam", "deviance", "misclassification", "fpr", "fnr", "fdr", "latency",
})  # fmt: skip
_MAX = frozenset({
    "accuracy", "acc", "top", "f1", "fbeta", "f2", "precision", "recall", "sensitivity", "specificity", "tpr",
    "tnr", "ppv", "npv", "auc", "auroc", "roc", "auprc", "aupr", "ap", "map", "mar", "iou", "miou", "giou",
    "jaccard", "dice", "r2", "bleu", "rouge", "meteor", "chrf", "cider", "spice", "psnr", "ssim", "ndcg",
    "mrr", "hit", "hits", "hitrate", "kappa", "mcc", "similarity", "pearson", "spearman", "kendall",
    "likelihood", "coverage", "inception", "explained",
})  # fmt: skip
# A difference, share or rank of something is not that something: `mae_improvement`, `loss_ratio`.
_TURNED = frozenset({
    "improvement", "gain", "reduction", "ratio", "delta", "diff", "difference", "rank", "change", "drop",
    "increase", "decrease",
})  # fmt: skip


def direction_of(metric: str) -> Direction | None:
    """`min`, `max`, or None where the name does not say; by whole words of the part behind the last `/`."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", metric.rsplit("/", 1)[-1]).lower()
    words = [word for word in re.split(r"[^a-z0-9]+", name) if word]
    words += [word.rstrip("0123456789") for word in words if word not in _MIN | _MAX]
    if _TURNED.intersection(words):
        return None
    less, more = not _MIN.isdisjoint(words), not _MAX.isdisjoint(words)
    if less == more:
        return None
    return "min" if less else "max"


def mode_of(metric: str, option: str, declared: Mapping[str, Direction] | None = None) -> Direction:
    """Whether less or more of a metric is better.

    Args:
        option: what says so where the name does not, e.g. `checkpoint.mode`.
        declared: bare name → direction, as an evaluator declares them.

    Raises:
        ConfigValueError: nobody knows.
    """
    name = metric.rsplit("/", 1)[-1]
    found = (declared or {}).get(name) or direction_of(metric)
    if found is None:
        near = nearest(name, declared or ())
        raise ConfigValueError(
            f"{option} is missing: whether less or more of {metric!r} is better is not known",
            f"say {option}: min or max" + (f", or mean {', '.join(near)}" if near else ""),
        )
    return found

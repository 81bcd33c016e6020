"""Whether weights have diverged."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch

__all__ = ["not_finite"]


def not_finite(tensors: Mapping[str, torch.Tensor], trained: Collection[str] | None = None) -> list[str]:
    """Names of tensors that hold NaN or, where they are trained, an infinity.

    A tensor that is not trained may hold infinities by intention, as the mask of attention does.

    Args:
        trained: names of the tensors that are trained; all of them when left out.
    """
    return [name for name, tensor in tensors.items() if not _is_sound(tensor, trained is None or name in trained)]


def _is_sound(tensor: torch.Tensor, trained: bool) -> bool:
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return True
    wide = tensor.float() if tensor.element_size() == 1 else tensor  # 8-bit formats cannot be asked themselves
    return bool(torch.isfinite(wide).all()) or (not trained and not bool(torch.isnan(wide).any()))

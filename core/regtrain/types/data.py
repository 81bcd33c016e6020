"""What a dataset factory returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch
    from torch.utils.data import Dataset

__all__ = ["Indexed", "Splits"]


class Indexed(NamedTuple):
    """A batch with the indices of its samples in their split, for a task with the trait `indices`."""

    batch: Any
    indices: torch.Tensor


@dataclass(frozen=True)
class Splits:
    """What a dataset factory returns.

    `train` and `val` are map-style datasets (with `__len__`) whose samples are `(inputs, target)` or a mapping.
    `collate` overrides torch's default collation. `fingerprint` maps a split to a content digest where the
    factory knows one, and may name single files besides; regtrain computes digests where it is empty.
    `features`: names of the columns of a table, in the order of the inputs; they are part of the signature.
    """

    train: Dataset[Any]
    val: Dataset[Any] | None = None
    collate: Callable[[list[Any]], Any] | None = None
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    features: Sequence[str] = ()

"""1,797 images of handwritten digits, 8×8, that scikit-learn carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regtrain.hookspecs import hookimpl
from regtrain.types import Splits

if TYPE_CHECKING:
    from regtrain.types import Register


def digits(val_fraction: float = 0.2, split_seed: int = 0) -> Splits:
    """Images `(1, 8, 8)` in 0..1 and class indices; the validation images are drawn by `split_seed`."""
    import torch
    from sklearn.datasets import load_digits
    from torch.utils.data import TensorDataset

    loaded = load_digits()
    images = torch.from_numpy(loaded.images).float().div(16).unsqueeze(1)
    targets = torch.from_numpy(loaded.target).long()
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(split_seed))
    held_out = round(len(targets) * val_fraction)
    val, train = order[:held_out], order[held_out:]
    return Splits(TensorDataset(images[train], targets[train]), TensorDataset(images[val], targets[val]))


@hookimpl
def regtrain_register_datasets(register: Register) -> None:
    register("digits", digits)

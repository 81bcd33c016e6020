"""The data: a function that returns (train, val). Any map-style Dataset will do; samples may be mappings."""

import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor
from torch.utils.data import Dataset


class Tumours(Dataset):
    """Samples of 30 measurements each, and 0 (malignant) or 1 (benign)."""

    def __init__(self, inputs: Tensor, targets: Tensor) -> None:
        self.inputs = inputs
        self.targets = targets

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"inputs": self.inputs[index], "target": self.targets[index]}


def build(val_fraction: float = 0.2, split_seed: int = 0) -> tuple[Tumours, Tumours]:
    """The Wisconsin breast cancer data of scikit-learn, 569 samples, scaled with the training part's own statistics."""
    loaded = load_breast_cancer()
    inputs = torch.from_numpy(loaded.data).float()
    targets = torch.from_numpy(loaded.target).long()
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(split_seed))
    held_out = round(len(targets) * val_fraction)
    val, train = order[:held_out], order[held_out:]
    mean, spread = inputs[train].mean(dim=0), inputs[train].std(dim=0)
    inputs = (inputs - mean) / spread
    return Tumours(inputs[train], targets[train]), Tumours(inputs[val], targets[val])

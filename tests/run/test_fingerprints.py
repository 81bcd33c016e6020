"""Digests of data: what decides whether a run had the same."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import Dataset, Subset, TensorDataset, random_split

from regtrain.job.data import fingerprints
from regtrain.types import Splits


def of(dataset: Dataset[Any]) -> str:
    return fingerprints(Splits(dataset))["train"]


def rows(value: float = 0.0) -> TensorDataset:
    return TensorDataset(torch.full((10, 2), value), torch.zeros(10).long())


def parts(dataset: Dataset[Any], seed: int) -> list[Subset[Any]]:
    return random_split(dataset, [6, 4], torch.Generator().manual_seed(seed))


def test_a_part_of_tensors_is_known_by_content_and_choice() -> None:
    """random_split of other numbers, or with another seed, is other data; the same once more is the same."""
    found = of(parts(rows(), 1)[0])
    assert found.startswith("sha256:")
    assert found == of(parts(rows(), 1)[0])
    assert found != of(parts(rows(1.0), 1)[0])
    assert found != of(parts(rows(), 2)[0])
    assert found != of(parts(rows(), 1)[1])


class Lines(Dataset[int]):
    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> int:
        raise AssertionError("a fingerprint reads no sample")


def test_a_dataset_of_ones_own_is_known_by_code_and_length() -> None:
    """No sample is read for it, which could take hours; and it says that it is no content."""
    assert of(Lines()).startswith("code+length:")
    assert of(parts(Lines(), 1)[0]).startswith("code+length:")
    assert of(parts(Lines(), 1)[0]) != of(parts(Lines(), 2)[0])

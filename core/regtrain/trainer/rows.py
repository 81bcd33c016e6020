"""Samples of a dataset, fetched a batch at a time, here or in loading processes."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, TensorDataset, default_collate

from regtrain.types import Indexed

__all__ = ["Indices", "Keyed", "LoadedRows", "Rows", "SampleRows", "TensorRows", "ignore_signals", "rows_of"]

Indices = Sequence[int] | torch.Tensor
Keyed = tuple[int, Indices]


class TensorRows:
    """A TensorDataset read a batch at a time: one `index_select` per tensor instead of one sample at a time."""

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors[0])

    def fetch(self, indices: Indices) -> Any:
        chosen = torch.as_tensor(indices)
        return [tensor.index_select(0, chosen) for tensor in self.tensors]


class SampleRows:
    """Any map-style dataset with its collation."""

    def __init__(self, dataset: Dataset[Any], collate: Callable[[list[Any]], Any]) -> None:
        self.dataset = dataset
        self.collate = collate
        self.batched = getattr(dataset, "__getitems__", None)

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def fetch(self, indices: Indices) -> Any:
        chosen = indices.tolist() if isinstance(indices, torch.Tensor) else list(indices)
        return self.collate(self.batched(chosen) if self.batched else [self.dataset[i] for i in chosen])


class _IndexedRows:
    """Batches together with the indices of their samples."""

    def __init__(self, rows: TensorRows | SampleRows) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def fetch(self, indices: Indices) -> Indexed:
        return Indexed(self.rows.fetch(indices), torch.as_tensor(indices))


Rows = TensorRows | SampleRows | _IndexedRows


def rows_of(dataset: Dataset[Any], collate: Callable[[list[Any]], Any] | None, indexed: bool) -> Rows:
    """The fastest way to fetch batches of a dataset."""
    rows: TensorRows | SampleRows
    if type(dataset) is TensorDataset and collate is None:
        rows = TensorRows(dataset.tensors)
    else:
        rows = SampleRows(dataset, collate or default_collate)
    return _IndexedRows(rows) if indexed else rows


class LoadedRows(Dataset[Any]):
    """What loading processes run. Each batch seeds its own randomness, so that it does not matter which process
    loads it nor what it loaded before."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitems__(self, keyed: Keyed) -> Any:
        seed, indices = keyed
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        return self.rows.fetch(indices)


def ignore_signals(worker: int) -> None:
    """Ctrl-C reaches every process of a terminal: the training process decides, loading processes stay."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)

"""Batches in an order that follows from seed and epoch alone, from any batch on.

The order is not drawn from the global generator and not from the loader's state: a run that goes on in the middle of
an epoch skips what was seen without loading it, and sees the rest in the order of the uninterrupted run.
"""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset, default_collate

__all__ = ["Batches", "TensorRows"]

Indices = Sequence[int] | torch.Tensor
Keyed = tuple[int, Indices]


class TensorRows:
    """A TensorDataset read a batch at a time: one `index_select` per tensor instead of one sample at a time."""

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors[0])

    def fetch(self, indices: Indices) -> list[torch.Tensor]:
        chosen = torch.as_tensor(indices)
        return [tensor.index_select(0, chosen) for tensor in self.tensors]


class _Samples:
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


class _InWorker(Dataset[Any]):
    """What loading processes run. Each batch seeds its own randomness, so that it does not matter which process
    loads it nor what it loaded before."""

    def __init__(self, rows: TensorRows | _Samples) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitems__(self, keyed: Keyed) -> Any:
        seed, indices = keyed
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        return self.rows.fetch(indices)


class _Order:
    """The batch sampler of one epoch; `at` moves it."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches
        self.epoch = 0
        self.start = 0

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Keyed]:
        first = self.start
        for number, indices in enumerate(self.batches.indices(self.epoch, first), first):
            yield _mixed(self.batches.seed, self.epoch, number), indices


class Batches:
    """One epoch of batches at a time.

    With no workers, samples are fetched here and may draw from the global generators (whose state a checkpoint
    holds). With workers, each batch is seeded by `(seed, epoch, batch)`.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        batch_size: int,
        *,
        seed: int,
        shuffle: bool,
        drop_last: bool = False,
        collate: Callable[[list[Any]], Any] | None = None,
        workers: int = 0,
        pin_memory: bool = False,
        persistent_workers: bool = False,
        prefetch_factor: int | None = None,
        limit: int | None = None,
    ) -> None:
        plain = type(dataset) is TensorDataset and collate is None
        self._rows: TensorRows | _Samples = (
            TensorRows(dataset.tensors) if plain else _Samples(dataset, collate or default_collate)  # type: ignore[attr-defined]
        )
        self.samples = len(self._rows)
        self.batch_size = batch_size
        self.seed = seed
        self._shuffle = shuffle
        whole, rest = divmod(self.samples, batch_size)
        self._count = whole + (1 if rest and not drop_last else 0)
        if limit is not None:
            self._count = min(self._count, limit)
        self._pin = pin_memory
        self._loader: DataLoader[Any] | None = None
        if workers:
            self._order = _Order(self)
            self._loader = DataLoader(
                _InWorker(self._rows),
                batch_sampler=self._order,  # type: ignore[arg-type]
                collate_fn=_as_it_is,
                num_workers=workers,
                pin_memory=pin_memory,
                persistent_workers=persistent_workers,
                prefetch_factor=prefetch_factor,
                worker_init_fn=_worker_started,
                generator=torch.Generator().manual_seed(seed),  # else each epoch draws from the global one
                multiprocessing_context="fork" if sys.platform == "linux" else None,
            )

    def __len__(self) -> int:
        return self._count

    @property
    def order(self) -> dict[str, int]:
        """What the order of an epoch follows from; a half-seen epoch can only go on with the same."""
        return {"samples": self.samples, "batch_size": self.batch_size, "batches": len(self), "seed": self.seed}

    def size_of(self, number: int) -> int:
        """Samples in the batch of that number."""
        return min(self.batch_size, self.samples - number * self.batch_size)

    def indices(self, epoch: int, start: int = 0) -> Iterator[Indices]:
        """Sample indices of each batch of an epoch, from batch `start` on."""
        if self._shuffle:
            generator = torch.Generator().manual_seed(_mixed(self.seed, epoch))
            order = torch.randperm(self.samples, generator=generator)
        else:
            order = torch.arange(self.samples)
        for number in range(start, self._count):
            yield order[number * self.batch_size : (number + 1) * self.batch_size]

    def first(self) -> Any:
        """The first batch of the first epoch, fetched in this process."""
        return self._rows.fetch(next(self.indices(0)))

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """Batches of an epoch, from batch `start` on."""
        if self._loader is not None:
            self._order.epoch, self._order.start = epoch, start
            return iter(self._loader)
        fetched = (self._rows.fetch(indices) for indices in self.indices(epoch, start))
        return (_pinned(batch) for batch in fetched) if self._pin else fetched

    def close(self) -> None:
        """End the loading processes; without this they stay until the garbage collector comes by."""
        self._loader = None


def _mixed(*numbers: int) -> int:
    """One seed from several numbers, the same on every machine and Python."""
    seed = 0
    for number in numbers:
        seed = (seed * 6364136223846793005 + number + 1442695040888963407) % 2**63
    return seed


def _as_it_is(batch: Any) -> Any:
    return batch


def _pinned(batch: Any) -> Any:
    from torch.utils.data._utils.pin_memory import pin_memory

    return pin_memory(batch)  # type: ignore[no-untyped-call]


def _worker_started(worker: int) -> None:
    """Ctrl-C reaches every process of a terminal: the training process decides, loading processes stay."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)

"""Batches in an order that follows from seed and epoch alone, from any batch on, shared out among processes.

The order is not drawn from the global generator and not from the loader's state: a run that is resumed in the middle of
an epoch skips what was seen without loading it, and sees the rest in the order of the uninterrupted run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from regtrain.trainer.randomness import mixed
from regtrain.trainer.rows import Indices, Keyed, LoadedRows, TensorRows, ignore_signals, rows_of
from regtrain.types import Place

__all__ = ["Batches", "TensorRows"]


ALONE = Place()


class _Order:
    """The batch sampler of one epoch."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches
        self.epoch = 0
        self.start = 0

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Keyed]:
        for number, indices in self.batches.own(self.epoch, self.start):
            yield mixed(self.batches.seed, self.epoch, number), indices


class Batches:
    """One epoch of batches at a time.

    Batches are numbered in one order for all processes; batch `n` belongs to rank `n % world_size`. Where the number of
    batches is no multiple of the number of processes, `even` gives the ranks that are left over the last batch once
    more, so that each makes the same number of passes; it weighs nothing then.

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
        place: Place = ALONE,
        even: bool = True,
        indexed: bool = False,
    ) -> None:
        self.dataset = dataset
        self.collate = collate
        self._rows = rows_of(dataset, collate, indexed)
        self.samples = len(self._rows)
        self.batch_size = batch_size
        self.seed = seed
        self.place = place
        self._even = even
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
                LoadedRows(self._rows),
                batch_sampler=self._order,  # type: ignore[arg-type]
                collate_fn=_as_it_is,
                num_workers=workers,
                pin_memory=pin_memory,
                persistent_workers=persistent_workers,
                prefetch_factor=prefetch_factor,
                worker_init_fn=ignore_signals,
                generator=torch.Generator().manual_seed(seed),  # else each epoch draws from the global one
                multiprocessing_context="fork" if sys.platform == "linux" else None,
            )

    def __len__(self) -> int:
        """Batches of an epoch in all processes together."""
        return self._count

    @property
    def tensors(self) -> Sequence[torch.Tensor]:
        """All samples, where the dataset is nothing but tensors in memory; else none."""
        return self._rows.tensors if isinstance(self._rows, TensorRows) else ()

    @property
    def order(self) -> dict[str, int]:
        """What the order of an epoch follows from; a half-seen epoch can only be resumed with the same."""
        return {"samples": self.samples, "batch_size": self.batch_size, "batches": len(self), "seed": self.seed}

    def size_of(self, number: int) -> int:
        """Samples in the batch of that number; 0 beyond the last one."""
        return min(self.batch_size, self.samples - number * self.batch_size) if number < self._count else 0

    def indices(self, epoch: int, start: int = 0) -> Iterator[Indices]:
        """Sample indices of each batch of an epoch in all processes, from batch `start` on."""
        order = self._drawn(epoch)
        for number in range(start, self._count):
            yield self._cut(order, number)

    def own(self, epoch: int, start: int = 0) -> Iterator[tuple[int, Indices]]:
        """Number and sample indices of each batch of this process."""
        order, step = self._drawn(epoch), self.place.world_size
        stop = -(-self._count // step) * step if self._even else self._count
        for number in range(start + self.place.rank, stop, step):
            yield number, self._cut(order, min(number, self._count - 1))

    def _drawn(self, epoch: int) -> torch.Tensor:
        if not self._shuffle:
            return torch.arange(self.samples)
        return torch.randperm(self.samples, generator=torch.Generator().manual_seed(mixed(self.seed, epoch)))

    def _cut(self, order: torch.Tensor, number: int) -> torch.Tensor:
        return order[number * self.batch_size : (number + 1) * self.batch_size]

    def fetch(self, number: int = 0) -> Any:
        """A batch of the first epoch, fetched in this process; negative numbers count from the end."""
        number %= self._count
        return self._rows.fetch(self._cut(self._drawn(0), number))

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """Batches of this process in an epoch, from batch `start` of all on."""
        if self._loader is not None:
            self._order.epoch, self._order.start = epoch, start
            return iter(self._loader)
        fetched = (self._rows.fetch(indices) for _, indices in self.own(epoch, start))
        return (_pinned(batch) for batch in fetched) if self._pin else fetched

    def close(self) -> None:
        """End the loading processes; without this they stay until the garbage collector comes by."""
        self._loader = None


def _as_it_is(batch: Any) -> Any:
    return batch


def _pinned(batch: Any) -> Any:
    from torch.utils.data._utils.pin_memory import pin_memory

    return pin_memory(batch)  # type: ignore[no-untyped-call]

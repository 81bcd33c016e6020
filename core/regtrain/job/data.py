"""The data of a run: built, looked at, and fingerprinted before anything is trained."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset, Subset, TensorDataset

from regtrain.errors import DataError
from regtrain.types import Splits

__all__ = ["as_splits", "check_splits", "fingerprints"]


def as_splits(made: Any, origin: str) -> Splits:
    """What a dataset factory returned, as `Splits`; `(train, val)` and a bare dataset are taken too.

    Raises:
        DataError: it is none of these.
    """
    if isinstance(made, Splits):
        return made
    if isinstance(made, tuple) and len(made) == 2:
        return Splits(*made)
    if hasattr(made, "__getitem__") and hasattr(made, "__len__"):
        return Splits(made)
    raise DataError(
        f"{origin} returned a {type(made).__name__}", "return Splits(train, val), (train, val) or one map-style dataset"
    )


def check_splits(splits: Splits, origin: str) -> None:
    """Refuse data that cannot be trained on.

    Raises:
        DataError: a split has no length, no samples, numbers that are not finite, or other keys than the other split.
    """
    for name, dataset in (("train", splits.train), ("val", splits.val)):
        if dataset is None:
            continue
        if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
            raise DataError(
                f"{origin}: the {name} data are a {type(dataset).__name__} without len() and indexing",
                "give a map-style dataset; an iterable one cannot be resumed at a given batch",
            )
        if len(dataset) == 0:
            raise DataError(f"{origin}: the {name} data are empty", "check the path and the filter")
        if isinstance(dataset, TensorDataset):
            _check_finite(dataset.tensors, name, origin)
    if splits.val is not None:
        _check_alike(splits.train, splits.val, origin)


def _check_alike(train: Dataset[Any], val: Dataset[Any], origin: str) -> None:
    """Samples of both splits have the same keys and as many values, since a model takes them by these."""
    one, other = _form(train[0]), _form(val[0])
    if isinstance(train, TensorDataset) and isinstance(val, TensorDataset):  # here every sample has the same shape
        one, other = ([list(t.shape[1:]) for t in dataset.tensors] for dataset in (train, val))
    if one != other:
        raise DataError(
            f"{origin}: samples of the training data are {one}, those of the validation data {other}",
            "give both the same keys and shapes, in the same order",
        )


def _form(sample: Any) -> Any:
    """Keys, the number of values, and the dimensions of each; sizes and lengths may differ from sample to sample."""
    if isinstance(sample, Mapping):
        return {str(key): _kind(sample[key]) for key in sorted(sample, key=str)}
    return [_kind(item) for item in sample] if isinstance(sample, list | tuple) else _kind(sample)


def _kind(value: Any) -> Any:
    """A tensor or an array by its dimensions; a number has none. Anything else is left to the collate function."""
    if isinstance(value, Mapping):
        return _form(value)
    if isinstance(value, int | float):
        return "0 dimensions"
    return f"{value.ndim} dimensions" if hasattr(value, "ndim") else "no tensor"


def _check_finite(tensors: tuple[torch.Tensor, ...], split: str, origin: str) -> None:
    for number, tensor in enumerate(tensors):
        if not tensor.is_floating_point():
            continue
        bad = ~torch.isfinite(tensor).reshape(len(tensor), -1).all(dim=1)
        if bool(bad.any()):
            rows = bad.nonzero().flatten()[:3].tolist()
            raise DataError(
                f"{origin}: {int(bad.sum())} samples of the {split} data hold NaN or infinity "
                f"(tensor {number}, the first at {', '.join(map(str, rows))})",
                "clean or fill them; a single one makes every weight NaN",
            )


def fingerprints(splits: Splits) -> dict[str, str]:
    """A digest for each split: the factory's own, else of the content where it is in memory, else of what is known.
    Besides, whatever else the factory names, such as single files."""
    named: Mapping[str, Dataset[Any] | None] = {"train": splits.train, "val": splits.val}
    found = {name: splits.fingerprint.get(name) or _fingerprint(d) for name, d in named.items() if d is not None}
    return found | {name: digest for name, digest in splits.fingerprint.items() if name not in named}


def _fingerprint(dataset: Dataset[Any]) -> str:
    hasher = hashlib.sha256()
    if isinstance(dataset, Subset):  # as random_split makes them
        kind, _, digest = _fingerprint(dataset.dataset).partition(":")
        hasher.update(f"{digest} {list(map(int, dataset.indices))}".encode())
        return f"{kind}:{hasher.hexdigest()}"
    if isinstance(dataset, TensorDataset):
        for tensor in dataset.tensors:
            flat = tensor.detach().cpu().contiguous()
            hasher.update(f"{flat.dtype}{tuple(flat.shape)}".encode())
            if flat.numel():
                hasher.update(flat.reshape(-1).view(torch.uint8).numpy().data)
        return "sha256:" + hasher.hexdigest()
    # Reading every sample of an unknown dataset could take hours and draw random numbers; its code and length do not.
    made_by = type(dataset)
    hasher.update(f"{made_by.__qualname__} {len(dataset)}".encode())  # type: ignore[arg-type]
    try:
        hasher.update(Path(inspect.getfile(made_by)).read_bytes())
    except (OSError, TypeError):
        hasher.update(made_by.__module__.encode())
    return "code+length:" + hasher.hexdigest()

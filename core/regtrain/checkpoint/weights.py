"""Weights out of memory into a model, without a copy where that is possible."""

from __future__ import annotations

import hashlib
import mmap
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from blake3 import blake3
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torch.overrides import TorchFunctionMode

from regtrain.bounded import parse_json
from regtrain.checkpoint.durable import DTYPES
from regtrain.errors import CheckpointDamagedError, CheckpointMismatchError

__all__ = ["COMPILED", "fill", "misfits", "read_verified", "some", "tensors_in", "without_random_weights"]

COMPILED = "_orig_mod."  # torch.compile puts it before every name
SHOWN = 3
LENGTH = 8  # bytes that hold the length of the header
TYPES = {name: dtype for dtype, name in DTYPES.items()}
# What fills parameters with random numbers; it takes longer than reading the numbers that take their place.
RANDOM = frozenset(
    {
        *(torch.Tensor.normal_, torch.Tensor.uniform_, torch.Tensor.exponential_, torch.Tensor.log_normal_),
        *(nn.init.uniform_, nn.init.normal_, nn.init.trunc_normal_, nn.init.orthogonal_),
        *(nn.init.kaiming_uniform_, nn.init.kaiming_normal_, nn.init.xavier_uniform_, nn.init.xavier_normal_),
    }
)


def read_verified(path: Path, digest: str) -> memoryview:
    """The content of a file, read once and compared with its `blake3:` or `sha256:` digest.

    Raises:
        CheckpointDamagedError: it cannot be read, or has another digest.
    """
    try:
        with path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            # unlike a bytearray, its pages are made only when they are written to
            content, at = memoryview(mmap.mmap(-1, size) if size else b""), 0
            while at < size and (count := file.readinto(content[at:])):
                at += count
    except OSError as problem:
        raise CheckpointDamagedError(f"{path} cannot be read: {problem.strerror}", "take another checkpoint") from None
    if digest.startswith("blake3:"):
        found = "blake3:" + blake3(content, max_threads=blake3.AUTO).hexdigest()
    else:
        found = "sha256:" + hashlib.sha256(content).hexdigest()
    if found != digest:
        raise CheckpointDamagedError(
            f"{path} is damaged: digest {found}, expected {digest}", "take another checkpoint or version"
        )
    return content


def tensors_in(content: memoryview, origin: str) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file that is in memory; they share this memory.

    Raises:
        CheckpointDamagedError: the content is no safetensors file.
    """
    try:
        size = int.from_bytes(content[:LENGTH], "little")
        begin = LENGTH + size
        header: dict[str, Any] = parse_json(bytes(content[LENGTH:begin]))
        header.pop("__metadata__", None)
        return {name: _tensor(content, begin, entry) for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as problem:
        raise CheckpointDamagedError(f"the weights of {origin} are no safetensors: {problem}", "") from problem


def _tensor(content: memoryview, begin: int, entry: Mapping[str, Any]) -> torch.Tensor:
    dtype, shape, (start, end) = TYPES[entry["dtype"]], entry["shape"], entry["data_offsets"]
    if start == end:
        return torch.empty(shape, dtype=dtype)
    if (begin + start) % dtype.itemsize:  # a file of another writer need not align its tensors
        return torch.frombuffer(bytearray(content[begin + start : begin + end]), dtype=dtype).reshape(shape)
    count = (end - start) // dtype.itemsize
    return torch.frombuffer(content, dtype=dtype, count=count, offset=begin + start).reshape(shape)


class _NoRandomWeights(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        target = args[0] if args else kwargs.get("tensor")
        if func in RANDOM and isinstance(target, nn.Parameter):
            return target
        return func(*args, **kwargs)


@contextmanager
def without_random_weights() -> Iterator[None]:
    """Models that are built inside keep memory in their parameters as it is; the global generators stay as they are."""
    with torch.random.fork_rng(devices=[]), _NoRandomWeights():
        yield


def fill(model: nn.Module, weights: Mapping[str, torch.Tensor], origin: str) -> None:
    """Assign all weights of a model; tensors that share memory keep sharing it.

    Raises:
        CheckpointMismatchError: a tensor is missing, left over, or of another shape.
    """
    own = dict(model.state_dict(keep_vars=True))
    spelled = {name.replace(COMPILED, ""): name for name in own}
    if any(isinstance(tensor, UninitializedParameter | UninitializedBuffer) for tensor in own.values()):
        model.load_state_dict({spelled.get(name, name): tensor for name, tensor in weights.items()})
        return
    tensors = {name.replace(COMPILED, ""): tensor for name, tensor in own.items() if isinstance(tensor, torch.Tensor)}
    given = {name.replace(COMPILED, ""): tensor for name, tensor in weights.items()}
    differ = misfits(tensors, given, origin)
    if differ:
        raise CheckpointMismatchError(
            f"{origin} does not fit the model: {some(differ)}",
            "its code builds another model than it did then; check the packages that it uses",
        )
    owners = Counter(_memory(tensor) for tensor in {id(t): t for t in tensors.values()}.values())
    with torch.no_grad():
        for name, tensor in tensors.items():
            value = given[name]
            alone = owners[_memory(tensor)] == 1 and tensor.dtype == value.dtype and tensor.device.type == "cpu"
            if alone and tensor.is_contiguous():
                tensor.data = value
            else:
                tensor.copy_(value)


def _memory(tensor: torch.Tensor) -> tuple[str, int]:
    return str(tensor.device), tensor.untyped_storage().data_ptr() or id(tensor)


def misfits(own: Mapping[str, torch.Tensor], weights: Mapping[str, torch.Tensor], origin: str) -> list[str]:
    """What does not fit between a model and weights from `origin`, a line each."""
    differ = [f"{name} is not in the model" for name in weights if name not in own]
    differ += [f"{name} is not in {origin}" for name in own if name not in weights]
    differ += [
        f"{name} is {list(weights[name].shape)} in {origin} and {list(own[name].shape)} in the model"
        for name in own
        if name in weights and weights[name].shape != own[name].shape
    ]
    return differ


def some(lines: Sequence[str]) -> str:
    """The first lines, and how many more there are."""
    more = f" (and {len(lines) - SHOWN} more)" if len(lines) > SHOWN else ""
    return "; ".join(lines[:SHOWN]) + more

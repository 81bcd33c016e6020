"""Files that are whole or absent: hashed while written, synced, and renamed into place.

The digest is BLAKE3: SHA-256 takes longer than the write that it goes on beside. What has a SHA-256 is verified too.
safetensors' own writer gives no digest, and a second pass over the bytes would cost as much as the first; so the
format (eight bytes of header length, JSON header, tensors back to back) is written here and read by the library.
Source of the format: https://huggingface.co/docs/safetensors/index#format
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from blake3 import blake3

from regtrain.errors import CheckpointMismatchError

__all__ = ["DTYPES", "Written", "digest_of", "sync_folder", "tensor_chunks", "write_chunks", "write_json"]

CHUNK = 8 << 20
PREFIX = "blake3:"
DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.complex64: "C64",
    torch.uint64: "U64",
    torch.uint32: "U32",
    torch.uint16: "U16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
}


@dataclass(frozen=True)
class Written:
    """A file that is on disk. `digest` is `blake3:` and 64 hex digits; `size` in bytes."""

    digest: str
    size: int


def write_chunks(path: Path, chunks: Iterable[memoryview | bytes], *, sync: bool = True) -> Written:
    """Write and sync, and hash beside it: both release the GIL."""
    hasher = blake3()
    size = 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with ThreadPoolExecutor(1) as pool:
            hashed = []
            for chunk in chunks:
                hashed.append(pool.submit(hasher.update, chunk))
                size += _write_all(descriptor, chunk)
            if sync:
                os.fsync(descriptor)
            for future in hashed:
                future.result()
    finally:
        os.close(descriptor)
    return Written(PREFIX + hasher.hexdigest(), size)


def _write_all(descriptor: int, chunk: memoryview | bytes) -> int:
    view = memoryview(chunk)
    written = 0
    while written < len(view):
        written += os.write(descriptor, view[written:])
    return written


def write_json(path: Path, value: Any) -> Written:
    return write_chunks(path, [json.dumps(value, allow_nan=False, separators=(",", ":")).encode()])


def tensor_chunks(tensors: Mapping[str, torch.Tensor]) -> Iterator[memoryview | bytes]:
    """CPU tensors as the bytes of one safetensors file, widest type first so that each one is aligned.

    Raises:
        CheckpointMismatchError: a type that the format does not have.
    """
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, Any] = {}
    offset = 0
    for name in order:
        tensor = tensors[name]
        if tensor.dtype not in DTYPES:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise CheckpointMismatchError(
                f"{name} holds {kind}, which safetensors cannot", "keep it in another type, or out of state_dict()"
            )
        end = offset + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for name in order:
        if tensors[name].numel():
            raw = tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy().data
            yield from (raw[at : at + CHUNK] for at in range(0, len(raw), CHUNK))


def digest_of(path: Path, like: str = PREFIX) -> str:
    """Digest of the file's content, by the function that `like` begins with the name of."""
    if not like.startswith(PREFIX):
        with path.open("rb") as file:
            return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    hasher = blake3()
    buffer = memoryview(bytearray(CHUNK))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            hasher.update(buffer[:count])
    return PREFIX + hasher.hexdigest()


def sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""safetensors files of given sizes for tests, made without the library."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regtrain_registry.store.safetensors_header import find_defect

__all__ = ["KB", "MB", "noise", "tensor_file", "weights_file", "write_tensors"]

KB = 1 << 10
MB = 1 << 20


def noise(seed: int | str, size: int) -> bytes:
    """Bytes that cannot be compressed, the same for the same seed."""
    return random.Random(f"{seed}").randbytes(size)


def tensor_file(tensors: Mapping[str, bytes]) -> bytes:
    """The content of a file with these tensors."""
    header: dict[str, Any] = {}
    at = 0
    for name, content in tensors.items():
        header[name] = {"dtype": "U8", "shape": [len(content)], "data_offsets": [at, at + len(content)]}
        at += len(content)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"".join(tensors.values())


def write_tensors(path: Path, tensors: Mapping[str, bytes]) -> Path:
    """A file with these tensors."""
    path.write_bytes(tensor_file(tensors))
    return path


def weights_file(content: bytes) -> bytes:
    """A file with these bytes as its only tensor; the bytes themselves where they are such a file already."""
    found = find_defect(lambda start, size: content[start : start + size], len(content))
    return content if found is None else tensor_file({"w": content})

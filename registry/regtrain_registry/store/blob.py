"""The values of a store: blobs, ranges of them, the tensors inside, and files on their way in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from regtrain_registry.errors import BlobDamagedError, FileToStoreError

__all__ = [
    "ALGORITHM",
    "TENSOR_ALGORITHM",
    "Blob",
    "Damage",
    "Entry",
    "FileInfo",
    "Range",
    "SourceFile",
    "Stored",
    "TensorIndex",
    "TensorLocation",
    "Trashed",
    "check_digest",
    "digest_of_key",
    "file_blobs",
    "is_key",
    "key_of_digest",
    "no_tensors",
]

ALGORITHM = "sha256"
TENSOR_ALGORITHM = "blake3"

_DIGEST = re.compile(rf"{ALGORITHM}:[0-9a-f]{{64}}")
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Blob:
    """The content of a file: its digest (`sha256:` and 64 hexadecimal digits) and its size in bytes.

    A chunked blob has no file of its own in the store: it is the concatenation of `ranges` of other blobs.
    """

    digest: str
    size_bytes: int
    ranges: tuple[Range, ...] = ()

    def __post_init__(self) -> None:
        # A digest becomes a file's name, and rows may have been written by another program.
        if not _DIGEST.fullmatch(self.digest):
            raise BlobDamagedError(f"{self.digest[:80]!r} is not the digest of a blob", "Run regtrain registry fsck.")

    @property
    def key(self) -> str:
        """The digest without its prefix: the name of the file in the store."""
        return key_of_digest(self.digest)


@dataclass(frozen=True, slots=True)
class Range:
    """A range of bytes of a blob that has a file of its own."""

    source: Blob
    start: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class TensorLocation:
    """The BLAKE3 of a large tensor's bytes (`blake3:…`), and the range where the store keeps them."""

    digest: str
    range: Range


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to store.

    digest: what it must have, where it is known. link: the store may link to the file instead of copying it.
    safetensors: refuse it unless it is a safetensors file with a sound header.
    """

    path: Path
    digest: str | None = None
    link: bool = False
    safetensors: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """The blob of a stored file, and the locations of its large tensors."""

    blob: Blob
    tensors: tuple[TensorLocation, ...] = ()


TensorIndex = Callable[[Sequence[str]], Mapping[str, Range]]
"""BLAKE3 digests of tensors → the ranges where the store keeps those bytes; unknown digests are left out."""


def no_tensors(digests: Sequence[str]) -> Mapping[str, Range]:
    """The empty `TensorIndex`: every file is stored whole."""
    return {}


class Damage(StrEnum):
    """What can be wrong with a blob; `CHANGED` and `FORMAT` are only known after its bytes were read."""

    MISSING = "missing"
    SIZE = "wrong size"
    CHANGED = "changed"
    FORMAT = "not safetensors"


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file of a store: its name without folder, bytes, and seconds since the epoch at which it was written, where
    that is known."""

    name: str
    size_bytes: int
    modified: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A blob's file in a listing of the store: digest, bytes, and seconds since it was written or asked for."""

    digest: str
    size_bytes: int
    age: float


@dataclass(frozen=True, slots=True)
class Trashed:
    """A file in the trash. `tick`: the elapsed seconds of the registry when it was moved there."""

    digest: str
    size_bytes: int
    tick: int

    @property
    def name(self) -> str:
        """The name of the file in the trash."""
        return f"{self.tick:012d}-{key_of_digest(self.digest)}"


def file_blobs(blobs: Iterable[Blob]) -> list[Blob]:
    """The blobs whose files in the store these consist of, each once: whole ones themselves, and the sources of
    chunked ones."""
    sources = (source for blob in blobs for source in ([part.source for part in blob.ranges] or [blob]))
    return list({source.digest: source for source in sources}.values())


def key_of_digest(digest: str) -> str:
    """`sha256:HEX` → `HEX`."""
    return digest.removeprefix(f"{ALGORITHM}:")


def digest_of_key(key: str) -> str:
    """`HEX` → `sha256:HEX`."""
    return f"{ALGORITHM}:{key}"


def is_key(name: str) -> bool:
    """Whether a file's name is that of a blob."""
    return _KEY.fullmatch(name) is not None


def check_digest(source: Path, found: Iterable[str], expected: str | None) -> None:
    """`FileToStoreError` unless the expected digest of a file is one of those that were found.

    Digits without the name of an algorithm are those of a SHA-256.
    """
    if expected is None:
        return
    lower = expected.lower()
    full = lower if ":" in lower else f"{ALGORITHM}:{lower}"
    if full not in (digests := list(found)):
        raise FileToStoreError(
            f"{source} has the digest {' or '.join(digests)}, not {full}", "The file changed; register it again."
        )

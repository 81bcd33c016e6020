"""What the store keeps, as values: blobs, the parts of composed ones, tensors inside them; and what a store must do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from regtrain_registry.errors import BlobDamagedError, FileToStoreError

__all__ = [
    "ALGORITHM",
    "TENSOR_ALGORITHM",
    "Blob",
    "Damage",
    "Find",
    "Offered",
    "Part",
    "Segment",
    "Store",
    "Stored",
    "check_digest",
    "nothing_known",
    "physical",
]

ALGORITHM = "sha256"
TENSOR_ALGORITHM = "blake3"

_DIGEST = re.compile(rf"{ALGORITHM}:[0-9a-f]{{64}}")


@dataclass(frozen=True, slots=True)
class Blob:
    """A file's content: `digest` is `sha256:` and 64 hexadecimal digits; size in bytes.

    With `parts` it is composed: no file of its own, but ranges of other files, one after the other.
    """

    digest: str
    size_bytes: int
    parts: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        # A digest becomes a file's name, and rows may have been written by another program.
        if not _DIGEST.fullmatch(self.digest):
            raise BlobDamagedError(f"{self.digest[:80]!r} is not the digest of a blob", "Run regtrain registry fsck.")

    @property
    def key(self) -> str:
        """The digest without its prefix: the file's name in the store."""
        return self.digest.removeprefix(f"{ALGORITHM}:")


@dataclass(frozen=True, slots=True)
class Part:
    """A range of a blob that has a file of its own; bytes."""

    source: Blob
    start: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A large tensor: the BLAKE3 of its bytes (`blake3:…`), and where they lie."""

    digest: str
    place: Part


@dataclass(frozen=True, slots=True)
class Offered:
    """A file to store. A digest that is given is checked; `link` allows to link to it instead of copying it."""

    path: Path
    digest: str | None = None
    link: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an offered file: its blob, and where its large tensors lie."""

    blob: Blob
    segments: tuple[Segment, ...] = ()


Find = Callable[[Sequence[str]], Mapping[str, Part]]
"""BLAKE3 digests of tensors → where the store has those bytes; what is not known is left out."""


def nothing_known(digests: Sequence[str]) -> Mapping[str, Part]:
    """The `Find` of a store without a registry."""
    return {}


class Damage(StrEnum):
    """What can be wrong with a blob; `changed` is only known after its bytes were read."""

    MISSING = "missing"
    SIZE = "wrong size"
    CHANGED = "changed"


class Store(Protocol):
    """What the registry asks of a place for blobs."""

    def put(self, files: Sequence[Offered], find: Find = nothing_known) -> list[Stored]:
        """Store files durably, all or error. Large tensors that `find` knows are referred to, not stored again."""

    def missing(self, blobs: Iterable[Blob]) -> list[Blob]:
        """Those that are not there in full size; of composed ones, the blobs that their parts lie in."""

    def fetch(self, blob: Blob, target: Path) -> None:
        """Copy to a new file, verified; `BlobMissingError`, or `BlobDamagedError` and no file."""

    def verified_path(self, blob: Blob) -> Path:
        """A local path whose content was verified just now. The file must not be written to."""

    def check(self, blob: Blob, *, read: bool) -> Damage | None:
        """What is wrong with a blob: there and of full size, and with `read` also its digest."""

    def serve(self, registry: str, place: str) -> None:
        """Note durably that files of the registry with this uid are in the store; place: where its database is."""

    def quarantine(self, blob: Blob) -> str | None:
        """Move a blob's file aside, to `quarantine/`; its new place, or None when there was no file."""


def physical(blobs: Iterable[Blob]) -> Iterator[Blob]:
    """The blobs that have files: those that are not composed, and the sources of those that are. Each once."""
    seen: set[str] = set()
    for blob in blobs:
        for source in (part.source for part in blob.parts) if blob.parts else (blob,):
            if source.digest not in seen:
                seen.add(source.digest)
                yield source


def full_digest(text: str) -> str:
    """`sha256:…` or `blake3:…` in lower case; hexadecimal digits alone are those of a SHA-256."""
    lower = text.lower()
    return lower if ":" in lower else f"{ALGORITHM}:{lower}"


def check_digest(source: Path, found: Iterable[str], said: str | None) -> None:
    """`FileToStoreError` unless what was said of a file is one of the digests that were found."""
    if said is not None and full_digest(said) not in (digests := list(found)):
        raise FileToStoreError(
            f"{source} has the digest {' or '.join(digests)}, not {full_digest(said)}",
            "The file changed; register it again.",
        )

"""A store under test: its files, and the tensors that a registry would know."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from regtrain_registry.store.blob import Blob, Range, SourceFile, Stored
from regtrain_registry.store.store import Store

__all__ = ["Files", "StoreCase", "StoreFiles", "name_of", "sha256"]

FOLDERS = ("sha256", "trash", "quarantine", "registries", "tmp")


class Files(Protocol):
    """Access to the files of a store by their names in it, to look at them and to damage them."""

    def names(self) -> set[str]: ...
    def read(self, name: str) -> bytes: ...
    def write(self, name: str, content: bytes) -> None: ...
    def remove(self, name: str) -> None: ...


class StoreFiles:
    """The files of a store through its own methods."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder

    def names(self) -> set[str]:
        return {f"{folder}/{file.name}" for folder in FOLDERS for file in self.store.list_files(folder)}

    def read(self, name: str) -> bytes:
        with self.store.open_file(name) as stream:
            return stream.read()

    def write(self, name: str, content: bytes) -> None:
        file = self.folder / "written"
        file.write_bytes(content)
        self.store.upload(file, name)

    def remove(self, name: str) -> None:
        self.store.delete(name)


@dataclass
class StoreCase:
    """A new, empty store, access to its files, a folder for other files, and the tensors that a registry would know."""

    store: Store
    files: Files
    folder: Path
    known: dict[str, Range] = field(default_factory=dict)
    count: int = 0

    def put(self, content: bytes, *, link: bool = False, digest: str | None = None) -> Stored:
        """Store a new file with this content."""
        (stored,) = self.store.put([SourceFile(self.file(content), digest, link)], self.find)
        self.known |= {tensor.digest: tensor.range for tensor in stored.tensors}
        return stored

    def file(self, content: bytes) -> Path:
        """A new file outside of the store."""
        self.count += 1
        path = self.folder / f"file-{self.count}"
        path.write_bytes(content)
        return path

    def find(self, digests: Sequence[str]) -> dict[str, Range]:
        """The index of tensors."""
        return {digest: self.known[digest] for digest in digests if digest in self.known}

    def fetched(self, blob: Blob) -> bytes:
        """The content of a blob."""
        self.count += 1
        target = self.folder / f"fetched-{self.count}"
        self.store.fetch(blob, target)
        return target.read_bytes()

    def flip(self, blob: Blob, at: int = 0) -> None:
        """Change one bit of a blob's file."""
        content = bytearray(self.files.read(name_of(blob)))
        content[at] ^= 1
        self.files.write(name_of(blob), bytes(content))


def name_of(blob: Blob) -> str:
    """The name of a blob's file."""
    return f"sha256/{blob.key}"


def sha256(content: bytes) -> str:
    """The digest of a blob with this content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"

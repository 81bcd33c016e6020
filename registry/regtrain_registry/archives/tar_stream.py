"""Plain tar files of regular files, written and read member by member.

Nothing is extracted by name. Of the format only the header of a regular file is understood: links, devices, long
names and extended headers, which make readers write elsewhere or fill the memory, are refused as they come.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from regtrain_registry.errors import ArchiveError
from regtrain_registry.store.streams import CHUNK

__all__ = ["Member", "TarReader", "TarWriter"]

BLOCK = tarfile.BLOCKSIZE
END = bytes(2 * BLOCK)


class TarWriter:
    """Writes members with nothing in their headers but name and size, so that the same files give the same bytes."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target

    def add(self, name: str, size: int, source: BinaryIO) -> None:
        """Add a member; `source` must have `size` bytes."""
        header = tarfile.TarInfo(name)
        header.size, header.mode = size, 0o644
        # GNU's form allows files over 8 GiB.
        self._target.write(header.tobuf(tarfile.GNU_FORMAT, "ascii", "strict"))
        left = size
        while left and (chunk := source.read(min(CHUNK, left))):
            self._target.write(chunk)
            left -= len(chunk)
        if left:
            raise ArchiveError(f"{name} ended {left} bytes early", "Export again.")
        self._target.write(bytes(-size % BLOCK))

    def end(self) -> None:
        """Say that no member follows."""
        self._target.write(END)


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file of an archive; size in bytes."""

    name: str
    size: int


class TarReader:
    """Reads members in their order: the content of one must be read before the next one is asked for."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source

    def next(self) -> Member | None:
        """The next member, or None at the end; `ArchiveError` for whatever is not a plain regular file."""
        block = self._exactly(BLOCK)
        if block == bytes(BLOCK):
            return None
        try:
            header = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        except (tarfile.HeaderError, ValueError) as error:
            raise ArchiveError("it is not a tar file, or a damaged one", HINT) from error
        if header.type != tarfile.REGTYPE or header.size < 0 or header.linkname:
            raise ArchiveError(f"the archive holds {header.name[:80]!r}, which is no plain file", HINT)
        return Member(header.name, header.size)

    def content(self, member: Member) -> Iterator[bytes]:
        """The bytes of the member that was asked for last."""
        left = member.size
        while left:
            chunk = self._exactly(min(CHUNK, left))
            left -= len(chunk)
            yield chunk
        self._exactly(-member.size % BLOCK)

    def _exactly(self, size: int) -> bytes:
        data = self._source.read(size)
        if len(data) != size:
            raise ArchiveError("the archive ends too early", HINT)
        return data


HINT = "Write one with regtrain models export-archive."

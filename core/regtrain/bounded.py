"""Reading files that may come from elsewhere: of a limited size and depth, so that every read ends."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

from pydantic_core import from_json

__all__ = ["is_hollow", "parse_json", "read_bounded"]

LARGE = 1 << 30  # bytes
LEAST_DATA = 100  # a file with less than one part in this many is not read as zeros for hours
MOST_EXTENTS = 10_000


def read_bounded(path: Path, limit: int, *, follow_links: bool = True) -> bytes:
    """The content of a regular file of at most `limit` bytes.

    Raises:
        OSError: it cannot be opened; it is a link, and `follow_links` is off.
        ValueError: it is no regular file (a FIFO waits for ever, a device never ends), or larger.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_links else os.O_NOFOLLOW)
    with os.fdopen(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{path} is no regular file")
        if status.st_size > limit:
            raise ValueError(f"{path} is larger than {limit >> 20} MiB")
        return file.read(limit + 1)


def parse_json(text: bytes) -> Any:
    """A JSON value, nested at most 200 deep.

    Python's own parser goes on to the end of the stack, where whatever else runs by then fails too: a callback of the
    garbage collector, a destructor.

    Raises:
        ValueError: it is no JSON, or nested deeper.
    """
    return from_json(text)


def is_hollow(path: Path) -> bool:
    """Whether a large file is almost nothing but holes: it takes no space, and hours to read.

    Raises:
        OSError: it cannot be opened.
    """
    size = path.stat().st_size
    if size <= LARGE or not hasattr(os, "SEEK_DATA"):
        return False
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        end = found = 0
        for _ in range(MOST_EXTENTS):
            begin = os.lseek(descriptor, end, os.SEEK_DATA)
            end = os.lseek(descriptor, begin, os.SEEK_HOLE)
            found += end - begin
            if found * LEAST_DATA >= size:
                return False
        return False
    except OSError as problem:  # no data behind the last place; a file system that does not know has no holes
        return problem.errno == errno.ENXIO
    finally:
        os.close(descriptor)

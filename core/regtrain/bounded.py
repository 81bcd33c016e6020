"""Reading files that may come from elsewhere: regular ones of a limited size, so that every read ends."""

from __future__ import annotations

import os
import stat
from pathlib import Path

__all__ = ["read_bounded"]


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

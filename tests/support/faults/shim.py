"""The library of shim.c: how it is built, armed, and read."""

from __future__ import annotations

import ctypes
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path

import pytest

INSTALL = "apt-get install --no-install-recommends gcc libc6-dev"
_HEAD = struct.Struct("=iiqqIII")


class Op(IntEnum):
    """What a call does to the files, as numbered in shim.c."""

    MARK = 0
    OPEN = 1
    WRITE = 2
    SYNC = 3
    RENAME = 4
    LINK = 5
    UNLINK = 6
    TRUNCATE = 7
    MKDIR = 8
    RMDIR = 9
    TOUCH = 10
    CHMOD = 11
    SYMLINK = 12


class Mode(IntEnum):
    """What happens at the call that is struck, as numbered in shim.c."""

    COUNT = 0
    BEFORE = 1
    AFTER = 2
    HALF = 3
    FAIL = 4
    SHORT = 5


@dataclass(frozen=True, slots=True)
class Strike:
    """At which call (from 1), and what: killed, refused with an errno (from then on, if lasting), or written in part."""

    at: int
    mode: Mode
    error: int = 0
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was made. `created`: -1 of one that failed; of OPEN 1 for a new file, 2 for one made empty; of SYNC 1
    for a folder."""

    op: Op
    created: int
    offset: int
    size: int
    path: str
    other: str
    data: bytes

    def __str__(self) -> str:
        size = f" {len(self.data)} bytes at {self.offset}" if self.op is Op.WRITE else ""
        return f"{self.op.name.lower()} {'/'.join(Path(self.path).parts[-3:])}{size}"


def build(folder: Path) -> Path:
    """Compile the shim into a folder. Without a compiler: a failure on CI, else a skip."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        reason = f"no C compiler: {INSTALL}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    library = folder / "shim.so"
    source = Path(__file__).with_name("shim.c")
    flags = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-fvisibility=hidden", "-shared", "-fPIC")
    subprocess.run([compiler, *flags, "-o", library, source, "-lpthread"], check=True)
    return library


@cache
def _library() -> ctypes.CDLL:
    """The one that was preloaded."""
    return ctypes.CDLL(os.environ["LD_PRELOAD"])


def arm(root: Path, strike: Strike | None, log: Path | None = None) -> None:
    """Count from now on the calls below `root`, strike at one of them, and write them all to `log`."""
    strike = strike or Strike(0, Mode.COUNT)
    place = b"" if log is None else os.fsencode(log)
    _library().strike_arm(
        os.fsencode(root), ctypes.c_long(strike.at), int(strike.mode), strike.error, int(strike.lasting), place
    )


def disarm() -> int:
    """Let everything pass; how many calls there were."""
    count = _library().strike_disarm
    count.restype = ctypes.c_long
    return int(count())


def mark(text: str) -> None:
    """A line of the program's own in the log."""
    _library().strike_mark(text.encode())


def read_log(log: Path) -> Iterator[Call]:
    """The calls in their order, marks among them."""
    content = log.read_bytes()
    at = 0
    while at < len(content):
        op, created, offset, size, first, second, data = _HEAD.unpack_from(content, at)
        at += _HEAD.size
        ends = (at + first, at + first + second, at + first + second + data)
        path, other = os.fsdecode(content[at : ends[0]]), os.fsdecode(content[ends[0] : ends[1]])
        yield Call(Op(op), created, offset, size, path, other, content[ends[1] : ends[2]])
        at = ends[2]

"""The file in which W&B keeps an offline run: which records of ours are in it.

It is a log as LevelDB writes it: blocks of 32 KiB with parts of records, each under a head of check sum, length and
kind. The records are protobuf messages of the package.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["last_step", "read_offline"]

BLOCK, HEAD, IDENT = 32_768, 7, 7  # bytes; the file begins with an identification
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def read_offline(path: Path) -> Iterator[Any]:
    """The records of one file, up to where it ends or was torn."""
    from google.protobuf.message import DecodeError
    from wandb.proto import wandb_internal_pb2

    make: Any = wandb_internal_pb2

    content = path.read_bytes()
    position, parts = IDENT, b""
    while position + HEAD <= len(content):
        left = BLOCK - position % BLOCK
        if left < HEAD:
            position += left
            continue
        length, kind = struct.unpack_from("<HB", content, position + 4)
        begin, position = position + HEAD, position + HEAD + length
        if kind not in (WHOLE, FIRST, MIDDLE, LAST) or position > len(content):
            return
        parts = (b"" if kind in (WHOLE, FIRST) else parts) + content[begin:position]
        if kind in (WHOLE, LAST):
            record = make.Record()
            try:
                record.ParseFromString(parts)
            except DecodeError:
                return
            yield record


def last_step(folder: Path, run_id: str) -> int:
    """The highest step of W&B's own that the offline files of a run have; -1 where there is none."""
    highest = -1
    for path in folder.glob(f"wandb/offline-run-*-{run_id}/run-{run_id}.wandb"):
        steps = (record.history.step.num for record in read_offline(path) if record.HasField("history"))
        highest = max(highest, max(steps, default=-1))
    return highest

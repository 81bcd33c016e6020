"""Uploads a file to S3 and dies at the call with a given number: `python upload_and_die.py URL FILE NUMBER MODE`.

MODE says whether the call at which it dies is still made: before or after. Prints the number of calls when there are
fewer. Parts of an upload are as small as S3 takes them.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from pathlib import Path
from typing import Any

import s3fs

from regtrain_registry.store.blob import SourceFile
from regtrain_registry.store.uris import open_store

PART = 5 << 20  # bytes


def main(url: str, file: Path, number: int, mode: str) -> None:
    made = 0
    call = s3fs.S3FileSystem._call_s3

    async def counted(self: Any, method: str, *arguments: Any, **options: Any) -> Any:
        nonlocal made
        made += 1
        if made != number:
            return await call(self, method, *arguments, **options)
        try:
            if mode == "after":
                await call(self, method, *arguments, **options)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)

    put = s3fs.S3FileSystem._put_file
    s3fs.S3FileSystem._put_file = functools.partialmethod(put, chunksize=PART)
    s3fs.S3FileSystem._call_s3 = counted
    open_store(url).put([SourceFile(file)])
    print(made)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])

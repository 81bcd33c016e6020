"""Saves checkpoints and dies at the Nth file-system call of the second save. Run by test_faults.py.

    python save_and_die.py FOLDER N before|after|half|ENOSPC|EIO|EROFS

Prints `saved STEP` for each save that was acknowledged, and `calls N` when it lived to the end.
"""

from __future__ import annotations

import errno
import os
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import torch

from regtrain.checkpoint.folder import Checkpoints
from regtrain.checkpoint.keep import KeepPolicy
from regtrain.errors import EnvironmentFault

folder, fatal, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
calls = 0
armed = False


def wrapped(real: Callable[..., Any], is_write: bool = False) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        global calls
        if not armed:
            return real(*args, **kwargs)
        calls += 1
        if calls == fatal:
            if how in ("ENOSPC", "EIO", "EROFS"):
                number = getattr(errno, how)
                raise OSError(number, os.strerror(number))
            if how == "half" and is_write:
                real(args[0], bytes(args[1])[: len(args[1]) // 2])
            if how == "after":
                real(*args, **kwargs)
            os._exit(9)  # what SIGKILL leaves: no handler, no flush, no clean-up
        return real(*args, **kwargs)

    return call


for name in ("write", "fsync", "rename", "mkdir", "symlink", "replace", "open", "unlink", "rmdir"):
    setattr(os, name, wrapped(getattr(os, name), name == "write"))


def state(step: int) -> dict[str, Any]:
    return {"model": {"w": torch.full((4, 4), float(step))}, "optimizer": {"state": {0: {"m": torch.ones(3) * step}}}}


checkpoints = Checkpoints(pathlib.Path(folder), KeepPolicy("val/loss", "min"))
for step in (1, 2, 3):
    armed = step == 2
    try:
        checkpoints.save(state(step), step=step, epoch=step, epoch_end=True, metrics={"val/loss": 1 / step})
        checkpoints.wait()
        print("saved", step, flush=True)
    except EnvironmentFault:
        print("refused", step, flush=True)
    if armed:
        print("calls", calls, flush=True)

"""Saves three checkpoints, over and over; each time a fault strikes one call later. Run by test_faults.py.

    python save_and_die.py FOLDER before|after|half|ENOSPC|EIO|EROFS [STRIDE]

Each round is a fork of this process, so that torch is loaded once. Round N works in FOLDER/N; its fault strikes the
Nth file-system call of the second save. `FOLDER/N.said` holds `saved STEP` for each save that was acknowledged.
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

root, how = pathlib.Path(sys.argv[1]), sys.argv[2]
stride = int(sys.argv[3]) if len(sys.argv) > 3 else 1
calls = fatal = 0
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


def save_three(folder: pathlib.Path, said: Any) -> None:
    global armed
    checkpoints = Checkpoints(folder, KeepPolicy("val/loss", "min"))
    for step in (1, 2, 3):
        armed = step == 2
        try:
            checkpoints.save(state(step), step=step, epoch=step, epoch_end=True, metrics={"val/loss": 1 / step})
            checkpoints.wait()
            said.write(f"saved {step}\n")
        except EnvironmentFault:
            said.write(f"refused {step}\n")
    said.write("end\n")


def play(number: int) -> str:
    """One round in a fork; what it said."""
    global fatal
    fatal = number
    path = root / f"{number}.said"
    child = os.fork()
    if child == 0:
        with path.open("w", buffering=1) as said:
            save_three(root / str(number), said)
            said.write(f"calls {calls}\n")
        os._exit(0)
    os.waitpid(child, 0)
    return path.read_text()


total = int(play(0).split()[-1])
for point in range(1, total + 1, stride):
    play(point)
print(total)

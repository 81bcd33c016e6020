"""Registers in child processes, each killed at another call: `python kill_points.py FOLDER MODE BEFORE`.

Every child begins with a registry of BEFORE versions, registers one more, and writes `acknowledged` to its
own folder once `register` has returned. MODE says whether the call at which it dies is still done: before,
after, or half (of a write). Prints the number of calls.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event

from regtrain_registry import ArtifactKind, FileToStore, Registration, Registry

CALLS = ("open", "write", "fsync", "replace", "mkdir", "utime", "close")


class Countdown:
    """Kills the process at the call with this number."""

    def __init__(self, kill_at: int, mode: str) -> None:
        self.kill_at = kill_at
        self.mode = mode
        self.count = 0

    def wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            self.count += 1
            if self.count != self.kill_at:
                return call(*args, **options)
            if self.mode == "after":
                call(*args, **options)
            elif self.mode == "half" and name == "write":
                call(args[0], bytes(args[1])[: len(args[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
            return None

        return counted

    def statement(self, *_: Any) -> None:
        self.wrap("statement", lambda: None)()


def registration(folder: Path, number: int) -> Registration:
    """Two files, one of them in every version the same."""
    weights, config = folder / f"weights-{number}", folder / "config.yaml"
    weights.write_bytes(f"weights {number} ".encode() * 100)
    config.write_text("seed: 1\n")
    files = (FileToStore(weights, "model.safetensors", ArtifactKind.WEIGHTS), FileToStore(config, "config.yaml"))
    return Registration("digits", files)


def child(folder: Path, countdown: Countdown) -> None:
    registry = Registry(f"sqlite:///{folder}/registry.db")
    request = registration(folder, 2)
    engine = registry._database._engine
    # `commit` comes before the commit, `close` of the connection after it.
    for name in ("before_cursor_execute", "after_cursor_execute", "commit", "close"):
        event.listen(engine, name, countdown.statement)
    for name in CALLS:
        setattr(os, name, countdown.wrap(name, getattr(os, name)))
    registry.register(request)
    countdown.kill_at = 0  # only what happens inside `register` is counted
    (folder / "acknowledged").touch()


def main(root: Path, mode: str, before: int) -> None:
    template = root / "template"
    template.mkdir(parents=True)
    registry = Registry(f"sqlite:///{template}/registry.db")
    for _ in range(before):
        registry.register(registration(template, 1))
    for number in range(1, 1000):
        folder = root / str(number)
        shutil.copytree(template, folder)
        pid = os.fork()
        if pid == 0:
            try:
                child(folder, Countdown(number, mode))
            finally:
                os._exit(0)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSIGNALED(status):
            print(number - 1)
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))

"""One of several processes at work on one registry: `python collect_many.py URI FOLDER write|collect NAME COUNT`.

Waits for a line. A writer registers COUNT versions, whose files are few enough to be stored again and again, and prints
the number of each. A collector lets expire and collects without any grace until its standard input is closed, and
prints how many files it moved, and how many it had to bring back.
"""

from __future__ import annotations

import select
import sys
from datetime import timedelta
from pathlib import Path

from regtrain_registry import FileToStore, Registration, Registry
from regtrain_registry.errors import ModelNotFoundError

CONTENTS = 4


def write(registry: Registry, folder: Path, name: str, count: int) -> None:
    for number in range(count):
        files = []
        for kind, content in (("shared", number % CONTENTS), ("own", f"{name} {number}")):
            path = folder / f"{name}-{kind}-{number}"
            path.write_text(f"{kind} {content}")
            files.append(FileToStore(path, f"{kind}.bin"))
        print(registry.register(Registration("digits", tuple(files))).number, flush=True)


def collect(registry: Registry) -> None:
    moved = rescued = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        try:
            registry.prune("digits", {"keep_newest": 2})
        except ModelNotFoundError:  # nobody has registered yet
            continue
        done = registry.gc(timedelta(), confirmed=True)
        moved += done.count("trash")
        rescued += done.count("rescue")
    print(moved, rescued)


def main(uri: str, folder: Path, role: str, name: str, count: int) -> None:
    print("ready", flush=True)
    sys.stdin.readline()
    registry = Registry(uri, folder / "blobs", lock_timeout=120)
    if role == "write":
        write(registry, folder, name, count)
    else:
        collect(registry)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5]))

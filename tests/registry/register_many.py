"""One of several processes that register at once: `python register_many.py FOLDER NAME COUNT`.

Waits for a line, then opens the registry and prints the number of each version it registered.
"""

from __future__ import annotations

import sys
from pathlib import Path

from regtrain_registry import FileToStore, Registration, Registry


def main(folder: Path, name: str, count: int) -> None:
    print("ready", flush=True)
    sys.stdin.readline()
    registry = Registry(f"sqlite:///{folder}/home/registry.db")
    for number in range(count):
        file = folder / f"{name}-{number}"
        file.write_text(f"{name} {number}")
        print(registry.register(Registration("digits", (FileToStore(file, "model.bin"),))).number)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))

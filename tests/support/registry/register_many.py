"""One of several processes that register at once: `python register_many.py URI FOLDER NAME COUNT`.

Waits for a line, then opens the registry and prints the number of each version it registered.
"""

from __future__ import annotations

import sys
from pathlib import Path

from regtrain_registry import FileToStore, Registration, Registry


def main(uri: str, folder: Path, name: str, count: int) -> None:
    print("ready", flush=True)
    sys.stdin.readline()
    registry = Registry(uri, folder / "blobs")
    for number in range(count):
        file = folder / f"{name}-{number}"
        file.write_text(f"{name} {number}")
        print(registry.register(Registration("digits", (FileToStore(file, "model.bin"),))).number)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))

"""Files that attack whoever reads them, offered as weights; and a program that registers them within limits.

`python evil_files.py FOLDER`: registers each, reads it back, and prints by how many bytes the process grew. What is
executed, or connects, or is opened outside FOLDER, ends the process with an error.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import resource
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

LIMIT = 2 << 30  # bytes of address space above what is there at the start
EXECUTED = {
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "subprocess.Popen",
    "socket.connect",
    "pickle.find_class",
    "ctypes.dlopen",
}


class Canary:
    """What a pickle would run."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("echo executed > /tmp/regtrain-canary",)


def framed(header: bytes, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file with this header, which may say another length than it has."""
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def entry(**fields: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} | fields


def one(data: bytes = bytes(16), **fields: Any) -> bytes:
    return framed(json.dumps({"w": entry(**fields)}).encode(), data)


def torch_zip(name: str) -> bytes:
    """What torch.save writes, with a name of a member that leads outside."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Canary()))
        archive.writestr(name, b"outside")
    return buffer.getvalue()


def laughs(depth: int) -> bytes:
    """A document whose parts would multiply, were references followed."""
    lines = ["a0: &a0 [lol]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, depth))]
    return "\n".join(lines).encode()


BIG = bytes(2 << 20)
SOUND = {"name-outside"}  # a tensor may have any name
HUGE = 4 << 20  # as long as a header may be

EVIL: dict[str, Callable[[], bytes]] = {
    "pickle": lambda: pickle.dumps(Canary()),
    "pickle-large": lambda: pickle.dumps((Canary(), BIG)),
    "torch-zip": lambda: torch_zip("archive/../../../../outside"),
    "torch-zip-absolute": lambda: torch_zip("/tmp/regtrain-outside"),
    "length-2-60": lambda: framed(b"{}", BIG, 1 << 60),
    "length-all-ones": lambda: framed(b"{}", BIG, (1 << 64) - 1),
    "length-beyond-the-end": lambda: framed(b"{}", BIG, len(BIG) + 3),
    "length-of-the-whole": lambda: framed(b" " * (2 << 20), b"", 2 << 20),
    "length-zero": lambda: framed(b"", BIG, 0),
    "header-of-four-megabytes-of-lists": lambda: framed(b"[" + b"[]," * (HUGE // 3 - 2) + b"[]]", BIG),
    "header-of-many-names": lambda: framed(json.dumps({f"{n}": {} for n in range(300_000)}).encode(), BIG),
    "header-nested": lambda: framed(b"[" * HUGE, BIG),
    "header-nested-objects": lambda: framed(b'{"a":' * (HUGE // 5), BIG),
    "header-of-twenty-megabytes": lambda: framed(b"[" + b"[]," * 7_000_000 + b"[]]", b""),
    "header-long-number": lambda: framed(b'{"w":' + b"9" * (HUGE - 10) + b"}", BIG),
    "header-not-a-number": lambda: framed(b'{"w":{"dtype":"F32","shape":[NaN],"data_offsets":[0,Infinity]}}', BIG),
    "header-no-object": lambda: framed(b'"text"', BIG),
    "header-no-text": lambda: framed(b"\xff\xfe\x00\xd8" * 10, BIG),
    "header-twice": lambda: framed(b'{"w":' + json.dumps(entry()).encode() + b',"w":' + json.dumps(entry()).encode() + b"}", BIG),
    "shape-overflows": lambda: one(BIG, shape=[2**62, 2**62, 4], data_offsets=[0, 0]),
    "shape-wraps-around": lambda: one(BIG, shape=[2**61, 8, 1], data_offsets=[0, 0]),
    "shape-negative": lambda: one(BIG, shape=[-1, -4]),
    "shape-of-a-million": lambda: one(BIG, shape=[1] * 1_000_000),
    "shape-of-booleans": lambda: one(BIG, shape=[True, True], data_offsets=[False, 4]),
    "shape-of-text": lambda: one(BIG, shape="1111"),
    "shape-with-fractions": lambda: one(BIG, shape=[4.0], data_offsets=[0.0, 16.0]),
    "stride-zero": lambda: one(bytes(4) + BIG, shape=[1_000_000, 1_000_000], data_offsets=[0, 4]),
    "offsets-overlap": lambda: framed(json.dumps({n: entry(shape=[1 << 19], data_offsets=[0, 2 << 20]) for n in "ab"}).encode(), BIG),
    "offsets-backwards": lambda: one(BIG, data_offsets=[16, 0]),
    "offsets-beyond-the-end": lambda: one(BIG, shape=[1 << 40], data_offsets=[0, 1 << 42]),
    "offsets-negative": lambda: one(BIG, data_offsets=[-16, 0]),
    "offsets-with-a-hole": lambda: one(BIG, shape=[4], data_offsets=[16, 32]),
    "offsets-three": lambda: one(BIG, data_offsets=[0, 8, 16]),
    "type-unknown": lambda: one(BIG, dtype="O"),
    "type-no-text": lambda: one(BIG, dtype=["F32"]),
    "name-outside": lambda: framed(json.dumps({"../../etc/passwd": entry(shape=[1 << 19], data_offsets=[0, 2 << 20])}).encode(), BIG),
    "billion-laughs": lambda: laughs(40),
    "billion-laughs-large": lambda: laughs(40) + b"#" * (2 << 20),
    "empty": lambda: b"",
    "seven-bytes": lambda: b"\x01" * 7,
}  # fmt: skip


def main(root: Path) -> None:
    from regtrain_registry import ArtifactKind, FileToStore, Registration, Registry
    from regtrain_registry.errors import WeightsFormatError

    watch(root)
    registry = Registry(f"sqlite:///{root}/registry.db")
    plain = FileToStore(root / "plain", "model.bin", ArtifactKind.WEIGHTS)
    plain.path.write_bytes(BIG)
    registry.register(Registration("plain", (plain,)))  # everything is loaded now
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resource.setrlimit(resource.RLIMIT_AS, (address_space() + LIMIT, resource.RLIM_INFINITY))
    for number, path in enumerate(sorted(root.glob("evil/*"))):
        for link in (False, True):
            weights = FileToStore(path, "model.safetensors", ArtifactKind.WEIGHTS, link=link)
            try:
                registry.register(Registration(f"w{number}", (weights,)))
                assert path.name in SOUND, f"{path.name} was taken as weights"
            except WeightsFormatError:
                assert path.name not in SOUND, f"{path.name} was refused as weights"
            registry.register(Registration(f"m{number}", (replace(weights, name="model.bin"),)))
        copy = registry.checkout(f"m{number}", root / "out" / path.name)[0]
        assert subprocess.list2cmdline([]) == "" and copy.stat().st_size == path.stat().st_size
        assert copy.read_bytes() == path.read_bytes(), path.name
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)


def address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def watch(root: Path) -> None:
    """End the process at the first sign of something being run, or written outside."""
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in EXECUTED and event != "ctypes.dlopen":
            os.write(2, f"{event} {arguments}\n".encode())
            os._exit(3)
        if event == "open" and isinstance(arguments[0], str) and arguments[2] & writing:
            path = os.path.abspath(arguments[0])  # noqa: PTH100 - resolving would itself be watched
            if (
                not path.startswith(f"{root}{os.sep}")
                and not path.startswith(("/dev/", "/proc/"))
                and ".pyc" not in path
            ):
                os.write(2, f"written: {path}\n".encode())
                os._exit(4)

    sys.addaudithook(audit)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())

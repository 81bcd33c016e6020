"""Commands of pages in a process that has torch loaded already: `python warm.py SOCKET`.

Most of what `regtrain run` takes is loading torch, twice. This process loads everything once and forks for each command;
`regtrain` and `python` in `programs_for` ask it by way of `warm_client.py`. A command that is not answered from here
(`python` with anything else than the job) is run as usual. README.md and the examples are run without this.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import io
import json
import os
import pkgutil
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CLIENT = Path(__file__).with_name("warm_client.py")
# The first optimizer that is made loads torch._dynamo.
ALSO = (
    "torch._dynamo",
    "sklearn.datasets",
    "matplotlib.pyplot",
    "alembic.command",
    "sqlalchemy.dialects.sqlite",
    "model_signing",
)
LEFT_OUT = ("__main__", ".env", ".versions", "regtrain.testing", ".dialects.")


@contextlib.contextmanager
def programs_for(folder: Path) -> Iterator[Path]:
    """A folder with a `regtrain` and a `python` that are answered from a process like this; it ends with the block."""
    folder.mkdir()
    place = folder / "socket"
    # the address of a socket may have 107 bytes: it is named from the folder
    with subprocess.Popen([sys.executable, __file__, "socket"], cwd=folder, stdout=subprocess.PIPE) as server:
        for name in ("regtrain", "python"):
            words = [sys.executable, "-IS", str(CLIENT), str(place), name]
            (folder / name).write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
            (folder / name).chmod(0o755)
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        try:
            yield folder
        finally:
            server.kill()


def load_everything() -> None:
    """What any command imports. What is not installed, or for another database, is left to the command."""
    for top in ("regtrain", "regtrain_registry", "regtrain_plugins"):
        package = importlib.import_module(top)
        for module in pkgutil.walk_packages(package.__path__, f"{top}."):
            if not any(part in f"{module.name}." for part in LEFT_OUT):
                with contextlib.suppress(ImportError):
                    importlib.import_module(module.name)
    for name in ALSO:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def serve(address: str) -> None:
    """A process for each connection, until this one is killed."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            answer(connection)
        connection.close()


def answer(connection: socket.socket) -> None:
    """Run one command in a child, which is killed when the client is; its pid and its wait status go to the client."""
    header, descriptors, _, _ = socket.recv_fds(connection, 8, 3)
    request = bytearray()
    while len(request) < int.from_bytes(header, "big"):
        request += connection.recv(1 << 16)
    pid = os.fork()
    if pid == 0:
        connection.close()
        os._exit(command(json.loads(request), descriptors))
    for descriptor in descriptors:
        os.close(descriptor)
    connection.sendall(pid.to_bytes(8, "big"))
    child = os.pidfd_open(pid)
    if child not in select.select([child, connection], [], [])[0]:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(OSError):
        connection.sendall(status.to_bytes(8, "big"))
    os._exit(0)


def command(request: dict[str, Any], descriptors: list[int]) -> int:
    """What the interpreter does around a program: streams, surroundings, exit code."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    os.closerange(3, 256)
    os.umask(request["umask"])
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environ"])
    sys.path[:0] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.executable = request["python"]
    sys.argv = [request["program"], *request["arguments"]]
    sys.stdin = io.TextIOWrapper(io.FileIO(0), "utf-8")
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w")), "utf-8")
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(2, "w")), "utf-8", "backslashreplace", line_buffering=True
    )
    try:
        code = program(request)
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        if isinstance(leaving.code, str):
            print(leaving.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    return code


def program(request: dict[str, Any]) -> int:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if request["program"] == "regtrain":
        from regtrain.cli import main

        main()
        return 0
    from regtrain.job.__main__ import start

    del sys.argv[1:3]  # -m regtrain.job
    return start()


if __name__ == "__main__":
    del sys.path[0]
    load_everything()
    serve(sys.argv[1])

"""Asks a process of `warm.py` for a command: `python -IS warm_client.py SOCKET PROGRAM ARGUMENTS…`."""

import json
import os
import signal
import socket
import sys
from pathlib import Path

JOB = ["-m", "regtrain.job"]


def main() -> None:
    _, place, program, *arguments = sys.argv
    if program == "python" and arguments[:2] != JOB:
        os.execv(sys.executable, [sys.executable, *arguments])
    mask = os.umask(0)
    request = {
        "program": program,
        "arguments": arguments,
        "cwd": str(Path.cwd()),
        "umask": mask,
        "environ": dict(os.environ),
        "python": str(Path(place).with_name("python")),
    }
    text = json.dumps(request).encode()
    os.chdir(Path(place).parent)  # the address of a socket may have 107 bytes
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(Path(place).name)
    socket.send_fds(connection, [len(text).to_bytes(8, "big")], [0, 1, 2])
    connection.sendall(text)
    pid = number(connection)
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(one, lambda which, frame: os.kill(pid, which))
    status = number(connection)
    if os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    sys.exit(os.WEXITSTATUS(status))


def number(connection: socket.socket) -> int:
    found = b""
    while len(found) < 8:
        found += connection.recv(8 - len(found)) or sys.exit("the warm process is gone")
    return int.from_bytes(found, "big")


main()

"""Whole processes that a test meets at a chosen sample: no sleeping, no guessing where a run stands."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from support.cli.projects import Project

PATIENCE = 120
"""Seconds until a test gives up on a process that does not come."""

# At one sample the job says `PID` on a FIFO and waits: for as many signals as it is told (the interpreter notes each
# on a pipe before the handler runs), or to be killed. After each signal it says so. A job that goes on finds no FIFO.
DATA = """\
import os
import signal
from pathlib import Path

import torch
from torch.utils.data import Dataset

HERE = Path(__file__).parent


class Gated(Dataset):
    def __init__(self, rows, gate):
        self.inputs = torch.randn(rows, 3, generator=torch.Generator().manual_seed(1))
        self.gate, self.seen = gate, 0

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, index):
        self.seen += 1
        if self.seen == self.gate and (HERE / "gate").exists():
            wait(int((HERE / "signals").read_text()))
        return self.inputs[index], int(self.inputs[index].sum() > 0)


def wait(signals):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    with open(HERE / "gate", "w") as gate:
        print(os.getpid(), file=gate, flush=True)
        while signals:
            signals -= len(os.read(reader, 1))
            print("signal", file=gate, flush=True)
    signal.set_wakeup_fd(-1)


def build(gate: int = 22):
    return Gated(16, gate), Gated(8, 0)
"""


@dataclass
class Started:
    """A `regtrain` process. `said` is filled when it has ended."""

    process: subprocess.Popen[str]
    gate: int
    said: tuple[str, str] = ("", "")
    job: int = 0

    def at_gate(self) -> str:
        """What the job says next: its process id when it arrives, then a line for each signal."""
        ready, _, _ = select.select([self.gate], [], [], PATIENCE)
        assert ready, "the job did not come to the gate"
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(self.gate, 1)
        said = line.decode().strip()
        self.job = int(said) if said.isdigit() else self.job
        return said

    def end(self) -> int:
        self.said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode


@contextmanager
def started(
    project: Project, *argv: str, signals: int = 1, terminal: bool = False, environ: dict[str, str] | None = None
) -> Iterator[Started]:
    """`regtrain ARGV` in a process group of its own, whose job stops at its gate. `terminal`: standard input is one."""
    gate = project.folder / "gate"
    os.mkfifo(gate)
    project.write("signals", str(signals))
    descriptor = os.open(gate, os.O_RDWR | os.O_NONBLOCK)  # as a reader that is there before the job is
    master, slave = pty.openpty() if terminal else (-1, subprocess.DEVNULL)
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, *argv],
        cwd=project.folder,
        env={**os.environ, **(environ or {})},
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    run = Started(process, descriptor)
    try:
        yield run
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            if run.job:
                os.killpg(run.job, signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
        os.close(descriptor)
        gate.unlink()
        for end in (master, slave):
            if end >= 0:
                os.close(end)


MAIN = "from regtrain.cli import main; main()"

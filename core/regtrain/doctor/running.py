"""Checks at the same time, each within its limit: one that hangs or fails is a row, and the others are not touched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from regtrain.doctor.rows import Check, Row, failed, from_json
from regtrain.errors import Guard

__all__ = ["ask_child", "run_checks"]

GRACE = 2.0  # seconds in which a check reports that its child did not answer


def run_checks(checks: Sequence[Check]) -> list[Row]:
    """The rows of every check, in the order of the checks."""
    found: list[list[Row] | None] = [None] * len(checks)

    def work(number: int) -> None:
        rows: Sequence[Row] = ()
        with Guard() as call:
            rows = checks[number].find()
        problem = call.problem
        found[number] = list(rows) if problem is None else [failed(checks[number].name, problem)]

    began = time.monotonic()
    # daemons, because the program has to end although one of them does not
    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(len(checks))]
    for thread in threads:
        thread.start()
    for thread, check in zip(threads, checks, strict=True):
        thread.join(max(0.0, began + check.seconds + GRACE - time.monotonic()))
    late = [[_late(check.name, check.seconds)] for check in checks]
    return [row for rows, instead in zip(found, late, strict=True) for row in (rows or instead if rows != [] else [])]


def ask_child(name: str, task: str, request: Mapping[str, Any], seconds: float) -> list[Row]:
    """The rows that `regtrain.doctor.child` finds, in a process that is killed when it does not answer.

    Code of other packages runs there: what it imports, prints, waits for or ends does not reach this process. `request`
    goes by a pipe, since it may hold secrets.
    """
    reading, writing = os.pipe()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        [sys.executable, "-m", "regtrain.doctor.child", task, str(writing)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[writing],
        start_new_session=True,
    )
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        try:
            process.communicate(json.dumps(dict(request)).encode(), timeout=seconds)
        except subprocess.TimeoutExpired:
            return [_late(name, seconds)]
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # and whatever it has started
            process.wait()
        text = answer.read()
    if not text:
        return [Row(name, "failure", f"the check ended with exit code {process.returncode} and no answer")]
    return [from_json(value) for value in json.loads(text)]


def _late(name: str, seconds: float) -> Row:
    return Row(name, "failure", f"no answer within {seconds:g} seconds", "see what it waits for: a network, a disk")
